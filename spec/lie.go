package spec

import (
	"fmt"
	"strings"
)

// Lie is what a Byzantine node does, one or several of these.
type Lie uint8

// The lies.
const (
	Equivocate Lie = 1 << iota // tell some members one thing and the others another
	Forge                      // vote for what was not said, too early, and speak in the name of others
	Mute                       // stay silent to some members
	Replay                     // say again what was said before

	EveryLie = Equivocate | Forge | Mute | Replay
)

var lieNames = [...]string{"equivocate", "forge", "mute", "replay"}

// String lists the lies with commas; without any it is "none".
func (l Lie) String() string {
	var names []string
	for i, name := range lieNames {
		if l&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ",")
}

// ParseLie is the inverse of [Lie.String].
func ParseLie(s string) (l Lie, err error) {
	if s == "none" {
		return 0, nil
	}
words:
	for word := range strings.SplitSeq(s, ",") {
		for i, name := range lieNames {
			if name == word {
				l |= 1 << i
				continue words
			}
		}
		return 0, fmt.Errorf("unknown lie %q: want some of %s", word, EveryLie)
	}
	return l, nil
}
