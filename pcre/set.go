package pcre

import (
	"slices"
	"unicode"
)

// span is an inclusive range of characters.
type span struct{ lo, hi rune }

// charSet is a set of characters: spans in order, neither touching nor
// overlapping.
type charSet []span

const (
	maxByte = 0xff
	maxRune = unicode.MaxRune
)

var (
	digits    = charSet{{'0', '9'}}
	wordChars = charSet{{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}
	spaces    = charSet{{'\t', '\r'}, {' ', ' '}}
	newline   = charSet{{'\n', '\n'}}
	// vertical and horizontal are \v and \h; without UTF the part up to 0xff.
	vertical   = charSet{{'\n', '\r'}, {0x85, 0x85}, {0x2028, 0x2029}}
	horizontal = charSet{{'\t', '\t'}, {' ', ' '}, {0xa0, 0xa0}, {0x1680, 0x1680}, {0x180e, 0x180e},
		{0x2000, 0x200a}, {0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000}}
)

// posix are the names of [:name:] in a class, in the C locale.
var posix = map[string]charSet{
	"alpha":  {{'A', 'Z'}, {'a', 'z'}},
	"lower":  {{'a', 'z'}},
	"upper":  {{'A', 'Z'}},
	"alnum":  {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}},
	"ascii":  {{0, 0x7f}},
	"blank":  {{'\t', '\t'}, {' ', ' '}},
	"cntrl":  {{0, 0x1f}, {0x7f, 0x7f}},
	"digit":  digits,
	"graph":  {{'!', '~'}},
	"print":  {{' ', '~'}},
	"punct":  {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}},
	"space":  spaces,
	"word":   wordChars,
	"xdigit": {{'0', '9'}, {'A', 'F'}, {'a', 'f'}},
}

// normal sorts and merges spans into a charSet.
func normal(spans []span) charSet {
	slices.SortFunc(spans, func(a, b span) int { return int(a.lo - b.lo) })
	set := spans[:0]
	for _, s := range spans {
		if last := len(set) - 1; last >= 0 && s.lo <= set[last].hi+1 {
			set[last].hi = max(set[last].hi, s.hi)
		} else {
			set = append(set, s)
		}
	}
	return charSet(set)
}

// upTo is the part of set that does not exceed limit.
func (set charSet) upTo(limit rune) charSet {
	for i, s := range set {
		if s.lo > limit {
			return set[:i:i]
		}
		if s.hi > limit {
			return append(slices.Clone(set[:i]), span{s.lo, limit})
		}
	}
	return set
}

// not is the set of the characters up to limit that are not in set.
func (set charSet) not(limit rune) charSet {
	var rest charSet
	from := rune(0)
	for _, s := range set.upTo(limit) {
		if s.lo > from {
			rest = append(rest, span{from, s.lo - 1})
		}
		from = s.hi + 1
	}
	if from <= limit {
		rest = append(rest, span{from, limit})
	}
	return rest
}

func (set charSet) has(r rune) bool {
	lo, hi := 0, len(set)
	for lo < hi {
		mid := (lo + hi) / 2
		switch {
		case r < set[mid].lo:
			hi = mid
		case r > set[mid].hi:
			lo = mid + 1
		default:
			return true
		}
	}
	return false
}

// otherCases calls f with each further case of r. Without UTF only ASCII
// letters have one, as in PCRE's built-in tables.
func otherCases(r rune, utf bool, f func(rune)) {
	if !utf {
		if 'a' <= r|0x20 && r|0x20 <= 'z' && r <= maxByte {
			f(r ^ 0x20)
		}
		return
	}
	for c := unicode.SimpleFold(r); c != r; c = unicode.SimpleFold(c) {
		f(c)
	}
}

// caseless is set with the other cases of its characters.
func (set charSet) caseless(utf bool) charSet {
	spans := slices.Clone([]span(set))
	for _, s := range set {
		for r := s.lo; r <= s.hi; r++ {
			if !utf && r > 'z' {
				break
			}
			if r > maxFolding {
				break
			}
			otherCases(r, utf, func(c rune) { spans = append(spans, span{c, c}) })
		}
	}
	return normal(spans)
}

// maxFolding is beyond the last character that has another case.
const maxFolding = 0x1ffff

// fromTable is the part of a Unicode table up to limit.
func fromTable(t *unicode.RangeTable, limit rune) charSet {
	var spans []span
	add := func(lo, hi, stride rune) {
		hi = min(hi, limit)
		if stride == 1 && lo <= hi {
			spans = append(spans, span{lo, hi})
			return
		}
		for ; lo <= hi; lo += stride {
			spans = append(spans, span{lo, lo})
		}
	}
	for _, r := range t.R16 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	for _, r := range t.R32 {
		add(rune(r.Lo), rune(r.Hi), rune(r.Stride))
	}
	return normal(spans)
}

// union is the set of the characters that are in any of sets.
func union(sets ...charSet) charSet {
	var spans []span
	for _, set := range sets {
		spans = append(spans, set...)
	}
	return normal(spans)
}

// property is the set of \p{name}; ok is false if PCRE knows no such property.
func property(name string, limit rune) (set charSet, ok bool) {
	switch name {
	case "Any":
		return charSet{{0, limit}}, true
	case "L&":
		return categories(limit, unicode.Lu, unicode.Ll, unicode.Lt), true
	case "Cn":
		return categories(limit, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z,
			unicode.Cc, unicode.Cf, unicode.Co, unicode.Cs).not(limit), true
	case "C":
		return categories(limit, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S, unicode.Z).not(limit), true
	case "Xan":
		return categories(limit, unicode.L, unicode.N), true
	case "Xwd":
		return union(categories(limit, unicode.L, unicode.N), charSet{{'_', '_'}}), true
	case "Xsp", "Xps":
		return union(categories(limit, unicode.Z), spaces, horizontal.upTo(limit), vertical.upTo(limit)), true
	case "LC":
		return nil, false
	}
	if t := unicode.Categories[name]; t != nil && len(name) <= 2 {
		return fromTable(t, limit), true
	}
	if t := unicode.Scripts[name]; t != nil {
		return fromTable(t, limit), true
	}
	return nil, false
}

func categories(limit rune, tables ...*unicode.RangeTable) charSet {
	sets := make([]charSet, len(tables))
	for i, t := range tables {
		sets[i] = fromTable(t, limit)
	}
	return union(sets...)
}
