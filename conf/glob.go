package conf

import (
	"os"
	"slices"
	"strings"
)

// glob returns the names that match pattern, sorted by their bytes, as glob(3)
// does in the C locale; filepath.Glob differs in [!x] and in names that begin
// with a dot. Directories that cannot be read have no matches.
func glob(pattern string) ([]string, error) {
	found := []string{""}
	parts := strings.Split(pattern, "/")
	for i, part := range parts {
		var next []string
		for _, dir := range found {
			if i > 0 {
				dir += "/"
			}
			next = append(next, globIn(dir, part, i == len(parts)-1)...)
		}
		found = next
	}
	slices.Sort(found)
	return found, nil
}

// globIn returns dir, which ends in a slash, with each name in it that matches part.
func globIn(dir, part string, last bool) (found []string) {
	if !strings.ContainsAny(part, "*?[") {
		name := dir + strings.ReplaceAll(part, `\`, "")
		if last {
			if _, err := os.Lstat(name); err != nil {
				return nil
			}
		}
		return []string{name}
	}
	from := dir
	if from == "" {
		from = "."
	}
	entries, err := os.ReadDir(from)
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		name := entry.Name()
		if (name[0] != '.' || part[0] == '.') && match(part, name) {
			found = append(found, dir+name)
		}
	}
	return found
}

// match says whether name, which has no slash, matches pattern. On a mismatch
// only the last * is tried again, so the time is at most the product of both lengths.
func match(pattern, name string) bool {
	star, again := -1, 0
	p, n := 0, 0
	for n < len(name) {
		if p < len(pattern) && pattern[p] == '*' {
			star, again = p, n
			p++
			continue
		}
		if width, ok := matchOne(pattern[p:], name[n]); ok {
			p += width
			n++
			continue
		}
		if star < 0 {
			return false
		}
		again++
		p, n = star+1, again
	}
	return strings.Trim(pattern[p:], "*") == ""
}

// matchOne matches the first item of pattern, width bytes of it, with c.
func matchOne(pattern string, c byte) (width int, ok bool) {
	switch {
	case pattern == "":
		return 0, false
	case pattern[0] == '?':
		return 1, true
	case pattern[0] == '\\' && len(pattern) > 1:
		return 2, pattern[1] == c
	case pattern[0] == '[':
		if width, ok := matchSet(pattern, c); width > 0 {
			return width, ok
		}
	}
	return 1, pattern[0] == c
}

// matchSet matches [abc], [a-z], [!x] or [^x]. The width is 0 when no ] closes
// the set: it is then a [ like any other letter.
func matchSet(pattern string, c byte) (width int, ok bool) {
	i, not := 1, false
	if i < len(pattern) && (pattern[i] == '!' || pattern[i] == '^') {
		not = true
		i++
	}
	for first := i; i < len(pattern); i++ {
		if pattern[i] == ']' && i > first {
			return i + 1, ok != not
		}
		if pattern[i] == '\\' && i+1 < len(pattern) {
			i++
		}
		low, high := pattern[i], pattern[i]
		if i+2 < len(pattern) && pattern[i+1] == '-' && pattern[i+2] != ']' {
			i += 2
			high = pattern[i]
		}
		ok = ok || low <= c && c <= high
	}
	return 0, false
}
