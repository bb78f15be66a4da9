package upstream

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/luahttpd/luahttpd/conf"
	"github.com/luahttpd/luahttpd/phases"
)

// Hash is hash key [consistent]: one key is sent to one peer. Its choices are
// those of Cache::Memcached, with consistent those of Cache::Memcached::Fast
// (ketama, 160 points for each unit of weight).
var Hash = phases.Define(phases.Spec[struct{}]{
	Name: "hash",
	Directives: []phases.Directive[struct{}]{
		phases.Set("hash", conf.Upstream, conf.Between(1, 2), setHash),
	},
})

func setHash(_ *struct{}, b *phases.Block, s *conf.Stmt) error {
	key, err := b.Template(s, s.Args[0])
	if err != nil {
		return err
	}
	if len(s.Args) == 1 {
		return Of(b).Balance(b, s, false, func(u *Upstream) Balancer { return &keyHash{u, key} })
	}
	if s.Args[1] != "consistent" {
		return s.Errorf("invalid parameter \"%s\"", s.Args[1])
	}
	return Of(b).Balance(b, s, false, func(u *Upstream) Balancer { return &ketama{u: u, key: key} })
}

type keyHash struct {
	u   *Upstream
	key *phases.Template
}

func (b *keyHash) Pick(r *phases.Request, tried *Tried) *Peer {
	u, now := b.u, seconds(r)
	key := b.key.String(r)
	u.mu.Lock()
	defer u.mu.Unlock()
	if tried.rounds > maxRounds || len(u.main.peers) < 2 || key == "" {
		return u.next(tried, now)
	}
	for {
		sum := uint32(0)
		if tried.casts > 0 {
			sum = crc32.ChecksumIEEE(strconv.AppendInt(nil, int64(tried.casts), 10))
		}
		sum = crc32.Update(sum, crc32.IEEETable, []byte(key))
		tried.hash += sum >> 16 & 0x7fff
		tried.casts++
		if p := u.main.at(int(tried.hash) % u.main.weight); !tried.has(p.index) && p.usable(now) {
			return p.take(tried, now)
		}
		if tried.rounds++; tried.rounds > maxRounds {
			return u.next(tried, now)
		}
	}
}

func (b *keyHash) Report(p *Peer, how Outcome, _ time.Duration) { b.u.report(p, how) }

type ketama struct {
	u      *Upstream
	key    *phases.Template
	of     *group // whose points these are
	points []point
}

// point is where a server directive's peers stand on the circle.
type point struct {
	hash   uint32
	server string
}

func ketamaPoints(g *group) []point {
	var points []point
	var prev [4]byte
	for _, p := range g.peers {
		host, port := p.Server, ""
		if path, is := strings.CutPrefix(host, "unix:"); is {
			host = path
		} else if i := strings.LastIndexByte(host, ':'); i >= 0 && strings.Trim(host[i+1:], "0123456789") == "" {
			host, port = host[:i], host[i+1:]
		}
		base := crc32.ChecksumIEEE([]byte(host + "\x00" + port))
		clear(prev[:])
		for range 160 * p.Weight {
			h := crc32.Update(base, crc32.IEEETable, prev[:])
			points = append(points, point{h, p.Server})
			binary.LittleEndian.PutUint32(prev[:], h)
		}
	}
	slices.SortStableFunc(points, func(a, b point) int {
		switch {
		case a.hash < b.hash:
			return -1
		case a.hash > b.hash:
			return 1
		}
		return 0
	})
	return slices.CompactFunc(points, func(a, b point) bool { return a.hash == b.hash })
}

func (b *ketama) Pick(r *phases.Request, tried *Tried) *Peer {
	u, now := b.u, seconds(r)
	key := b.key.String(r)
	u.mu.Lock()
	defer u.mu.Unlock()
	if tried.rounds > maxRounds || len(u.main.peers) < 2 || key == "" {
		return u.next(tried, now)
	}
	if b.of != u.main {
		b.of, b.points = u.main, ketamaPoints(u.main)
	}
	if !tried.begun {
		h := crc32.ChecksumIEEE([]byte(key))
		tried.hash = uint32(sort.Search(len(b.points), func(i int) bool { return b.points[i].hash >= h }))
		tried.begun = true
	}
	for {
		server := b.points[int(tried.hash)%len(b.points)].server
		if p := u.main.roundRobin(tried, now, func(p *Peer) bool { return p.Server == server }); p != nil {
			return p.take(tried, now)
		}
		tried.hash++
		if tried.rounds++; tried.rounds > maxRounds {
			return u.next(tried, now)
		}
	}
}

func (b *ketama) Report(p *Peer, how Outcome, _ time.Duration) { b.u.report(p, how) }
