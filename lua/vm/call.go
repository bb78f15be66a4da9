package vm

import "unsafe"

// callValue calls what lies at slot with the n values behind it. A Lua function gets a frame, anything else is carried out
// and its results delivered. want is how many results are expected (-1: all). kind is kSlow when the frame below is not
// that of a Lua function. false: an error is set.
func (t *Thread) callValue(slot uintptr, n int, want int16, kind uint16) bool {
	f := t.at(slot)
	for i := 0; !f.isFunc(); i++ {
		h := t.vm.metaOf(f, mmCall)
		if h == nil || i > 0 && !h.isFunc() {
			return t.callError(f, slot)
		}
		if !t.ensure(slot + uintptr(n+2)*16) {
			return false
		}
		for i := n; i >= 0; i-- {
			t.at(slot + uintptr(i+1)*16).set(t.at(slot + uintptr(i)*16))
		}
		n++
		f = t.at(slot)
		*f = *h
		if !f.isFunc() {
			return t.fail("attempt to call a " + t.at(slot+16).typeName() + " value")
		}
	}
	if f.n == tLua {
		t.x.budget--
		if !t.x.afford() {
			return false
		}
		return t.enter(f.lua().p, slot, n, want, kind)
	}
	if t.x.watched && !t.seeNative(slot, n) {
		return false
	}
	nat := t.at(slot).native()
	if nat.special != spNone {
		if done, ok := t.callSpecial(nat, slot, n, want); done {
			return ok
		}
	}
	r := t.callNative(nat, slot, n)
	if r == callPending {
		return t.beginThen(slot, want)
	}
	return r >= 0 && t.complete(slot, r, want)
}

// enter pushes the frame of a Lua function.
func (t *Thread) enter(p *Proto, slot uintptr, n int, want int16, kind uint16) bool {
	base := slot + 16
	if p.vararg {
		base = slot + uintptr(n+2)*16
		if !t.ensure(base + p.frame) {
			return false
		}
		*t.at(base - 16) = *t.at(slot)
		for i := 0; i < p.nparams; i++ {
			if i < n {
				t.at(base + uintptr(i)*16).set(t.at(slot + uintptr(i+1)*16))
			} else {
				t.at(base + uintptr(i)*16).n = tNil
			}
		}
		return t.pushFrame(base, slot, want, kind|kVararg)
	}
	if !t.ensure(base + p.frame) {
		return false
	}
	for i := n; i < p.nparams; i++ {
		t.at(base + uintptr(i)*16).n = tNil
	}
	return t.pushFrame(base, slot, want, kind)
}

// callNative runs a function of Go and moves its results to slot. It gives how many they are, -1 for an error.
func (t *Thread) callNative(nat *native, slot uintptr, n int) int {
	if !t.ensure(slot + uintptr(n+2)*16) {
		return -1
	}
	t.ab, t.an, t.push = slot+16, n, slot+16+uintptr(n)*16
	return t.deliver(slot, nat.fn(t))
}

// deliver moves the r results that a function of Go has pushed to slot, where it was called. It gives r, and -1 for an
// error.
func (t *Thread) deliver(slot uintptr, r int) int {
	if r <= 0 {
		if r == 0 {
			t.ab = 0
		}
		return r
	}
	t.ab = 0
	src := t.push - uintptr(r)*16
	if uintptr(r)*16 > t.push || src < slot {
		t.fail("a function of Go returns values it has not pushed")
		return -1
	}
	if src != slot {
		for i := uintptr(0); i < uintptr(r)*16; i += 16 {
			t.at(slot + i).set(t.at(src + i))
		}
	}
	return r
}

// callSpecial carries out the functions that change what runs. done is false when nat is to be called as any other.
func (t *Thread) callSpecial(nat *native, slot uintptr, n int, want int16) (done, ok bool) {
	switch nat.special {
	case spPcall:
		if n == 0 {
			return true, t.argFail(slot, 1, "value expected")
		}
		if f := t.at(slot + 16); f.n == tLua {
			p := f.lua().p
			if base := slot + 32; !p.vararg && base+p.frame+64 <= t.limit && t.fo+3*frameSize <= t.flimit {
				for i := n - 1; i < p.nparams; i++ {
					t.at(base + uintptr(i)*16).n = tNil
				}
				t.frameAt(t.fo+frameSize).set(slot, slot, 0, want, kPcall)
				t.fo += 2 * frameSize
				t.fp().set(base, slot+16, uintptr(p.entry), -1, kSlow)
				return true, true
			}
		}
		return true, t.pushFrame(slot, slot, want, kPcall) && t.callValue(slot+16, n-1, -1, kSlow)
	case spXpcall:
		if n == 0 {
			return true, t.argFail(slot, 1, "value expected")
		}
		if n == 1 {
			return true, t.typeFail(slot, 2, "function", n)
		}
		f, h := t.at(slot+16), t.at(slot+32)
		if !h.isFunc() {
			return true, t.typeFail(slot, 2, "function", n)
		}
		*f, *h = *h, *f
		return true, t.pushFrame(slot, slot, want, kXpcall) && t.callValue(slot+32, n-2, -1, kSlow)
	case spResume, spWrap:
		return true, t.resume(nat, slot, n, want)
	case spYield:
		if t.parent == nil && t.vm.onYield != nil {
			return false, false
		}
		if t.parent == nil || t.depth > 0 {
			return true, t.nativeFail(slot, "attempt to yield across C-call boundary")
		}
		t.ydst, t.ywant, t.status = slot, want, coSuspended
		return true, t.toParent(slot+16, n, true)
	}
	return false, false
}

