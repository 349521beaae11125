package spec

// ParseSum gives the digest of a text, as the inverse of [History.SumText]. Sixteen lower-case hexadecimal digits are
// their value. Any other text gets a value by which the history remembers it; texts that differ get values that
// differ. (Only the value of a hexadecimal text that came before can be met by chance, once in 2^64: no likelier than
// two bodies with one digest.)
func (h *History) ParseSum(text string) Digest { return h.parseSum([]byte(text)) }

func (h *History) parseSum(text []byte) Digest {
	d, plain := hexDigest(text)
	if !plain {
		d = mixText(text)
	}
	for {
		known, taken := h.digests[d]
		switch {
		case taken && known == string(text), plain && !taken:
			return d
		case !taken:
			if h.digests == nil {
				h.digests = make(map[Digest]string)
			}
			h.digests[d] = string(text)
			return d
		}
		d++
		plain = false
	}
}

// hexDigest reads sixteen lower-case hexadecimal digits.
func hexDigest(text []byte) (Digest, bool) {
	if len(text) != 16 {
		return 0, false
	}
	var d Digest
	for _, c := range text {
		switch {
		case c >= '0' && c <= '9':
			c -= '0'
		case c >= 'a' && c <= 'f':
			c -= 'a' - 10
		default:
			return 0, false
		}
		d = d<<4 | Digest(c)
	}
	return d, true
}

// mixText spreads a text over 64 bits: FNV-1a, and a last mix so that near texts are far apart. It is the same in
// every run, so that histories read twice are equal.
func mixText(text []byte) Digest {
	x := uint64(14695981039346656037)
	for _, c := range text {
		x = (x ^ uint64(c)) * 1099511628211
	}
	x = (x ^ x>>33) * 0xff51afd7ed558ccd
	x = (x ^ x>>33) * 0xc4ceb9fe1a85ec53
	return Digest(x ^ x>>33)
}
