package conf

import (
	"iter"
	"strings"
)

// Suggest returns the known name that name is most likely a misspelling of, or
// "" when none is near: at most a third of its letters may be wrong. Of equally
// near names it is the first in the alphabet.
func Suggest(name string, known iter.Seq[string]) string {
	best, bestDistance := "", len(name)/3+1
	for candidate := range known {
		if d := len(candidate) - len(name); d > bestDistance || -d > bestDistance {
			continue
		}
		d := distance(strings.ToLower(name), strings.ToLower(candidate))
		if d < bestDistance || d == bestDistance && best != "" && candidate < best {
			best, bestDistance = candidate, d
		}
	}
	return best
}

// distance counts the insertions, deletions, replacements and swaps of
// neighbours that turn a into b.
func distance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			change := row[j]
			if a[i] != b[j] {
				change++
			}
			next[j+1] = min(change, row[j+1]+1, next[j]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