// complete delivers n results that lie at dst to the frame on top: a Lua function that expects want of them at dst, or
// what else waits.
func (t *Thread) complete(dst uintptr, n int, want int16) bool {
	for {
		f := t.fp()
		switch f.kind {
		case kPcall, kXpcall:
			base := uintptr(f.base)
			if dst != base+16 {
				for i := 0; i < n; i++ {
					t.at(base + uintptr(i+1)*16).set(t.at(dst + uintptr(i)*16))
				}
			}
			dst = base
			t.at(dst).n = tTrue
			n++
			want = f.want
			t.fo -= frameSize
		case kThen:
			var ok bool
			if dst, n, want, ok = t.then(f, dst, n); n == callPending || !ok {
				return ok
			}
		case kMeta:
			if n == 0 {
				t.at(uintptr(f.dst)).n = tNil
			} else {
				t.at(uintptr(f.dst)).set(t.at(dst))
			}
			t.fo -= frameSize
			return true
		case kDrop:
			t.fo -= frameSize
			return true
		case kCmp:
			truth := n > 0 && t.at(dst).n > tFalse
			neg := f.ip == 1
			t.fo -= frameSize
			t.fp().jumpIf(truth != neg)
			return true
		case kConcat:
			left := int(f.ip)
			t.fo -= frameSize
			fp := t.fp()
			in := fp.prev()
			from := uintptr(fp.base) + uintptr(in.b)
			d := t.at(from + uintptr(left-1)*16)
			if n == 0 {
				d.n = tNil
			} else {
				d.set(t.at(dst))
			}
			return t.concat(uintptr(fp.base)+uintptr(in.a), from, left)
		case kEntry:
			t.x.resAt, t.x.resN = dst, n
			return true
		case kCo:
			t.status = coDead
			t.fo -= frameSize
			return t.toParent(dst, n, true)
		default:
			if want >= 0 {
				for i := n; i < int(want); i++ {
					t.at(dst + uintptr(i)*16).n = tNil
				}
			} else {
				t.top = dst + uintptr(n)*16
			}
			return true
		}
	}
}

// jumpIf finishes a comparison: the instruction jumps when the outcome is what it waits for.
func (f *frame) jumpIf(truth bool) {
	in := f.prev()
	if truth == ((in.op-opJLT)&1 == 0) {
		f.ip += uintptr(int(int16(in.c)) * insSize)
	}
}

// prev is the instruction that is carried out.
func (f *frame) prev() *ins { return *(**ins)(unsafe.Pointer(&f.ip)) }

// finish returns from a Lua function with the n values at from.
func (t *Thread) finish(from uintptr, n int) bool {
	f := t.fp()
	dst := uintptr(f.base) - 16
	if f.kind&kVararg != 0 {
		dst = uintptr(f.dst)
	}
	for i := uintptr(0); i < uintptr(n)*16; i += 16 {
		t.at(dst + i).set(t.at(from + i))
	}
	w := f.want
	t.fo -= frameSize
	return t.complete(dst, n, w)
}

func (t *Thread) finishClosing(from uintptr, n int) bool {
	t.closeCells(uintptr(t.fp().base))
	return t.finish(from, n)
}

// tailCall replaces the frame by that of the function at from, called with n values.
func (t *Thread) tailCall(from uintptr, n int, closing bool) bool {
	f := t.fp()
	if closing {
		t.closeCells(uintptr(f.base))
	}
	if !t.at(from).isFunc() { // its name is known as long as the frame is there
		if h := t.vm.metaOf(t.at(from), mmCall); h == nil {
			return t.callError(t.at(from), from)
		}
	}
	dst := uintptr(f.base) - 16
	if f.kind&kVararg != 0 {
		dst = uintptr(f.dst)
	}
	for i := uintptr(0); i <= uintptr(n)*16; i += 16 {
		t.at(dst + i).set(t.at(from + i))
	}
	w, kind := f.want, f.kind&^kVararg
	t.fo -= frameSize
	return t.callValue(dst, n, w, kind)
}

func (t *Thread) vararg(i *ins) bool {
	fp := t.fp()
	base := uintptr(fp.base)
	p := t.at(base - 16).lua().p
	nv := max(int(fp.base-fp.dst)/16-2-p.nparams, 0)
	w := int(i.b) - 1
	d := base + uintptr(i.a)
	src := base - 16 - uintptr(nv)*16
	if w < 0 {
		w = nv
		if !t.ensure(d + uintptr(nv)*16 + p.frame) {
			return false
		}
		t.top = d + uintptr(nv)*16
	}
	for j := 0; j < w; j++ {
		if j < nv {
			t.at(d + uintptr(j)*16).set(t.at(src + uintptr(j)*16))
		} else {
			t.at(d + uintptr(j)*16).n = tNil
		}
	}
	return true
}

// safeTop is an offset above all that is alive on the stack.
func (t *Thread) safeTop() uintptr {
	switch {
	case t.ab != 0:
		return t.push
	case !t.hasFrame():
		return 0
	}
	f := t.fp()
	if f.kind < kPcall {
		return max(uintptr(f.base)+t.at(uintptr(f.base)-16).lua().p.frame, 0)
	}
	return uintptr(f.base) + 8*16
}
