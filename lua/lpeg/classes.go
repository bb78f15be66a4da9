package lpeg

// class is a class of bytes of the C locale; letter is its name in re.
type class struct {
	name   string
	letter byte
	has    func(b byte) bool
}

func upper(b byte) bool { return b >= 'A' && b <= 'Z' }
func lower(b byte) bool { return b >= 'a' && b <= 'z' }
func digit(b byte) bool { return b >= '0' && b <= '9' }
func alpha(b byte) bool { return upper(b) || lower(b) }
func alnum(b byte) bool { return alpha(b) || digit(b) }
func graph(b byte) bool { return b > ' ' && b < 0x7F }

var classes = []class{
	{"alnum", 'w', alnum},
	{"alpha", 'a', alpha},
	{"cntrl", 'c', func(b byte) bool { return b < ' ' || b == 0x7F }},
	{"digit", 'd', digit},
	{"graph", 'g', graph},
	{"lower", 'l', lower},
	{"print", 0, func(b byte) bool { return b == ' ' || graph(b) }},
	{"punct", 'p', func(b byte) bool { return graph(b) && !alnum(b) }},
	{"space", 's', func(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }},
	{"upper", 'u', upper},
	{"xdigit", 'x', func(b byte) bool { return digit(b) || b|0x20 >= 'a' && b|0x20 <= 'f' }},
}

func (c *class) set() (s charset) {
	for b := range 256 {
		if c.has(byte(b)) {
			s.add(byte(b))
		}
	}
	return s
}
