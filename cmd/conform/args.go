package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/conform-go/conform/spec"
)

// signed puts a negative number behind the flag that it belongs to, so that it is refused as a number: the parser would
// take -1 for a flag of its own. What stands behind -- is somebody else's.
func signed(args []string) []string {
	var out []string
	for i, arg := range args {
		if arg == "--" {
			return append(out, args[i:]...)
		}
		last := len(out) - 1
		if len(arg) > 1 && arg[0] == '-' && strings.ContainsRune(".0123456789", rune(arg[1])) &&
			last >= 0 && strings.HasPrefix(out[last], "--") && !strings.Contains(out[last], "=") {
			out[last] += "=" + arg
			continue
		}
		out = append(out, arg)
	}
	return out
}

// refused says what is wrong with a command line, and where to read on.
func refused(parser *kong.Kong, args []string, err error) string {
	name := "conform"
	var commands []string
	for _, c := range parser.Model.Children {
		commands = append(commands, c.Name)
	}
	if len(args) > 0 && slices.Contains(commands, args[0]) {
		name += " " + args[0]
	} else if len(args) > 0 && !strings.HasPrefix(args[0], "-") { // the parser looked for it among the arguments of run
		err = fmt.Errorf("unknown command %q: want one of %s", args[0], strings.Join(commands, ", "))
		if near := spec.Near(args[0], commands); len(near) > 0 {
			err = fmt.Errorf("unknown command %q: did you mean %s?", args[0], strings.Join(near, " or "))
		}
	}
	return fmt.Sprintf("conform: %s\n%s --help says what there is\n", strings.Replace(err.Error(), `one of "",`, "one of ", 1), name)
}

// typed takes in which flags were typed, and refuses what is wrong for every command: an empty value, less than no
// workers, and files that can't be written, that are the same, or that are read as well.
func (s *session) typed(command *kong.Context) error {
	s.flags = map[string]bool{}
	var writes []*kong.Flag
	var reads []string
	for _, p := range command.Path {
		switch {
		case p.Positional != nil && p.Positional.Name != "CMD":
			names := texts(p.Positional.Target)
			if slices.Contains(names, "") {
				return usage(fmt.Errorf("%s \"\": want a name", p.Positional.Name))
			}
			reads = append(reads, names...)
		case p.Flag != nil && !s.flags[p.Flag.Name]:
			s.flags[p.Flag.Name] = true
			if err := filled(p.Flag); err != nil {
				return usage(err)
			}
			if p.Flag.Tag.Has("writes") {
				writes = append(writes, p.Flag)
			}
		}
	}
	return s.reserve(writes, reads)
}

// texts gives the value of a flag or argument as it was typed, as far as it is text.
func texts(v reflect.Value) []string {
	switch x := v.Interface().(type) {
	case string:
		return []string{x}
	case []string:
		return x
	}
	return nil
}

// filled refuses a flag whose value is empty.
func filled(flag *kong.Flag) error {
	v := flag.Target
	empty := v.Kind() == reflect.Slice && v.Len() == 0
	if list := texts(v); list != nil {
		empty = len(named(list)) == 0
	}
	switch {
	case empty:
		return fmt.Errorf("--%s \"\": want a value, or the flag left out: %s", flag.Name, flag.Help)
	case flag.Name == "parallel" && v.Int() < 0:
		return fmt.Errorf("--parallel %d: want at least 1, or 0 for one for each core", v.Int())
	}
	return nil
}

// reserve sees, before anything is executed, that each file can be written, and is no other's.
func (s *session) reserve(writes []*kong.Flag, reads []string) error {
	for i, flag := range writes {
		name := flag.Target.String()
		for _, other := range writes[:i] {
			if same(name, other.Target.String()) {
				return usage(fmt.Errorf("--%s and --%s: both would be written to %s", other.Name, flag.Name, place(name)))
			}
		}
		if name == "-" {
			s.taken = true
			continue
		}
		if slices.ContainsFunc(reads, func(read string) bool { return same(name, read) }) {
			return usage(fmt.Errorf("--%s %s: that is what is read", flag.Name, name))
		}
		if err := writable(name); err != nil {
			return usage(fmt.Errorf("--%s: %w", flag.Name, err))
		}
	}
	return nil
}

func place(name string) string {
	if name == "-" {
		return "stdout"
	}
	return name
}

func same(a, b string) bool {
	if a == "-" || b == "-" {
		return a == b
	}
	return filepath.Clean(a) == filepath.Clean(b)
}

// writable opens a file for writing, leaves what is in it alone, and leaves none where none was.
func writable(name string) error {
	_, err := os.Stat(name)
	fresh := errors.Is(err, os.ErrNotExist)
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return err
	}
	err = f.Close()
	if fresh {
		err = errors.Join(err, os.Remove(name))
	}
	return err
}

// idle refuses flags that would do nothing, and says why they would not.
func (s *session) idle(why string, flags ...string) error {
	for _, name := range flags {
		if s.flags[name] {
			return usage(fmt.Errorf("--%s: %s", name, why))
		}
	}
	return nil
}

// write makes a file, if it has a name; - is stdout.
func (s *session) write(name string, with func(io.Writer) error) error {
	switch name {
	case "":
		return nil
	case "-":
		return with(s.stdout)
	}
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(with(f), f.Close())
}
