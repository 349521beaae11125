package faults

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
)

const (
	tokenPrefix  = "c1."
	maxTokenText = 64 << 10
)

// tokenDictionary is what texts of scenarios have in common, the most common last. It is part of the token's format:
// another dictionary needs another prefix.
const tokenDictionary = "transport reliability ordering membership sequencer token lamport hybrid view-synchronous " +
	"SELF-DELIVERY NO-CREATION NO-DUPLICATION INTEGRITY VALIDITY LOCAL-ORDER LOCAL-TOTAL-ORDER CAUSAL-ORDER FIFO-ORDER " +
	"TOTAL-ORDER UNIFORM-TOTAL-ORDER UNIFORM-AGREEMENT AGREEMENT nackcast acks relay gossip tree multicast broadcast " +
	"best-effort/unordered/static uniform/causal/static reliable/total/static reliable/fifo/static " +
	"unicast/reliable/unordered/static mtu 1400\ndecisions \non 3 persist 1 query \nat 95ms sync leave join " +
	" reorder  duplicate  corrupt  delay  flap  every  bridge  via  oneway  isolate  partition 0 1 | 2 3 for 50ms\n" +
	" loss  omit-receive  omit-send  from  100% for 100ms\non 2 action 1 pause \non 1 ack 1 recover \n" +
	"on 0 point some-acked 1\non 0 point all-sent 1\non 0 point received 1\non 1 point relayed 1 crash-lossy 1\n" +
	"on 0 receive 1 send 0 g 1\non 1 deliver 1 send 1 g 8 content 1\non 0 send 2 crash 0\nat 0s send 0 to 2 8\n" +
	"at 10ms send 1 g 0\nat 0s send 0 g 0\ntrace \n" +
	"conform.scenario/1\nsubject unicast/reliable/causal/static\nexpect AGREEMENT\nnodes 4\ngroup g closed 0 1 2 3\n" +
	"nodes 3\ngroup g 0 1 2\nseed 0\nnet pct 1ms..10ms depth 2\nnet pos 1ms..10ms\nnet latency 1ms..1ms\n" +
	"net latency 1ms..10ms\nat 0s send 0 g 0\n"

// Token gives the scenario as one word to paste into a command line, with subject, seed and trace: its compressed text
// and a checksum, in base64url. It is empty for a scenario of which the text is longer than 64 KiB; that one belongs
// in a file. [ParseToken] is the inverse.
func (s *Scenario) Token() string {
	text := s.AppendText(nil)
	if len(text) > maxTokenText {
		return ""
	}
	var packed bytes.Buffer
	packed.Write(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(text)))
	// Neither of the two can fail: the level is a valid one, and a buffer takes everything.
	w, _ := flate.NewWriterDict(&packed, flate.BestCompression, []byte(tokenDictionary))
	_, _ = w.Write(text)
	_ = w.Close()
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(packed.Bytes())
}

// IsToken says whether a word looks like a token rather than the name of a file.
func IsToken(word string) bool { return strings.HasPrefix(word, tokenPrefix) }

var errMangled = errors.New("token: it is damaged, or not whole: was all of it copied?")

// ParseToken is the inverse of [Scenario.Token]. It refuses what does not begin with "c1.", what is damaged, and what
// would be longer than 64 KiB of text.
func ParseToken(token string) (*Scenario, error) {
	coded, ok := strings.CutPrefix(strings.TrimSpace(token), tokenPrefix)
	if !ok {
		return nil, fmt.Errorf("token: want it to begin with %q", tokenPrefix)
	}
	packed, err := base64.RawURLEncoding.Strict().DecodeString(coded)
	if err != nil || len(packed) < 4 {
		return nil, errMangled
	}
	rest := bytes.NewReader(packed[4:])
	text, err := io.ReadAll(io.LimitReader(flate.NewReaderDict(rest, []byte(tokenDictionary)), maxTokenText+1))
	switch {
	case len(text) > maxTokenText:
		return nil, fmt.Errorf("token: its text is longer than %d bytes", maxTokenText)
	case err != nil, rest.Len() > 0, crc32.ChecksumIEEE(text) != binary.BigEndian.Uint32(packed):
		return nil, errMangled
	}
	s, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("token: %w", err)
	}
	return s, nil
}
