package pcre

// opcode is what an instruction does. "Try" instructions leave a choice
// behind to which a later failure returns.
type opcode uint8

const (
	iMatch      opcode = iota // the end of the pattern
	iChar                     // the byte a
	iString                   // str
	iFold                     // str in lower case, ASCII letters in both
	iSet                      // one byte of set
	iRune                     // with UTF: one character of set, wide
	iByte                     // any byte
	iAny                      // with UTF: any character
	iNewline                  // CRLF, or one character of set, wide
	iGrapheme                 // \X
	iRepeat                   // a to b characters of set, wide: the longest first
	iRepeatLazy               // the shortest first
	iRepeatAll                // the longest only
	iTry                      // go on, if that fails go to a
	iTryElse                  // go to a, if that fails go on
	iJump                     // to a
	iLoopInit                 // registers a: iterations, a+1: where the current one began
	iLoop                     // enter another iteration or leave to b
	iLoopEnter                // begin an iteration
	iLoopNext                 // back to b, or on if the iteration was empty
	iOpen                     // group a begins here
	iClose                    // group a ends here
	iReturn                   // the end of group a: where a call of it ends
	iCall                     // call the code at a, which is group b
	iAtomic                   // register a: the height of the stack
	iAtomicEnd                // forget the choices since iAtomic
	iLook                     // registers a: height, a+1: position; a failure goes to b
	iLookEnd                  // the assertion holds: forget its choices, go back to its position
	iLookNot                  // the assertion fails: undo it and go to b
	iBack                     // step back a characters
	iRef                      // what one of the groups refs matched
	iIfSet                    // go to b unless one of the groups refs is set
	iIfCall                   // go to b unless in a call of group a
	iBegin                    // assertions
	iBeginLine                //
	iEnd                      //
	iEndBefore                //
	iEndLine                  //
	iStart                    //
	iWord                     // a is 1 for \B
	iKeep                     // the match begins here
	iFail                     //
	iAccept                   // the match, or the call, ends here
	iAcceptLook               // a call of one of the groups refs, or else the assertion, ends here: go to a
	iCommit                   // a failure beyond here is final
	iPrune                    // a failure beyond here ends this attempt
	iSkip                     // and the next one begins here; a is the register of a mark or 0
	iThen                     // a failure beyond here goes to the next alternative; a as iAtomic
	iMark                     // register a: this position
	iSeen                     // fail if the attempt has been here at this position
)

// nowhere is the target of a failure that is handed on.
const nowhere = -1

// inst is an instruction. First and then, where they are not nil, are the
// bytes with which the way on and the other way can begin.
type inst struct {
	op          opcode
	fold        bool
	a, b        int32
	str         string
	set         *byteSet
	wide        charSet // the part of a set beyond ASCII, with UTF
	first, then *byteSet
	refs        []int32
}

// program is a compiled expression.
type program struct {
	code      []inst
	groups    int // capture groups, the whole match counted
	registers int // captures first, then what instructions use
	utf       bool
	js        bool // unset references match the empty string
	word      charSet
	anchored  bool
	atBegin   bool     // every match begins at the begin of the subject
	prefix    []byte   // every match begins with it
	lead      *byteSet // every match begins with one of these, nil if unknown
	required  []byte   // every match contains it
	callers   int      // the register of the current call
}
