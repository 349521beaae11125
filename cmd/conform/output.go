package main

import (
	"bytes"
	"encoding/json"
	"io"
	"os"
	"strings"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// output is the flag that every command has.
type output struct {
	JSON string `placeholder:"FILE" writes:"" help:"Write the result as JSON; - is stdout, and then nothing else is there."`
}

// emit writes a result: as JSON where that is asked for, and for a person unless a file has stdout.
func (o output) emit(s *session, result any, tell func(io.Writer)) error {
	err := s.write(o.JSON, func(w io.Writer) error {
		b, err := json.MarshalIndent(result, "", " ")
		if err == nil {
			_, err = w.Write(append(b, '\n'))
		}
		return err
	})
	if err != nil || s.taken {
		return err
	}
	var buf bytes.Buffer
	tell(&buf)
	_, err = s.stdout.Write(colour(s.stdout, buf.Bytes()))
	return err
}

// terminal says whether a writer is one that a person looks at.
func terminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	return cwriter.IsTerminal(int(f.Fd()))
}

// colour paints the words of verdicts on a terminal, unless NO_COLOR is set.
func colour(w io.Writer, b []byte) []byte {
	if os.Getenv("NO_COLOR") != "" || !terminal(w) {
		return b
	}
	for _, word := range []string{"BROKEN", "SURVIVED", "false alarm:"} {
		b = bytes.ReplaceAll(b, []byte(word), []byte("\x1b[31m"+word+"\x1b[0m"))
	}
	return b
}

// progress shows on a terminal how far a command has come. The first function takes what is done, the second ends it.
func progress(s *session, what string) (func(done, total int), func()) {
	if !terminal(s.stderr) {
		return nil, func() {}
	}
	p := mpb.New(mpb.WithOutput(s.stderr), mpb.WithWidth(48))
	bar := p.AddBar(0, mpb.BarRemoveOnComplete(), mpb.PrependDecorators(decor.Name(what+" ")),
		mpb.AppendDecorators(decor.CountersNoUnit("%d/%d")))
	return func(done, total int) {
			bar.SetTotal(int64(total), false)
			bar.SetCurrent(int64(done))
		}, func() {
			bar.SetTotal(-1, true)
			p.Wait()
		}
}

// named drops the empty names from a list that the command line has split at its commas.
func named(list []string) []string {
	var out []string
	for _, x := range list {
		if x != "" {
			out = append(out, x)
		}
	}
	return out
}

// example is the help text of a command's example, whose lines work one after the other where the repository is.
func example(lines ...string) string { return "Example:\n\n  " + strings.Join(lines, "\n\n  ") }
