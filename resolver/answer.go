package resolver

import (
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// take reads a packet; ok is false when it is no answer to the query, which
// then waits on. What cannot be read counts as the server's failure.
func (q *query) take(packet []byte) (ok bool) {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil || !h.Response || h.ID != q.id {
		return false
	}
	asked, err := p.Question()
	if err != nil || asked.Type != q.q.Type || asked.Class != q.q.Class || !sameName(asked.Name, q.q.Name) {
		return false
	}
	q.answered, q.truncated, q.code = true, h.Truncated, int(h.RCode)
	q.addrs, q.services, q.alias, q.ttl = nil, nil, "", -1
	if q.code != 0 || q.truncated {
		return true
	}
	if p.SkipAllQuestions() != nil || !q.records(&p) {
		q.addrs, q.services, q.alias, q.code = nil, nil, "", codeServer
	}
	return true
}

// records follows the name through the answer's records to its addresses, or
// to the last alias.
func (q *query) records(p *dnsmessage.Parser) (ok bool) {
	name := q.q.Name
	for range aliasLimit * 4 {
		h, err := p.AnswerHeader()
		if err == dnsmessage.ErrSectionDone {
			return true
		}
		if err != nil {
			return false
		}
		if !sameName(h.Name, name) || h.Class != dnsmessage.ClassINET {
			if p.SkipAnswer() != nil {
				return false
			}
			continue
		}
		switch h.Type {
		case dnsmessage.TypeCNAME:
			r, err := p.CNAMEResource()
			if err != nil {
				return false
			}
			name = r.CNAME
			q.alias = strings.ToLower(strings.TrimSuffix(name.String(), "."))
		case dnsmessage.TypeA:
			r, err := p.AResource()
			if err != nil {
				return false
			}
			q.addrs = append(q.addrs, netip.AddrFrom4(r.A))
		case dnsmessage.TypeAAAA:
			r, err := p.AAAAResource()
			if err != nil {
				return false
			}
			q.addrs = append(q.addrs, netip.AddrFrom16(r.AAAA))
		case dnsmessage.TypeSRV:
			r, err := p.SRVResource()
			if err != nil {
				return false
			}
			if host := strings.TrimSuffix(r.Target.String(), "."); host != "" { // "." says that there is no such service
				q.services = append(q.services, Service{host, r.Port, r.Priority, r.Weight})
			}
		default:
			if p.SkipAnswer() != nil {
				return false
			}
			continue
		}
		if ttl := time.Duration(h.TTL) * time.Second; q.ttl < 0 || ttl < q.ttl {
			q.ttl = ttl
		}
	}
	return true
}

func sameName(a, b dnsmessage.Name) bool { return strings.EqualFold(a.String(), b.String()) }
