package handler

import (
	"math"
	"strconv"
	"strings"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// SplitClients makes variables that divide clients into parts by a hash.
var SplitClients = phases.Define(phases.Spec[struct{}]{
	Name: "split_clients",
	Directives: []phases.Directive[struct{}]{
		phases.Add("split_clients", conf.HTTP, conf.BlockN(2, 2), addSplitClients),
	},
})

// share is a part of the clients: those whose hash is below upTo and not in
// one before it. "*" is the rest.
type share struct {
	upTo  uint64
	value *phases.Template
}

func addSplitClients(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	source, err := b.Template(s, s.Args[0])
	if err != nil {
		return err
	}
	name, ok := strings.CutPrefix(s.Args[1], "$")
	if !ok {
		return s.Errorf("invalid variable name \"%s\"", s.Args[1])
	}
	if err := s.Entries(); err != nil {
		return err
	}
	var shares []share
	total, upTo := uint64(0), uint64(0) // total in hundredths of a percent
	for _, e := range s.Block {
		if len(e.Args) != 1 {
			return e.Errorf("invalid number of the split_clients parameters")
		}
		value, err := b.Template(e, e.Args[0])
		if err != nil {
			return err
		}
		if e.Name == "*" {
			total, upTo = 10000, math.MaxUint32+1
		} else {
			percent, ok := hundredths(e.Name)
			if !ok || percent == 0 {
				return e.Errorf("invalid percent value \"%s\"", e.Name)
			}
			total += percent
			upTo += percent * math.MaxUint32 / 10000
		}
		if total > 10000 {
			return s.EndErrorf("percent total is greater than 100%%")
		}
		shares = append(shares, share{upTo, value})
	}
	get := func(r *phases.Request, dst []byte) ([]byte, bool) {
		hash := uint64(murmur2(source.Bytes(r)))
		for _, s := range shares {
			if hash < s.upTo {
				return s.value.Append(r, dst), true
			}
		}
		return dst, true
	}
	return b.DefineVariable(s, phases.Variable{Name: strings.ToLower(name), Get: get, Cache: true})
}

// hundredths reads a percentage with up to two decimals: "0.5%" is 50.
func hundredths(s string) (uint64, bool) {
	s, ok := strings.CutSuffix(s, "%")
	whole, decimals, _ := strings.Cut(s, ".")
	if !ok || len(decimals) > 2 {
		return 0, false
	}
	n, err := strconv.ParseUint(whole+decimals+"00"[len(decimals):], 10, 16)
	return n, err == nil
}

// murmur2 is MurmurHash2 of data with its length as the seed, as nginx hashes
// clients: they stay in their parts when a server moves here.
func murmur2(data []byte) uint32 {
	const m = 0x5bd1e995
	h := uint32(len(data))
	for len(data) >= 4 {
		k := uint32(data[0]) | uint32(data[1])<<8 | uint32(data[2])<<16 | uint32(data[3])<<24
		k *= m
		k ^= k >> 24
		h = h*m ^ k*m
		data = data[4:]
	}
	for i := len(data) - 1; i >= 0; i-- {
		h ^= uint32(data[i]) << (8 * i)
		if i == 0 {
			h *= m
		}
	}
	h ^= h >> 13
	h *= m
	return h ^ h>>15
}
