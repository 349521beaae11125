package faults

import (
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/conform-go/conform/spec"
)

func parseDuration(what, word string) (time.Duration, error) {
	d, err := time.ParseDuration(word)
	if err != nil {
		return 0, fmt.Errorf("%s %q: want a duration such as 1.5ms", what, word)
	}
	return d, nil
}

// words are the words of one line that are not yet read.
type words struct{ left []string }

// cut splits a line and drops its comment. The marks | and > stand for themselves, with or without spaces.
func (w *words) cut(line string) {
	if strings.ContainsAny(line, "|>") {
		line = strings.NewReplacer("|", " | ", ">", " > ").Replace(line)
	}
	w.left = strings.Fields(line)
	for i, word := range w.left {
		if word[0] == '#' {
			w.left = w.left[:i]
			return
		}
	}
}

func (w *words) done() bool { return len(w.left) == 0 }

func (w *words) end() error {
	if w.done() {
		return nil
	}
	return fmt.Errorf("%q is too much: the line should end before it", w.left[0])
}

func (w *words) next(what string) (string, error) {
	if w.done() {
		return "", fmt.Errorf("want %s at the end of the line", what)
	}
	word := w.left[0]
	w.left = w.left[1:]
	return word, nil
}

// accept reads the word if it is the next one.
func (w *words) accept(word string) bool {
	if w.done() || w.left[0] != word {
		return false
	}
	w.left = w.left[1:]
	return true
}

// number reads a decimal number of at most 31 bits and no sign.
func (w *words) number(what string) (int, error) {
	word, err := w.next("a number (" + what + ")")
	if err != nil {
		return 0, err
	}
	n, err := strconv.ParseUint(word, 10, 31)
	if err != nil {
		return 0, fmt.Errorf("%s %q: want a number", what, word)
	}
	return int(n), nil
}

func (w *words) hex(what string) ([]byte, error) {
	word, err := w.next(what + " in hexadecimal")
	if err != nil {
		return nil, err
	}
	b, err := hex.DecodeString(word)
	if err != nil {
		return nil, fmt.Errorf("%s %q: want pairs of hexadecimal digits", what, word)
	}
	return b, nil
}

// want reads a word that must stand here.
func (w *words) want(word string) error {
	if w.done() {
		return fmt.Errorf("want %q at the end of the line", word)
	}
	if !w.accept(word) {
		return fmt.Errorf("want %q, not %q", word, w.left[0])
	}
	return nil
}

func (w *words) node(what string) (spec.NodeID, error) {
	n, err := w.number(what)
	return spec.NodeID(n), err
}

// router reads r0, r1, …
func (w *words) router() (int, error) {
	word, err := w.next("a router, such as r0")
	if err != nil {
		return 0, err
	}
	digits, ok := strings.CutPrefix(word, "r")
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || !ok {
		return 0, fmt.Errorf("router %q: want r and a number, such as r0", word)
	}
	return int(n), nil
}

// peer reads the other end of a link after its word; without the word it is everyone.
func (w *words) peer(word string) (spec.NodeID, error) {
	if !w.accept(word) {
		return -1, nil
	}
	return w.node("peer")
}

func (w *words) duration(what string) (time.Duration, error) {
	word, err := w.next("a duration (" + what + ")")
	if err != nil {
		return 0, err
	}
	return parseDuration(what, word)
}

func (w *words) percent() (int, error) {
	word, err := w.next("a percentage")
	if err != nil {
		return 0, err
	}
	digits, ok := strings.CutSuffix(word, "%")
	n, err := strconv.ParseUint(digits, 10, 31)
	if err != nil || !ok {
		return 0, fmt.Errorf("percentage %q: want a number and a percent sign, such as 50%%", word)
	}
	return int(n), nil
}

// parts reads nodes with marks between the parts, up to the first word that is neither.
func (w *words) parts(mark string) ([][]spec.NodeID, error) {
	parts := [][]spec.NodeID{nil}
	for !w.done() {
		last := &parts[len(parts)-1]
		switch word := w.left[0]; {
		case word == mark:
			parts = append(parts, nil)
			w.left = w.left[1:]
		case word[0] >= '0' && word[0] <= '9':
			n, err := w.node("node")
			if err != nil {
				return nil, err
			}
			*last = append(*last, n)
		case word == "|" || word == ">":
			return nil, fmt.Errorf("%q between the parts: want %q", word, mark)
		default:
			return parts, nil
		}
	}
	return parts, nil
}
