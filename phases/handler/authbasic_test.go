package handler

import "testing"

func TestCheckPassword(t *testing.T) {
	const long = "a much longer password than sixty-four bytes, so that every block of the hash is used"
	for _, c := range []struct{ password, stored string }{
		{"a", "{PLAIN}a"},
		{"password", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="},
		{"", "$1$saltsalt$5Jhcit4zN9UlGiA0txPkO0"},
		{"", "$apr1$saltsalt$a8ml/vK5HEjiZ5oypDWA7/"},
		{"a", "$1$saltsalt$MzDjbImyzEz2m0NTiPzNW/"},
		{"a", "$apr1$saltsalt$OEnK0QmmvoDzFw9W2yFYT/"},
		{"a", "$5$saltsalt$Mtm6KOxb.PwaKES1sp80SDYOu1T0RdwsBVakhLiqA64"},
		{"a", "$6$saltsalt$8gzUrz5S2/0AfMGfui2LllQQ2fwu.jYnAVGef2XY7gAo0jNFrzHsTq9lMr2ze7QvIJxr4BYOKdgDpx4Va9Atb1"},
		{"password", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"},
		{"password", "$apr1$saltsalt$yAAkm4libquA.ZWLHbSBq/"},
		{"password", "$5$saltsalt$gOjOtoMpVhru2uyjeJSEc/JaLQWOXMNmlOnj6T4AtC."},
		{"password", "$6$saltsalt$qFmFH.bQmmtXzyBY0s9v7Oicd2z4XSIecDzlB5KiA2/jctKu9YterLp8wwnSq.qc.eoxqOmSuNp2xS0ktL3nh/"},
		{long, "$1$saltsalt$iHUuEICrEa16iFE/UTvRC1"},
		{long, "$apr1$saltsalt$PyYAoANtAZZbhMwHZXM9R."},
		{long, "$5$saltsalt$XtZTqQaVP4rMgUWDXdTRJfi/HZCz2TuURurLjQCF7AD"},
		{long, "$6$saltsalt$wPQ2ceiqSU7BIGD3ucSa7Ewx7J9pXrWy1bKRtAHQhsMTDoG4GmXAF8qWKrvT9at2jPgiISHXC7DU3y0MhvPHI/"},
		{"password", "{SSHA}yI6cZwQadOA1e+/f+T+H3eCQQhRzYWx0"},
	} {
		if good, known := checkPassword(c.stored, c.password); !good || !known {
			t.Errorf("%q is not %s", c.password, c.stored)
		}
		if good, known := checkPassword(c.stored, c.password+"x"); good || !known {
			t.Errorf("%q is %s", c.password+"x", c.stored)
		}
	}
	for _, stored := range []string{"", "x", "$2y$05$abc", "$5$rounds=x$salt$hash", "$$$$", "$1$"} {
		if good, known := checkPassword(stored, ""); good || known {
			t.Errorf("%q: %v %v", stored, good, known)
		}
	}
}
