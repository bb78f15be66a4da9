package vm

// ins is one instruction. Register and constant operands are byte offsets (16 per value), jumps count instructions from
// the next one in c. x is a hint: the position at which a field was last found.
type ins struct {
	op      uint8
	x       uint8
	a, b, c uint16
}

const insSize = 8

const (
	opMOVE uint8 = iota
	opLOADK
	opLOADKX // constant index in b and c
	opLOADNIL
	opLOADBOOL
	opGETUPVAL  // from a cell
	opGETUPVALV // a copied value
	opSETUPVAL
	opGETGLOBAL  // c: hint
	opSETGLOBAL  // c: hint
	opGETGLOBALX // constant index in b and c
	opSETGLOBALX
	opGETFIELD
	opSETFIELD
	opGETINDEX
	opSETINDEX
	opGETINT // c: the integer
	opSETINT // b: the integer
	opNEWTABLE
	opSELF
	opADD
	opSUB
	opMUL
	opDIV
	opMOD
	opPOW
	opADDK
	opSUBK
	opMULK
	opDIVK
	opMODK
	opPOWK
	opUNM
	opNOT
	opLEN
	opCONCAT
	opJMP
	opLOOP // a jump back: counts
	opJMPX // far jump, 32 bits in b and c: counts
	opJF
	opJT
	opJLT
	opJNLT
	opJLE
	opJNLE
	opJEQ
	opJNE
	opJLTK
	opJNLTK
	opJLEK
	opJNLEK
	opJGTK
	opJNGTK
	opJGEK
	opJNGEK
	opJEQK
	opJNEK
	opCALL
	opTAILCALL
	opRETURN
	opRETURNC // closes cells first
	opRETURN0
	opRETURN1
	opFORPREP
	opFORLOOP
	opFORPREPI // start and step are integer constants: the hidden slots hold int64
	opFORLOOPI
	opTFORPREP
	opTFORCALL
	opTFORLOOP
	opSETLIST
	opCLOSURE
	opCLOSE
	opVARARG
	opMax
)
