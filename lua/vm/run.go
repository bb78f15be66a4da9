package vm

import (
	"math"
	"math/bits"
	"unsafe"
)

// reg is the register at an offset from base; end is where the stack ends, seen from there.
func reg(base unsafe.Pointer, o uint16, end uintptr) *Value {
	if checked && uintptr(o) >= end {
		panic(errRegister)
	}
	return (*Value)(unsafe.Add(base, uintptr(o)))
}

// at is reg for an offset that is computed.
func at(base unsafe.Pointer, o, end uintptr) *Value {
	if checked && o >= end {
		panic(errRegister)
	}
	return (*Value)(unsafe.Add(base, o))
}

// regs is n registers from an offset on.
func regs(base unsafe.Pointer, o uint16, n, end uintptr) unsafe.Pointer {
	if checked && uintptr(o)+n*16 > end {
		panic(errRegister)
	}
	return unsafe.Add(base, uintptr(o))
}

// constant is a constant of the function. Its offset was verified when the code was made.
func constant(k unsafe.Pointer, o uint16) *Value { return (*Value)(unsafe.Add(k, uintptr(o))) }

// errRegister is thrown by the checked interpreter. No program may see it.
const errRegister limitError = "register out of the stack"

func jump(ip unsafe.Pointer, c uint16) unsafe.Pointer {
	return unsafe.Add(ip, int(int16(c))*insSize)
}

