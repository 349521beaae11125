package faults

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTokenParsesBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := arbitrary().Draw(t, "scenario")
		token := s.Token()
		back, err := ParseToken(token + "\n")
		if err != nil || !back.Equal(s) {
			t.Fatalf("%v\nwrote\n%s\nread\n%s", err, s, back)
		}
		if strings.Trim(token, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
			t.Fatalf("%q is not one word for a shell", token)
		}
		i := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		c := rapid.SampledFrom([]byte("abc019-_.Z")).Draw(t, "other")
		for _, mangled := range []string{token[:i], token[:i] + token[i+1:], token[:i] + string(c) + token[i:], token + token[i:]} {
			if mangled == token {
				continue
			}
			if s, err := ParseToken(mangled); err == nil {
				t.Fatalf("read a mangled token as\n%s", s)
			}
		}
	})
}

func TestTokenIsShort(t *testing.T) {
	const text = "conform.scenario/1\nsubject unicast/reliable/fifo/static\nexpect UNIFORM-AGREEMENT\nnodes 3\ngroup g 0 1 2\n" +
		"seed 7\nnet pos 1ms..10ms\nat 0s send 0 g 0\non 0 send 2 crash 0\ntrace 41 9f0c11223344aabb 41 0b\n"
	s, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	token := s.Token()
	t.Log(len(token), token)
	if len(token) > 140 {
		t.Errorf("%d characters for %d of text: %s", len(token), len(text), token)
	}
}

// The dictionary is part of the format: a token made earlier must be readable for ever.
func TestOldTokenIsRead(t *testing.T) {
	const want = "conform.scenario/1\nnodes 3\ngroup g 0 1 2\nseed 7\nnet latency 1ms..1ms\nat 0s send 0 g 0\non 0 send 2 crash 0\n"
	s, err := ParseToken(oldToken)
	if err != nil || s.String() != want || !IsToken(oldToken) || IsToken("c1/x.scenario") {
		t.Fatalf("%v\n%s", err, s)
	}
}

const oldToken = "c1.aqW6r8LiXTzuMsduF4ap2OIFEAAA__8"

func TestTokenErrors(t *testing.T) {
	pack := func(text string) string {
		b := bytes.NewBuffer(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE([]byte(text))))
		w, _ := flate.NewWriterDict(b, flate.BestCompression, []byte(tokenDictionary))
		_, _ = w.Write([]byte(text))
		_ = w.Close()
		return tokenPrefix + base64.RawURLEncoding.EncodeToString(b.Bytes())
	}
	for _, test := range []struct{ token, want string }{
		{"", `token: want it to begin with "c1."`},
		{"c2.AAAA", `token: want it to begin with "c1."`},
		{"c1.", errMangled.Error()},
		{"c1.AAAAA*AA", errMangled.Error()},
		{pack(strings.Repeat("\n", maxTokenText+1)), "token: its text is longer than 65536 bytes"},
		{pack("conform.scenario/1\nnodes 0"), "token: line 2: nodes 0: want 1 to 1000"},
	} {
		if _, err := ParseToken(test.token); err == nil || err.Error() != test.want {
			t.Errorf("%q:\n got %v\nwant %s", test.token, err, test.want)
		}
	}
	long := &Scenario{Nodes: 1, Net: DefaultNet, Decisions: make([]byte, maxTokenText)}
	if token := long.Token(); token != "" {
		t.Errorf("a scenario that ParseToken would refuse has a token of %d characters", len(token))
	}
}
