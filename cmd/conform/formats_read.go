package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/conform-go/conform/spec"
)

// formatted says what is wrong with the flags about formats.
func (c *checkCommand) formatted() error {
	switch {
	case !slices.Contains([]string{"jsonl", "epfl", "jepsen"}, c.Format):
		return fmt.Errorf("unknown format %q: want jsonl, epfl or jepsen", c.Format)
	case c.Settled && c.Format == "jsonl":
		return errors.New("--settled: a history says itself whether it is")
	case len(c.Crashed) > 0 && c.Format != "epfl":
		return errors.New("--crashed: want --format epfl")
	case len(slices.DeleteFunc(slices.Clone(c.History), func(name string) bool { return name != "-" })) > 1:
		return errors.New("-: stdin can be read once")
	case c.Nodes != 0 && c.Format != "jepsen" || c.Nodes < 0:
		return fmt.Errorf("--nodes %d: want a number of nodes, and --format jepsen", c.Nodes)
	}
	return nil
}

// histories lists the files of each history: of the logs of processes, all are one.
func (c *checkCommand) histories() [][]string {
	if c.Format == "epfl" {
		return [][]string{c.History}
	}
	var out [][]string
	for _, name := range c.History {
		out = append(out, []string{name})
	}
	return out
}

// read reads a history in the format that is asked for.
func (c *checkCommand) read(files []string, claims []spec.ID) (*spec.History, error) {
	switch c.Format {
	case "epfl":
		return c.readLogs(files)
	case "jepsen":
		f, err := os.Open(files[0])
		if err != nil {
			return nil, err
		}
		defer f.Close()
		h, ordered, err := spec.ReadOperations(f, c.Nodes, c.Settled)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", files[0], err)
		}
		if i := slices.IndexFunc(claims, aboutOrder); i >= 0 && !ordered {
			return nil, fmt.Errorf("%s: %s can't be judged: reads do not tell the order of deliveries", files[0], claims[i])
		} else if len(claims) == 0 && !ordered {
			return nil, fmt.Errorf("%s: reads do not tell the order of deliveries: want --claims without any order", files[0])
		}
		return h, h.Sound()
	}
	return readHistory(files[0])
}

func aboutOrder(id spec.ID) bool {
	r, ok := spec.Lookup(id)
	return ok && r.Family == spec.Order
}

// readLogs reads the logs of processes. The number of a process is the last one in the name of its file.
func (c *checkCommand) readLogs(files []string) (*spec.History, error) {
	var logs []spec.ProcessLog
	for _, name := range files {
		base := strings.TrimRight(filepath.Base(name), letters)
		p, err := strconv.ParseUint(base[len(strings.TrimRight(base, "0123456789")):], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("%s: want a name with the number of the process, as proc03.output has", name)
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, err
		}
		defer f.Close()
		logs = append(logs, spec.ProcessLog{Process: p, Text: f})
	}
	crashed := map[uint64]bool{}
	for _, p := range c.Crashed {
		crashed[p] = true
	}
	return spec.ReadProcessLogs(logs, c.Settled, crashed)
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._-"
