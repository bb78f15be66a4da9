package vm

// ShortName is for tests from outside.
func ShortName(chunk string) string { return shortName(chunk) }