// run carries out the code of the thread on top until it returns to the innermost call out of Go (true), or an error is to
// be raised or the other run is to go on (false, see raise).
//
// Its speed hangs on the registers of the machine: ip, base, k, fp and th stay in them only while no case uses one of them
// after a call. So every case either makes no call, or stores fp.ip, calls, and goes to reload (or after). The test of
// the dispatch sequence fails when a change breaks this.
func run[M plain | watched](x *exec) bool {
	var (
		mode M
		th   *Thread
		fp   *frame
		base unsafe.Pointer
		k    unsafe.Pointer
		ip   unsafe.Pointer
		i    *ins
		ok   bool
		end  uintptr // of the stack, from base; only for checked
	)
reload:
	th = x.cur
	fp = th.fp()
	if fp.kind == kEntry {
		return true
	}
	base = unsafe.Add(th.stk, uintptr(fp.base))
	if checked {
		end = th.limit - uintptr(fp.base)
	}
	k = (*Value)(unsafe.Add(base, -16)).lua().p.k
	ip = unsafe.Add(*(*unsafe.Pointer)(unsafe.Pointer(&fp.ip)), insSize)
next:
	i = (*ins)(ip)
	if unsafe.Sizeof(mode) != 0 {
		if !th.step(i) {
			return false
		}
		fp = th.fp()
		base = unsafe.Add(th.stk, uintptr(fp.base))
		if checked {
			end = th.limit - uintptr(fp.base)
		}
		k = (*Value)(unsafe.Add(base, -16)).lua().p.k
	}
	{
		switch i.op {
		case opMOVE:
			b := reg(base, i.b, end)
			a := reg(base, i.a, end)
			if b.n > maxTag {
				a.n = b.n
			} else {
				*a = *b
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opLOADK:
			b := constant(k, i.b)
			a := reg(base, i.a, end)
			if b.n > maxTag {
				a.n = b.n
			} else {
				*a = *b
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opLOADKX:
			*reg(base, i.a, end) = *(*Value)(unsafe.Add(k, (uintptr(i.c)<<16|uintptr(i.b))*16))
			ip = unsafe.Add(ip, insSize)
			goto next
		case opLOADNIL:
			for j := 0; j < int(i.b); j++ {
				at(base, uintptr(i.a)+uintptr(j)*16, end).n = tNil
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opLOADBOOL:
			reg(base, i.a, end).n = uint64(i.b)
			ip = unsafe.Add(ip, insSize)
			goto next
		case opGETUPVALV:
			b := (*Value)(unsafe.Add((*Value)(unsafe.Add(base, -16)).p, unsafe.Sizeof(closure{})+uintptr(i.b)))
			a := reg(base, i.a, end)
			if b.n > maxTag {
				a.n = b.n
			} else {
				*a = *b
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opGETUPVAL:
			cl := (*Value)(unsafe.Add(base, -16)).lua()
			b := (*upval)(cl.up(uintptr(i.b)).p).v
			a := reg(base, i.a, end)
			if b.n > maxTag {
				a.n = b.n
			} else {
				*a = *b
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opSETUPVAL:
			cl := (*Value)(unsafe.Add(base, -16)).lua()
			d := (*upval)(cl.up(uintptr(i.b)).p).v
			a := reg(base, i.a, end)
			if a.n-tStr <= maxTag-tStr {
				*d = *a
			} else {
				d.n = a.n
				if d.p != nil {
					d.p = nil
				}
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opGETGLOBAL:
			env := (*Value)(unsafe.Add(base, -16)).lua().env
			if h := uint32(i.c); h < env.n {
				nd := env.node(h)
				if nd.key.p == constant(k, i.b).p && nd.val.n != tNil {
					a := reg(base, i.a, end)
					if nd.val.n > maxTag {
						a.n = nd.val.n
					} else {
						*a = nd.val
					}
					ip = unsafe.Add(ip, insSize)
					goto next
				}
			}
			fp.ip = uintptr(ip)
			ok = th.getGlobal(i)
			goto after
		case opSETGLOBAL:
			fp.ip = uintptr(ip)
			ok = th.setGlobal(i)
			goto after
		case opGETGLOBALX, opSETGLOBALX:
			fp.ip = uintptr(ip)
			ok = th.farGlobal(i)
			goto after
		case opGETFIELD:
			b := reg(base, i.b, end)
			if b.n == tTable {
				t := b.table()
				if h := uint32(i.x); h < t.n {
					nd := t.node(h)
					if nd.key.p == constant(k, i.c).p {
						if nd.val.n > maxTag {
							reg(base, i.a, end).n = nd.val.n
							ip = unsafe.Add(ip, insSize)
							goto next
						}
						if nd.val.n != tNil {
							*reg(base, i.a, end) = nd.val
							ip = unsafe.Add(ip, insSize)
							goto next
						}
					}
				}
			}
			fp.ip = uintptr(ip)
			ok = th.getField(i)
			goto after
		case opSETFIELD:
			o := reg(base, i.a, end)
			if o.n == tTable {
				t := o.table()
				if h := uint32(i.x); h < t.n {
					nd := t.node(h)
					if nd.key.p == constant(k, i.b).p && nd.val.n != tNil {
						v := reg(base, i.c, end)
						if v.n-tStr > maxTag-tStr {
							nd.val.n = v.n
							if nd.val.p != nil {
								nd.val.p = nil
							}
						} else {
							nd.val = *v
						}
						ip = unsafe.Add(ip, insSize)
						goto next
					}
				}
			}
			fp.ip = uintptr(ip)
			ok = th.setField(i)
			goto after
		case opSELF:
			b := reg(base, i.b, end)
			{
				ks := constant(k, i.c).str()
				var t, mt *Table
				if b.n == tTable {
					t = b.table()
				} else if b.n == tStr {
					mt = x.vm.strMeta
					goto selfMeta
				} else {
					goto selfSlow
				}
			selfNext:
				if h := uint32(i.x); h < t.n {
					nd := t.node(h)
					if nd.key.p == unsafe.Pointer(ks) && nd.val.n != tNil {
						*at(base, uintptr(i.a)+16, end) = *b
						*reg(base, i.a, end) = nd.val
						ip = unsafe.Add(ip, insSize)
						goto next
					}
				}
				if t.idx == nil {
					if matchTags(t.ctrl, tagOf(ks.hash)) != 0 {
						goto selfSlow
					}
				} else if *t.slot(ks.hash & t.mask) != 0 {
					goto selfSlow
				}
				mt = t.meta
			selfMeta:
				if mt != nil && mt.idxAt < mt.n {
					nd := mt.node(mt.idxAt)
					if nd.key.p == unsafe.Pointer(mmIndex) && nd.val.n == tTable {
						t = nd.val.table()
						goto selfNext
					}
				}
			}
		selfSlow:
			fp.ip = uintptr(ip)
			ok = th.self(i)
			goto after
		case opGETINDEX:
			b := reg(base, i.b, end)
			c := reg(base, i.c, end)
			if b.n == tTable {
				t := b.table()
				if c.n > maxTag {
					f := -c.neg()
					n := int(f)
					if float64(n) == f && uint(n-1) < uint(len(t.arr)) {
						v := &t.arr[n-1]
						a := reg(base, i.a, end)
						if v.n > maxTag {
							a.n = v.n
							ip = unsafe.Add(ip, insSize)
							goto next
						} else if v.n != tNil {
							*a = *v
							ip = unsafe.Add(ip, insSize)
							goto next
						}
					}
				} else if c.n == tStr {
					ks := c.str()
					var nd *node
					if t.idx == nil {
						m := matchTags(t.ctrl, tagOf(ks.hash))
						if m == 0 {
							goto indexSlow
						}
						nd = t.node(uint32(bits.TrailingZeros64(m)) >> 3)
					} else {
						e := *t.slot(ks.hash & t.mask) - 1
						if e >= t.n {
							goto indexSlow
						}
						nd = t.node(e)
					}
					if nd.key.p == unsafe.Pointer(ks) {
						a := reg(base, i.a, end)
						if nd.val.n > maxTag {
							a.n = nd.val.n
							ip = unsafe.Add(ip, insSize)
							goto next
						} else if nd.val.n != tNil {
							*a = nd.val
							ip = unsafe.Add(ip, insSize)
							goto next
						}
					}
				}
			}
		indexSlow:
			fp.ip = uintptr(ip)
			ok = th.getIndex(i)
			goto after
		case opGETINT:
			b := reg(base, i.b, end)
			if b.n == tTable {
				t := b.table()
				if n := int(i.c) - 1; n < len(t.arr) {
					v := &t.arr[n]
					a := reg(base, i.a, end)
					if v.n > maxTag {
						a.n = v.n
						ip = unsafe.Add(ip, insSize)
						goto next
					} else if v.n != tNil {
						*a = *v
						ip = unsafe.Add(ip, insSize)
						goto next
					}
				}
			}
			fp.ip = uintptr(ip)
			ok = th.getIndex(i)
			goto after
		case opSETINDEX:
			o := reg(base, i.a, end)
			kk := reg(base, i.b, end)
			v := reg(base, i.c, end)
			if o.n == tTable {
				t := o.table()
				if kk.n > maxTag {
					f := -kk.neg()
					n := int(f)
					if float64(n) == f && v.n > tNil {
						if uint(n-1) < uint(len(t.arr)) {
							s := &t.arr[n-1]
							if s.n != tNil || t.meta == nil {
								if v.n-tStr > maxTag-tStr {
									s.n = v.n
									if s.p != nil {
										s.p = nil
									}
								} else {
									*s = *v
								}
								ip = unsafe.Add(ip, insSize)
								goto next
							}
						} else if n == len(t.arr)+1 && n <= cap(t.arr) && !t.numk && t.meta == nil {
							t.arr = t.arr[:n]
							s := &t.arr[n-1]
							if v.n-tStr > maxTag-tStr {
								s.n = v.n
								if s.p != nil {
									s.p = nil
								}
							} else {
								*s = *v
							}
							ip = unsafe.Add(ip, insSize)
							goto next
						}
					}
				} else if kk.n == tStr {
					ks := kk.str()
					var nd *node
					if t.idx == nil {
						m := matchTags(t.ctrl, tagOf(ks.hash))
						if m == 0 {
							goto setSlow
						}
						nd = t.node(uint32(bits.TrailingZeros64(m)) >> 3)
					} else {
						e := *t.slot(ks.hash & t.mask) - 1
						if e >= t.n {
							goto setSlow
						}
						nd = t.node(e)
					}
					if nd.key.p == unsafe.Pointer(ks) && nd.val.n != tNil {
						if v.n-tStr > maxTag-tStr {
							nd.val.n = v.n
							if nd.val.p != nil {
								nd.val.p = nil
							}
						} else {
							nd.val = *v
						}
						ip = unsafe.Add(ip, insSize)
						goto next
					}
				}
			}
		setSlow:
			fp.ip = uintptr(ip)
			ok = th.setIndex(i)
			goto after
		case opSETINT:
			fp.ip = uintptr(ip)
			ok = th.setIndex(i)
			goto after
		case opNEWTABLE:
			fp.ip = uintptr(ip)
			th.newTableAt(i)
			goto reload
		case opADD:
			b := reg(base, i.b, end)
			c := reg(base, i.c, end)
			if b.n > maxTag && c.n > maxTag {
				reg(base, i.a, end).setSum(b.neg() + c.neg())
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto arithRR
		case opSUB:
			b := reg(base, i.b, end)
			c := reg(base, i.c, end)
			if b.n > maxTag && c.n > maxTag {
				reg(base, i.a, end).setSum(b.neg() - c.neg())
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto arithRR
		case opMUL:
			b := reg(base, i.b, end)
			c := reg(base, i.c, end)
			if b.n > maxTag && c.n > maxTag {
				reg(base, i.a, end).setProduct(-(b.neg() * c.neg()))
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto arithRR
		case opDIV:
			b := reg(base, i.b, end)
			c := reg(base, i.c, end)
			if b.n > maxTag && c.n > maxTag {
				reg(base, i.a, end).setProduct(-(b.neg() / c.neg()))
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto arithRR
		case opMOD:
			b := reg(base, i.b, end)
			c := reg(base, i.c, end)
			if b.n > maxTag && c.n > maxTag {
				x, y := -b.neg(), -c.neg()
				if x >= 0 && y > 0 {
					xi, yi := uint64(int64(x)), uint64(int64(y))
					if (xi|yi)>>32 == 0 && float64(int64(xi)) == x && float64(int64(yi)) == y {
						reg(base, i.a, end).n = math.Float64bits(-float64(int64(uint32(xi) % uint32(yi))))
						ip = unsafe.Add(ip, insSize)
						goto next
					}
				}
			}
			goto arithRR
		case opPOW:
			goto arithRR
		case opADDK:
			b := reg(base, i.b, end)
			if b.n > maxTag {
				reg(base, i.a, end).setSum(b.neg() + constant(k, i.c).neg())
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto arithRK
		case opSUBK:
			b := reg(base, i.b, end)
			if b.n > maxTag {
				reg(base, i.a, end).setSum(b.neg() - constant(k, i.c).neg())
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto arithRK
		case opMULK:
			b := reg(base, i.b, end)
			if b.n > maxTag {
				reg(base, i.a, end).setProduct(-(b.neg() * constant(k, i.c).neg()))
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto arithRK
		case opDIVK:
			b := reg(base, i.b, end)
			if b.n > maxTag {
				reg(base, i.a, end).setProduct(-(b.neg() / constant(k, i.c).neg()))
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto arithRK
		case opMODK:
			b := reg(base, i.b, end)
			if b.n > maxTag {
				x, y := -b.neg(), -constant(k, i.c).neg()
				if x >= 0 && y > 0 {
					xi, yi := uint64(int64(x)), uint64(int64(y))
					if (xi|yi)>>32 == 0 && float64(int64(xi)) == x && float64(int64(yi)) == y {
						reg(base, i.a, end).n = math.Float64bits(-float64(int64(uint32(xi) % uint32(yi))))
						ip = unsafe.Add(ip, insSize)
						goto next
					}
				}
			}
			goto arithRK
		case opPOWK:
			goto arithRK
		case opUNM:
			b := reg(base, i.b, end)
			if b.n > maxTag {
				n := b.n ^ zero
				if n <= maxTag {
					n = tMinus
				}
				reg(base, i.a, end).n = n
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			fp.ip = uintptr(ip)
			ok = th.unary(i)
			goto after
		case opNOT:
			if reg(base, i.b, end).n > tFalse {
				reg(base, i.a, end).n = tFalse
			} else {
				reg(base, i.a, end).n = tTrue
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opLEN:
			b := reg(base, i.b, end)
			if b.n == tTable && b.table().meta == nil && !b.table().holes {
				reg(base, i.a, end).n = math.Float64bits(-float64(len(b.table().arr)))
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			if b.n == tStr {
				reg(base, i.a, end).n = math.Float64bits(-float64(b.str().len))
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			fp.ip = uintptr(ip)
			ok = th.unary(i)
			goto after
		case opCONCAT:
			fp.ip = uintptr(ip)
			ok = th.concat(uintptr(fp.base)+uintptr(i.a), uintptr(fp.base)+uintptr(i.b), int(i.c))
			goto after
		case opJMP:
			ip = jump(ip, i.c)
			ip = unsafe.Add(ip, insSize)
			goto next
		case opLOOP:
			ip = jump(ip, i.c)
			x.budget--
			if x.budget < 0 {
				goto hook
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opJMPX:
			ip = unsafe.Add(ip, int(int32(uint32(i.c)<<16|uint32(i.b)))*insSize)
			x.budget--
			if x.budget < 0 {
				goto hook
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opJF:
			if reg(base, i.a, end).n <= tFalse {
				ip = jump(ip, i.c)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opJT:
			if reg(base, i.a, end).n > tFalse {
				ip = jump(ip, i.c)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opJLT:
			a := reg(base, i.a, end)
			b := reg(base, i.b, end)
			if a.n > maxTag && b.n > maxTag {
				if a.neg() > b.neg() {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRR
		case opJNLT:
			a := reg(base, i.a, end)
			b := reg(base, i.b, end)
			if a.n > maxTag && b.n > maxTag {
				if !(a.neg() > b.neg()) {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRR
		case opJLE:
			a := reg(base, i.a, end)
			b := reg(base, i.b, end)
			if a.n > maxTag && b.n > maxTag {
				if a.neg() >= b.neg() {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRR
		case opJNLE:
			a := reg(base, i.a, end)
			b := reg(base, i.b, end)
			if a.n > maxTag && b.n > maxTag {
				if !(a.neg() >= b.neg()) {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRR
		case opJLTK:
			a := reg(base, i.a, end)
			if a.n > maxTag {
				if a.neg() > constant(k, i.b).neg() {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRK
		case opJNLTK:
			a := reg(base, i.a, end)
			if a.n > maxTag {
				if !(a.neg() > constant(k, i.b).neg()) {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRK
		case opJLEK:
			a := reg(base, i.a, end)
			if a.n > maxTag {
				if a.neg() >= constant(k, i.b).neg() {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRK
		case opJNLEK:
			a := reg(base, i.a, end)
			if a.n > maxTag {
				if !(a.neg() >= constant(k, i.b).neg()) {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRK
		case opJGTK:
			a := reg(base, i.a, end)
			if a.n > maxTag {
				if a.neg() < constant(k, i.b).neg() {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRK
		case opJNGTK:
			a := reg(base, i.a, end)
			if a.n > maxTag {
				if !(a.neg() < constant(k, i.b).neg()) {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRK
		case opJGEK:
			a := reg(base, i.a, end)
			if a.n > maxTag {
				if a.neg() <= constant(k, i.b).neg() {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRK
		case opJNGEK:
			a := reg(base, i.a, end)
			if a.n > maxTag {
				if !(a.neg() <= constant(k, i.b).neg()) {
					ip = jump(ip, i.c)
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			goto cmpRK
		case opJEQ:
			a := reg(base, i.a, end)
			b := reg(base, i.b, end)
			var e bool
			if a.n > maxTag || b.n > maxTag {
				if a.n > maxTag && b.n > maxTag {
					e = a.neg() == b.neg()
				} else if a.n == tMinus || b.n == tMinus {
					goto eqRR
				}
			} else if a.n != b.n {
				e = false
			} else if a.n <= tTrue || a.p == b.p {
				e = true
			} else if a.n == tStr && a.str().len == b.str().len || a.n == tTable || a.n >= tUser {
				goto eqRR
			}
			if e {
				ip = jump(ip, i.c)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opJNE:
			a := reg(base, i.a, end)
			b := reg(base, i.b, end)
			var e bool
			if a.n > maxTag || b.n > maxTag {
				if a.n > maxTag && b.n > maxTag {
					e = a.neg() == b.neg()
				} else if a.n == tMinus || b.n == tMinus {
					goto eqRR
				}
			} else if a.n != b.n {
				e = false
			} else if a.n <= tTrue || a.p == b.p {
				e = true
			} else if a.n == tStr && a.str().len == b.str().len || a.n == tTable || a.n >= tUser {
				goto eqRR
			}
			if !e {
				ip = jump(ip, i.c)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opJEQK:
			a := reg(base, i.a, end)
			b := constant(k, i.b)
			var e bool
			if a.n > maxTag || b.n > maxTag {
				if a.n > maxTag && b.n > maxTag {
					e = a.neg() == b.neg()
				} else if a.n == tMinus || b.n == tMinus {
					goto eqRK
				}
			} else if a.n != b.n {
				e = false
			} else if a.n <= tTrue || a.p == b.p {
				e = true
			} else if a.n == tStr && a.str().len == b.str().len {
				goto eqRK
			}
			if e {
				ip = jump(ip, i.c)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opJNEK:
			a := reg(base, i.a, end)
			b := constant(k, i.b)
			var e bool
			if a.n > maxTag || b.n > maxTag {
				if a.n > maxTag && b.n > maxTag {
					e = a.neg() == b.neg()
				} else if a.n == tMinus || b.n == tMinus {
					goto eqRK
				}
			} else if a.n != b.n {
				e = false
			} else if a.n <= tTrue || a.p == b.p {
				e = true
			} else if a.n == tStr && a.str().len == b.str().len {
				goto eqRK
			}
			if !e {
				ip = jump(ip, i.c)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opCALL:
			ra := reg(base, i.a, end)
			x.budget--
			if x.budget < 0 {
				ip = unsafe.Add(ip, -insSize)
				goto hook
			}
			n := int(i.b) - 1
			if n < 0 {
				n = int((th.top-uintptr(fp.base)-uintptr(i.a))/16) - 1
			}
			fp.ip = uintptr(ip)
			if ra.n == tLua {
				p := ra.lua().p
				nb := uintptr(fp.base) + uintptr(i.a) + 16
				if !p.vararg && nb+p.frame+64 <= th.limit && th.fo+2*frameSize <= th.flimit {
					base = unsafe.Add(base, uintptr(i.a)+16)
					if checked {
						end = th.limit - nb
					}
					for n < p.nparams {
						at(base, uintptr(n)*16, end).n = tNil
						n++
					}
					fp = (*frame)(unsafe.Add(unsafe.Pointer(fp), frameSize))
					th.fo += frameSize
					fp.base = uint32(nb)
					fp.want = int16(i.c) - 1
					fp.kind = 0
					if unsafe.Sizeof(mode) != 0 {
						fp.ip = uintptr(p.entry)
					}
					k = p.k
					ip = p.entry
					ip = unsafe.Add(ip, insSize)
					goto next
				}
			} else if ra.n == tNative {
				nat := ra.native()
				slot := uintptr(fp.base) + uintptr(i.a)
				if unsafe.Sizeof(mode) == 0 && nat.special == spNone && slot+uintptr(n+2)*16 <= th.limit {
					th.ab, th.an = slot+16, n
					th.push = slot + uintptr(n+1)*16
					r := nat.fn(th)
					if r < 0 {
						ok = r == callPending && th.beginThen(th.ab-16, int16(th.fp().prev().c)-1)
						goto after
					}
					th.ab = 0
					fp = th.fp()
					base = unsafe.Add(th.stk, uintptr(fp.base))
					if checked {
						end = th.limit - uintptr(fp.base)
					}
					ip = *(*unsafe.Pointer)(unsafe.Pointer(&fp.ip))
					i = (*ins)(ip)
					if r == 1 && i.c == 2 {
						k = (*Value)(unsafe.Add(base, -16)).lua().p.k
						a := reg(base, i.a, end)
						b := th.at(th.push - 16)
						if b.n > maxTag {
							a.n = b.n
						} else {
							*a = *b
						}
						ip = unsafe.Add(ip, insSize)
						goto next
					}
					ok = th.nativeResults(uintptr(fp.base)+uintptr(i.a), r, int(i.c)-1)
					goto after
				}
			}
			ok = th.callValue(uintptr(fp.base)+uintptr(i.a), n, int16(i.c)-1, 0)
			goto after
		case opTAILCALL:
			x.budget--
			if x.budget < 0 {
				ip = unsafe.Add(ip, -insSize)
				goto hook
			}
			{
				n := int(i.b) - 1
				if n < 0 {
					n = int((th.top-uintptr(fp.base)-uintptr(i.a))/16) - 1
				}
				fp.ip = uintptr(ip)
				ok = th.tailCall(uintptr(fp.base)+uintptr(i.a), n, i.x != 0)
			}
			goto after
		case opRETURN1:
			if fp.kind == 0 {
				w := fp.want
				d := (*Value)(unsafe.Add(base, -16))
				a := reg(base, i.a, end)
				if a.n > maxTag {
					d.n = a.n
				} else {
					*d = *a
				}
				if w != 1 {
					if w < 0 {
						th.top = uintptr(fp.base)
					} else {
						for j := 1; j < int(w); j++ {
							at(base, uintptr(j-1)*16, end).n = tNil
						}
					}
				}
				fp = (*frame)(unsafe.Add(unsafe.Pointer(fp), -frameSize))
				th.fo -= frameSize
				base = unsafe.Add(th.stk, uintptr(fp.base))
				if checked {
					end = th.limit - uintptr(fp.base)
				}
				k = (*Value)(unsafe.Add(base, -16)).lua().p.k
				ip = *(*unsafe.Pointer)(unsafe.Pointer(&fp.ip))
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			ok = th.finish(uintptr(fp.base)+uintptr(i.a), 1)
			goto after
		case opRETURN0:
			if fp.kind == 0 {
				w := fp.want
				if w < 0 {
					th.top = uintptr(fp.base) - 16
				} else {
					for j := 0; j < int(w); j++ {
						(*Value)(unsafe.Add(base, uintptr(j)*16-16)).n = tNil
					}
				}
				fp = (*frame)(unsafe.Add(unsafe.Pointer(fp), -frameSize))
				th.fo -= frameSize
				base = unsafe.Add(th.stk, uintptr(fp.base))
				if checked {
					end = th.limit - uintptr(fp.base)
				}
				k = (*Value)(unsafe.Add(base, -16)).lua().p.k
				ip = *(*unsafe.Pointer)(unsafe.Pointer(&fp.ip))
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			ok = th.finish(uintptr(fp.base), 0)
			goto after
		case opRETURN, opRETURNC:
			{
				n := int(i.b) - 1
				if n < 0 {
					n = int((th.top - uintptr(fp.base) - uintptr(i.a)) / 16)
				}
				if i.op == opRETURNC {
					ok = th.finishClosing(uintptr(fp.base)+uintptr(i.a), n)
					goto after
				}
				ok = th.finish(uintptr(fp.base)+uintptr(i.a), n)
			}
			goto after
		case opFORPREP:
			a := (*[4]Value)(regs(base, i.a, 4, end))
			if a[0].n <= maxTag || a[1].n <= maxTag || a[2].n <= maxTag {
				fp.ip = uintptr(ip)
				ok = th.forPrepAgain(a)
				goto after
			}
			if st := a[2].neg(); st < 0 && a[0].neg() >= a[1].neg() || st >= 0 && a[0].neg() <= a[1].neg() {
				a[3].n = a[0].n
			} else {
				ip = jump(ip, i.c)
				ip = unsafe.Add(ip, insSize)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opFORLOOP:
			a := (*[4]Value)(regs(base, i.a, 4, end))
			st := a[2].neg()
			y := a[0].neg() + st
			x.budget--
			if x.budget < 0 {
				ip = unsafe.Add(ip, -insSize)
				goto hook
			}
			if st < 0 && y >= a[1].neg() || st >= 0 && y <= a[1].neg() {
				n := math.Float64bits(y)
				if n <= maxTag {
					n = zero
				}
				a[0].n = n
				a[3].n = n
				ip = jump(ip, i.c)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opFORPREPI:
			a := (*[4]Value)(regs(base, i.a, 4, end))
			if a[1].n <= maxTag {
				fp.ip = uintptr(ip)
				ok = th.forPrepAgain(a)
				goto after
			}
			st, y := -int64(a[2].neg()), -int64(a[0].neg())
			lim := -a[1].neg()
			var l int64
			switch {
			case lim != lim:
				l = y - st
			case lim > 1<<52:
				l = 1 << 52
			case lim < -(1 << 52):
				l = -(1 << 52)
			default:
				l = int64(lim)
				if st > 0 && float64(l) > lim {
					l--
				} else if st < 0 && float64(l) < lim {
					l++
				}
			}
			if st > 0 && y <= l || st < 0 && y >= l {
				a[3].n = a[0].n
				a[0].n, a[1].n, a[2].n = uint64(y), uint64(l), uint64(st)
			} else {
				ip = jump(ip, i.c)
				ip = unsafe.Add(ip, insSize)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opFORLOOPI:
			a := (*[4]Value)(regs(base, i.a, 4, end))
			st := int64(a[2].n)
			y := int64(a[0].n) + st
			x.budget--
			if x.budget < 0 {
				ip = unsafe.Add(ip, -insSize)
				goto hook
			}
			if st > 0 && y <= int64(a[1].n) || st < 0 && y >= int64(a[1].n) {
				a[0].n = uint64(y)
				a[3].n = math.Float64bits(-float64(y))
				ip = jump(ip, i.c)
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opTFORPREP:
			a := (*[3]Value)(regs(base, i.a, 3, end))
			if a[0].n == tNative && a[1].n == tTable && a[1].table().weak == nil {
				switch a[0].native().loop {
				case loopNext:
					if a[2].n == tNil {
						a[0].n, a[2].n = tIterN, 0
					}
				case loopIpairs:
					if a[2].n == zero {
						a[0].n, a[2].n = tIterI, 0
					}
				}
			}
			ip = jump(ip, i.c)
			ip = unsafe.Add(ip, insSize)
			goto next
		case opTFORCALL:
			a := (*[6]Value)(regs(base, i.a, 6, end))
			if a[0].n == tIterI {
				t := a[1].table()
				n := a[2].n
				if n < uint64(len(t.arr)) && t.arr[n].n != tNil {
					n++
					a[2].n = n
					a[3].n = math.Float64bits(-float64(int64(n)))
					v := &t.arr[n-1]
					if v.n > maxTag {
						a[4].n = v.n
					} else {
						a[4] = *v
					}
					for j := 2; j < int(i.b); j++ {
						at(base, uintptr(i.a)+uintptr(j)*16+48, end).n = tNil
					}
					ip = jump(unsafe.Add(ip, insSize), ((*ins)(unsafe.Add(ip, insSize))).c)
					ip = unsafe.Add(ip, insSize)
					goto next
				}
				if !t.numk {
					ip = unsafe.Add(ip, insSize)
					ip = unsafe.Add(ip, insSize)
					goto next
				}
				fp.ip = uintptr(ip)
				th.ipairsSlow(i)
				goto reload
			}
			if a[0].n == tIterN {
				t := a[1].table()
				pos := a[2].n
				if pos < iterHash {
					for pos < uint64(len(t.arr)) {
						v := &t.arr[pos]
						pos++
						if v.n != tNil {
							a[3].n = math.Float64bits(-float64(int64(pos)))
							if v.n > maxTag {
								a[4].n = v.n
							} else {
								a[4] = *v
							}
							goto iterHit
						}
					}
					pos = iterHash
				}
				for pos < iterHash+uint64(t.n) {
					nd := t.node(uint32(pos - iterHash))
					pos++
					if nd.val.n != tNil {
						a[3] = nd.key
						if nd.val.n > maxTag {
							a[4].n = nd.val.n
						} else {
							a[4] = nd.val
						}
						goto iterHit
					}
				}
				ip = unsafe.Add(ip, insSize)
				ip = unsafe.Add(ip, insSize)
				goto next
			iterHit:
				a[2].n = pos
				for j := 2; j < int(i.b); j++ {
					at(base, uintptr(i.a)+uintptr(j)*16+48, end).n = tNil
				}
				ip = jump(unsafe.Add(ip, insSize), ((*ins)(unsafe.Add(ip, insSize))).c)
				x.budget--
				if x.budget < 0 {
					goto hook
				}
				ip = unsafe.Add(ip, insSize)
				goto next
			}
			a[3].set(&a[0])
			a[4].set(&a[1])
			a[5].set(&a[2])
			fp.ip = uintptr(ip)
			ok = th.callValue(uintptr(fp.base)+uintptr(i.a)+48, 2, int16(i.b), 0)
			goto after
		case opTFORLOOP:
			a := (*[4]Value)(regs(base, i.a, 4, end))
			if a[3].n != tNil {
				a[2].set(&a[3])
				ip = jump(ip, i.c)
				x.budget--
				if x.budget < 0 {
					goto hook
				}
			}
			ip = unsafe.Add(ip, insSize)
			goto next
		case opSETLIST:
			fp.ip = uintptr(ip)
			th.setList(i)
			goto reload
		case opCLOSURE:
			fp.ip = uintptr(ip)
			th.closureAt(uintptr(fp.base), uintptr(i.a), int(i.b))
			goto reload
		case opCLOSE:
			fp.ip = uintptr(ip)
			th.closeCells(uintptr(fp.base) + uintptr(i.a))
			goto reload
		case opVARARG:
			fp.ip = uintptr(ip)
			ok = th.vararg(i)
			goto after
		default:
			panic("bad opcode")
		}
	}
arithRR:
	i = (*ins)(ip)
	fp.ip = uintptr(ip)
	ok = th.arithRR(i)
	goto after
arithRK:
	i = (*ins)(ip)
	fp.ip = uintptr(ip)
	ok = th.arithRK(i)
	goto after
cmpRR:
	i = (*ins)(ip)
	fp.ip = uintptr(ip)
	ok = th.compareRR(i)
	goto after
cmpRK:
	i = (*ins)(ip)
	fp.ip = uintptr(ip)
	ok = th.compareRK(i)
	goto after
eqRR:
	i = (*ins)(ip)
	fp.ip = uintptr(ip)
	ok = th.equalRR(i)
	goto after
eqRK:
	i = (*ins)(ip)
	fp.ip = uintptr(ip)
	ok = th.equalRK(i)
	goto after
hook:
	fp.ip = uintptr(ip)
	ok = x.look()
after:
	if ok {
		goto reload
	}
	return false
}
