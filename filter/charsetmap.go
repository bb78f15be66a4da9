package filter

import (
	"encoding/hex"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// charsetTables are the charset_map blocks of a configuration.
type charsetTables struct{ list []*charsetTable }

// charsetTable recodes from one charset to another; one of the three tables
// is set.
type charsetTable struct {
	from, to string
	bytes    *[256]byte
	toUTF8   *[256]string
	fromUTF8 map[rune]byte
}

func (t *charsetTables) find(from, to string) *charsetTable {
	for _, c := range t.list {
		if strings.EqualFold(c.from, from) && strings.EqualFold(c.to, to) {
			return c
		}
	}
	return nil
}

// addCharsetMap reads a block of pairs of hexadecimal codes. It recodes both
// ways; what it does not name beyond ASCII becomes "?".
func addCharsetMap(own *charset, b *phases.Block, s *conf.Stmt) error {
	from, to := s.Args[0], s.Args[1]
	tables := charsetMaps.Of(b.Config)
	if strings.EqualFold(from, to) {
		return s.Errorf("\"charset_map\" between the same charsets \"%s\" and \"%s\"", from, to)
	}
	if tables.find(from, to) != nil {
		return s.Errorf("duplicate \"charset_map\" between \"%s\" and \"%s\"", from, to)
	}
	there, back := &charsetTable{from: from, to: to}, &charsetTable{from: to, to: from}
	unicode := strings.EqualFold(to, "utf-8")
	if unicode {
		there.toUTF8, back.fromUTF8 = new([256]string), map[rune]byte{}
	} else {
		there.bytes, back.bytes = new([256]byte), new([256]byte)
	}
	for i := range 256 {
		c := byte('?')
		if i < 0x80 {
			c = byte(i)
		}
		if unicode {
			there.toUTF8[i] = string(rune(c))
		} else {
			there.bytes[i], back.bytes[i] = c, c
		}
	}
	for _, row := range s.Block {
		if len(row.Args) != 1 || row.HasBlock {
			return row.Errorf("invalid parameters number")
		}
		src, err := hex.DecodeString(row.Name)
		if err != nil || len(src) != 1 {
			return row.Errorf("invalid value \"%s\"", row.Name)
		}
		dst, err := hex.DecodeString(row.Args[0])
		if err != nil || len(dst) == 0 || !unicode && len(dst) != 1 {
			return row.Errorf("invalid value \"%s\"", row.Args[0])
		}
		if !unicode {
			there.bytes[src[0]], back.bytes[dst[0]] = dst[0], src[0]
			continue
		}
		c, n := utf8.DecodeRune(dst)
		if c == utf8.RuneError || n != len(dst) {
			return row.Errorf("invalid value \"%s\"", row.Args[0])
		}
		there.toUTF8[src[0]], back.fromUTF8[c] = string(dst), src[0]
	}
	tables.list = append(tables.list, there, back)
	return nil
}

// append recodes b and appends it to dst.
func (z *recoding) append(dst, b []byte) []byte {
	switch t := z.table; {
	case t.bytes != nil:
		for _, c := range b {
			dst = append(dst, t.bytes[c])
		}
		return dst
	case t.toUTF8 != nil:
		for _, c := range b {
			dst = append(dst, t.toUTF8[c]...)
		}
		return dst
	}
	b = z.room.join(z.partial, b)
	z.partial = z.partial[:0]
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		switch to, known := z.table.fromUTF8[c]; {
		case c == utf8.RuneError && n == 1 && !utf8.FullRune(b):
			z.partial = append(z.partial, b...)
			return dst
		case c < utf8.RuneSelf:
			dst = append(dst, byte(c))
		case known:
			dst = append(dst, to)
		case c == utf8.RuneError && n == 1:
			dst = append(dst, '?')
		default: // a character that the charset does not have
			dst = append(strconv.AppendInt(append(dst, "&#"...), int64(c), 10), ';')
		}
		b = b[n:]
	}
	return dst
}
