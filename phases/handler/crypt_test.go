package handler

import (
	"strings"
	"testing"
)

// TestCrypt compares with what crypt(3) and openssl passwd make.
func TestCrypt(t *testing.T) {
	for _, c := range []struct{ password, want string }{
		{"password", "abJnggxhB/yWI"},
		{"password", "./xZjzHv5vzVE"},
		{"password", "zZDDIZ0NOlPzw"},
		{"password", "$1$saltsalt$qjXMvbEw8oaL.CzflDtaK/"},
		{"password", "$1$x$ntiM1/Tz/A.K1foNwVMof0"},
		{"password", "$5$saltstring$OH4IDuTlsuTYPdED1gsuiRMyTAwNlRWyA6Xr3I4/dQ5"},
		{"password", "$5$rounds=1400$anotherlongsalt$8xcn2X2rbDr1tYcoslOOgcBwjCIRAOJUrz7e9nxWMrA"},
		{"password", "$6$saltstring$adDbXsJjcDlq2662QPgd.tkSOVmnG9Tt3oXl4HR60SusC3AGjirnDenVZp3DGwLwqy6iYKCzannhaX9DR72nN1"},
		{"password", "$6$rounds=1000$s$ih15dMz95fxoR4UE4XOx/kI3ZolBYLbZ3tmcD2WkMRpCgMlylVVtTgcBh82GEohTb.qAfqBTNpZChVABAHw8G0"},
		{"password", "$2b$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm"},
		{"password", "$2a$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm"},
		{"password", "$2y$04$abcdefghijklmnopqrstuughE8Ev8uGFaUgY2cNEySvxngrb/Jzdm"},
		{"a", "abxxB7HlIeckU"},
		{"a", "./xT2u5QYaHcU"},
		{"a", "zZ/Dc0K.bMxrQ"},
		{"a", "$1$saltsalt$MzDjbImyzEz2m0NTiPzNW/"},
		{"a", "$1$x$P8VObTrxaqT4VBmnH06P8."},
		{"a", "$5$saltstring$7cz4bTeQ7MnNssphNhFVrITtuJYY/1tdvLL2uzLvOk8"},
		{"a", "$5$rounds=1400$anotherlongsalt$HVSI2LzPpt7JwJqOYazx3C/9pVfFL9lCJ9dnatuRj53"},
		{"a", "$6$saltstring$MO53nAXQUKXVLlsbiXyPgMsR6q10N7eF7sPvanwdXnEeCj5kE3eYaRvFv0wVW1UZ4SnNTzc1v4OCOq1ASDQZY0"},
		{"a", "$6$rounds=1000$s$Qr956wg.MR4VkDV994715AMsJortV.nSw46Z.6MKwssRNqLX2p/csvWXL3PAAy0HDUbfxpZ4.jBPpGdOlUxep1"},
		{"a", "$2b$04$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC"},
		{"a", "$2a$04$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC"},
		{"a", "$2y$04$abcdefghijklmnopqrstuuMFdJu9yVgmagVAIC24fOZkaFqd3s9JC"},
		{"pass word8+more", "ab3jcLo8aNLw6"},
		{"pass word8+more", "./twI1FFD762A"},
		{"pass word8+more", "zZ3RHOWJ65MJw"},
		{"pass word8+more", "$1$saltsalt$0r0E1HN.euTOuDDfOjtQT/"},
		{"pass word8+more", "$1$x$SbR.KladtegNqEG2zw5rx/"},
		{"pass word8+more", "$5$saltstring$nB/GlkZZjjLbe8yZiGbY6goGEUlBLmxuVnNIQwABM/0"},
		{"pass word8+more", "$5$rounds=1400$anotherlongsalt$yvrG/e3qxfBIQeGMMfOG05bStxjwcMKarK9gCr.oE51"},
		{"pass word8+more", "$6$saltstring$nIWxFhJpqzv2AnPIBa0cg4gYdQkYv1Xhx738zWQGCrl/cgRsHaRKIFmpPRYkojsoPf6bCNsyKAScdaojTiWcN/"},
		{"pass word8+more", "$6$rounds=1000$s$EFnahMAkP5Dml.7mOGbYBim3kCGB5x0Apx0sTTJ/BZv0Po8tV5oWP.2SaWuH8GNLWcIoN1I/eBQUm642GHwKH0"},
		{"pass word8+more", "$2b$04$abcdefghijklmnopqrstuubY63OftiFZx6l8/DVdQzAMx4LXkbBKC"},
		{"pass word8+more", "$2a$04$abcdefghijklmnopqrstuubY63OftiFZx6l8/DVdQzAMx4LXkbBKC"},
		{"pass word8+more", "$2y$04$abcdefghijklmnopqrstuubY63OftiFZx6l8/DVdQzAMx4LXkbBKC"},
		{"\xc3\xa9t\xc3\xa9", "ab5ad2Q7liuxQ"},
		{"\xc3\xa9t\xc3\xa9", "./BP7hxAS9MMQ"},
		{"\xc3\xa9t\xc3\xa9", "zZo1QSmKV9rVQ"},
		{"\xc3\xa9t\xc3\xa9", "$1$saltsalt$6ar7NnJoexrehWw/MhCvJ0"},
		{"\xc3\xa9t\xc3\xa9", "$1$x$4/9YyRupWxHi9uK4ph6Cx/"},
		{"\xc3\xa9t\xc3\xa9", "$5$saltstring$Z.BDQGD2UtsdChi.Vnq3J954e4enKwEErst7Nst6eI0"},
		{"\xc3\xa9t\xc3\xa9", "$5$rounds=1400$anotherlongsalt$Dgr//4gA3NAlQ/eulvdFo9.LhTrM1hjdKFTX3tXVYo2"},
		{"\xc3\xa9t\xc3\xa9", "$6$saltstring$452KeZExGjmDn31xxtNBiI014hnZegBIw8RdlLsYv/sW8YitRp6r4Z4vdwx0CWPt4KkG.tz//RWBpj3fls9kf1"},
		{"\xc3\xa9t\xc3\xa9", "$6$rounds=1000$s$aoH5GhmBwQPBf3NvVq5TBXrqdS51YRlUALemmMWsXIOcbHkYqLmdZArW0QBxi.3CDb93XFUy7ZeuZ9puIRVq60"},
		{"\xc3\xa9t\xc3\xa9", "$2b$04$abcdefghijklmnopqrstuuqJbFBQPmEuBpYWIGZrYwVfOkXZdOhCm"},
		{"\xc3\xa9t\xc3\xa9", "$2a$04$abcdefghijklmnopqrstuuqJbFBQPmEuBpYWIGZrYwVfOkXZdOhCm"},
		{"\xc3\xa9t\xc3\xa9", "$2y$04$abcdefghijklmnopqrstuuqJbFBQPmEuBpYWIGZrYwVfOkXZdOhCm"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "ab2wHQ4RTFVKI"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "./EK6XMRZnEdY"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "zZcLGWImZ3Vko"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "$1$saltsalt$few0SDvGJuTMJfNdMCgP81"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "$1$x$vNk0Gxp/YEuXjoIJ03KpG0"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "$5$saltstring$YkO/agQX1kVvQRyJi4EO3hfMOxdlASUcGCROvPEY0j0"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "$5$rounds=1400$anotherlongsalt$M/YOuQvv53nXCSgjOWUDYDeG9nDWEdVe7zgM765C7k6"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "$6$saltstring$uqSsSSqZyQsH8bincZPw8CylGYr4ZAEMVcnhkx5s8KX7Hy4/BXGFc.ycq8nO3GcgPxYQ/KhyXyR2peBfULrza/"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "$6$rounds=1000$s$OhIltXFxF.Qp10u.20YVTkBHqx/EKObKMM9yCGzMcRxMX6vzk7ps.df2kZGrF7XjGTeo7BdHLyT75by48ONH.0"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "$2b$04$abcdefghijklmnopqrstuuFp0dAXuXFYaW56f5FAmrZ5zZ3iTz1Va"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "$2a$04$abcdefghijklmnopqrstuuFp0dAXuXFYaW56f5FAmrZ5zZ3iTz1Va"},
		{"0123456789012345678901234567890123456789012345678901234567890123456789", "$2y$04$abcdefghijklmnopqrstuuFp0dAXuXFYaW56f5FAmrZ5zZ3iTz1Va"},
		{"password", "$apr1$saltsalt$yAAkm4libquA.ZWLHbSBq/"},
		{"password", "{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g="},
		{"password", "{SSHA}ee8B4sDcL2v+8i/kd2JQHpn2DkZ4eXo="},
		{"password", "{PLAIN}password"},
		{"a", "$apr1$saltsalt$OEnK0QmmvoDzFw9W2yFYT/"},
		{"a", "{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g="},
		{"a", "{SSHA}QNPECMKDzvM2oET0WLBsp5VUUh14eXo="},
		{"a", "{PLAIN}a"},
		{"pass word", "$apr1$saltsalt$qYpLAVWkBvXFyDme7.oc1/"},
		{"pass word", "{SHA}2oguq15ANCGsJCWKX31fllwpyEk="},
		{"pass word", "{SSHA}HkAXiLmdUcB5zMY97V5/Q/nb09R4eXo="},
		{"pass word", "{PLAIN}pass word"},
	} {
		match, _ := cryptScheme(c.want)
		if !match(c.password, c.want) {
			t.Errorf("%q is not the password of %q", c.password, c.want)
		}
		for _, wrong := range []string{"", c.password + "x", strings.ToUpper(c.password)} {
			if wrong == c.password || !strings.HasPrefix(c.want, "$") && !strings.HasPrefix(c.want, "{") && len(c.password) >= 8 {
				continue
			}
			if match(wrong, c.want) {
				t.Errorf("%q is taken for the password of %q", wrong, c.want)
			}
		}
	}
}

func TestCryptRefuses(t *testing.T) {
	for _, want := range []string{"", "a", "*", "!!", "x-", "$", "$1", "$1$", "$5$", "$5$rounds=", "$5$rounds=99999999999$a$b", "$6$a", "$2", "$2a$", "$2a$10$short", "$y$j9T$x$y",
		"{SHA}", "{SHA}****", "{SSHA}AAAA", "{PLAIN}"} {
		match, _ := cryptScheme(want)
		if match == nil {
			continue
		}
		for _, password := range []string{"", "a", "password"} {
			if match(password, want) {
				t.Errorf("%q is taken for the password of %q", password, want)
			}
		}
	}
}

func FuzzCrypt(f *testing.F) {
	f.Add("password", "abJnggxhB/yWI")
	f.Add("a", "$1$salt$")
	f.Add("a", "$5$rounds=1000$salt$")
	f.Fuzz(func(t *testing.T, password, want string) {
		if strings.HasPrefix(want, "$2") || strings.Contains(want, "rounds=") || len(password) > 100 {
			return
		}
		if match, _ := cryptScheme(want); match != nil {
			match(password, want)
		}
	})
}
