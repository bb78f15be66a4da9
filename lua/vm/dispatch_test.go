package vm_test

import (
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestDispatch disassembles the interpreter loop: from the load of an opcode to the jump through the table there must be
// no store. One appears as soon as a case of run uses ip, base, k or fp after a call; each costs every instruction.
func TestDispatch(t *testing.T) {
	if runtime.GOARCH != "amd64" || testing.Short() {
		t.Skip("the sequence is known for amd64")
	}
	exe := filepath.Join(t.TempDir(), "vm.test")
	if out, err := exec.Command("go", "test", "-c", "-o", exe, ".").CombinedOutput(); err != nil { // with symbols
		t.Skipf("cannot build: %v %s", err, out)
	}
	out, err := exec.Command("go", "tool", "objdump", "-s", `vm\.run\[go\.shape\.struct`, exe).Output()
	if err != nil || len(out) == 0 {
		t.Skip("no disassembly: ", err)
	}
	var code []string
	for _, l := range strings.Split(string(out), "\n") {
		if f := strings.Fields(l); len(f) > 3 {
			code = append(code, strings.Join(f[3:], " "))
		}
	}
	for i, c := range code {
		if !strings.HasPrefix(c, "JMP 0(") || !strings.HasSuffix(c, "*8)") {
			continue
		}
		n := 0
		for j := i - 1; j > 0; j-- {
			switch op, args, _ := strings.Cut(code[j], " "); {
			case strings.HasPrefix(op, "NOP"):
			case strings.HasPrefix(op, "MOVZX"):
				if n > 5 {
					t.Errorf("%d instructions between the load of the opcode and the jump:\n%s", n, strings.Join(code[j:i+1], "\n"))
				}
				return
			default:
				if strings.HasPrefix(op, "MOV") && strings.HasSuffix(args, "(SP)") {
					t.Errorf("a register is stored at every instruction: %s", code[j])
				}
				n++
			}
		}
	}
	t.Error("no jump through a table in run")
}
