package spec

import (
	"fmt"
	"slices"
	"strings"
)

// Near gives up to three of among that word may have been meant to be, the nearest first: those that differ by few
// letters, or that begin with it. Case does not count.
func Near(word string, among []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	word = strings.ToLower(word)
	limit := max(2, len(word)/3)
	var found []candidate
	for _, name := range among {
		lower := strings.ToLower(name)
		d := editDistance(word, lower)
		if len(word) > 1 && strings.HasPrefix(lower, word) {
			d = min(d, 1)
		}
		// A name of which every letter would have to change is no suggestion.
		if d <= limit && d < len(lower) {
			found = append(found, candidate{name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return a.distance - b.distance })
	var out []string
	for _, c := range found[:min(3, len(found))] {
		out = append(out, c.name)
	}
	return out
}

// editDistance counts the bytes to insert, remove or replace that make b of a (Levenshtein 1966).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}

// didYouMean ends an error message about an unknown word; it is empty when nothing is near.
func didYouMean(word string, among []string) string {
	near := Near(word, among)
	if len(near) == 0 {
		return ""
	}
	for i, name := range near {
		near[i] = fmt.Sprintf("%q", name)
	}
	return "; did you mean " + strings.Join(near, " or ") + "?"
}
