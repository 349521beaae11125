package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/vbauerster/mpb/v8"
	"github.com/vbauerster/mpb/v8/cwriter"
	"github.com/vbauerster/mpb/v8/decor"
)

// output is the flag that every command has.
type output struct {
	JSON string `placeholder:"FILE" help:"Write the result as JSON; - is stdout, and then nothing else is there."`
}

// prepare says before anything is executed that the file can't be written.
func (o output) prepare() error {
	if o.JSON == "" || o.JSON == "-" {
		return nil
	}
	return writable(o.JSON)
}

// writable opens a file for writing and leaves what is in it alone.
func writable(name string) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return usage(err)
	}
	return f.Close()
}

// emit writes a result: as JSON where that is asked for, and for a person unless JSON has stdout.
func (o output) emit(s *session, result any, tell func(io.Writer)) error {
	if o.JSON != "" {
		b, err := json.MarshalIndent(result, "", " ")
		if err != nil {
			return err
		}
		b = append(b, '\n')
		if o.JSON == "-" {
			_, err = s.stdout.Write(b)
			return err
		}
		if err := os.WriteFile(o.JSON, b, 0o666); err != nil {
			return err
		}
	}
	var buf bytes.Buffer
	tell(&buf)
	_, err := s.stdout.Write(colour(s.stdout, buf.Bytes()))
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

// example is the help text of a command's example.
func example(lines string) string { return fmt.Sprintf("Example:\n\n  %s", lines) }
