package resty

import "strings"

// prefixTree finds, of many keys, those that a text begins with. Nodes without
// routes only part keys.
type prefixTree struct {
	part   string // that the node adds to the key
	below  []*prefixTree
	routes []*route
}

// at gives the node of a key, which is made when it is missing.
func (n *prefixTree) at(key string) *prefixTree {
	for key != "" {
		next := n.child(key[0])
		if next == nil {
			next = &prefixTree{part: key}
			n.below = append(n.below, next)
			return next
		}
		k := 0
		for k < len(key) && k < len(next.part) && key[k] == next.part[k] {
			k++
		}
		if k < len(next.part) { // its key goes on, or parts
			lower := *next
			lower.part = next.part[k:]
			*next = prefixTree{part: next.part[:k], below: []*prefixTree{&lower}}
		}
		n, key = next, key[k:]
	}
	return n
}

func (n *prefixTree) child(b byte) *prefixTree {
	for _, c := range n.below {
		if c.part[0] == b {
			return c
		}
	}
	return nil
}

// prefixes gives the nodes with routes whose keys text begins with, the
// shortest first.
func (n *prefixTree) prefixes(text string, list []*prefixTree) []*prefixTree {
	for n != nil && strings.HasPrefix(text, n.part) {
		text = text[len(n.part):]
		if len(n.routes) > 0 {
			list = append(list, n)
		}
		if text == "" {
			break
		}
		n = n.child(text[0])
	}
	return list
}
