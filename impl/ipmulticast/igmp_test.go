package ipmulticast

import (
	"bytes"
	"reflect"
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

var igmpGolden = []listenGolden{
	{"v1 query", "10.0.0.1", "224.0.0.1", wire(`
		11 00 eeff          # type, unused in version 1, checksum
		00000000            # group`),
		Listen{Kind: Query, Version: 1}},
	{"v1 report", "10.0.0.2", "239.1.2.3", wire("12 00 fcfa ef010203"),
		Listen{Kind: Report, Version: 1, Group: addr("239.1.2.3")}},
	{"v2 general query", "10.0.0.1", "224.0.0.1", wire(`
		11 64 ee9b          # type, maximal response time in tenths of seconds, checksum
		00000000            # group`),
		Listen{Kind: Query, Version: 2, MaxResponse: 10 * time.Second}},
	{"v2 group-specific query", "10.0.0.1", "239.1.2.3", wire("11 0a fdf0 ef010203"),
		Listen{Kind: Query, Version: 2, MaxResponse: time.Second, Group: addr("239.1.2.3")}},
	{"v2 report", "10.0.0.2", "239.1.2.3", wire("16 00 f8fa ef010203"),
		Listen{Kind: Report, Version: 2, Group: addr("239.1.2.3")}},
	{"v2 leave", "10.0.0.2", "224.0.0.2", wire("17 00 f7fa ef010203"),
		Listen{Kind: Leave, Version: 2, Group: addr("239.1.2.3")}},
	{"v3 general query", "10.0.0.1", "224.0.0.1", wire(`
		11 64 ec1e          # type, code of the maximal response time, checksum
		00000000            # group
		02 7d 0000          # S flag and robustness, code of the query interval, number of sources`),
		Listen{Kind: Query, Version: 3, MaxResponse: 10 * time.Second, Robustness: 2, Interval: 125 * time.Second}},
	{"v3 group-and-source-specific query", "10.0.0.1", "239.1.2.3", wire(`
		11 8f ded6          # the code: mantissa 15, exponent 0: 31 << 3 tenths
		ef010203
		0a 90 0002          # S, robustness 2; mantissa 0, exponent 1: 16 << 4 seconds; two sources
		0a000001 0a000002`),
		Listen{Kind: Query, Version: 3, MaxResponse: 24800 * time.Millisecond, Group: addr("239.1.2.3"), Suppress: true,
			Robustness: 2, Interval: 256 * time.Second, Sources: addrs("10.0.0.1", "10.0.0.2")}},
	{"v3 report", "10.0.0.2", "224.0.0.22", wire(`
		22 00 deed          # type, reserved, checksum
		0000 0002           # reserved, number of records
		04 00 0000          # to exclude; length of auxiliary data, number of sources
		ef010203            #   group
		05 00 0002          # allow
		ef010204            #   group
		0a000001 0a000002   #   sources`),
		Listen{Kind: Report, Version: 3, Records: []Record{{Type: ToEx, Group: addr("239.1.2.3")},
			{Type: Allow, Group: addr("239.1.2.4"), Sources: addrs("10.0.0.1", "10.0.0.2")}}}},
}

func TestIGMPGolden(t *testing.T) {
	for _, c := range igmpGolden {
		if b := AppendIGMP([]byte{9}, &c.message); !bytes.Equal(b[1:], c.bytes) {
			t.Errorf("%s: %x, want %x", c.name, b[1:], c.bytes)
		}
		var m Listen
		if !ParseIGMP(c.bytes, &m) || !reflect.DeepEqual(m, c.message) {
			t.Errorf("%s: %+v, want %+v", c.name, m, c.message)
		}
		for _, b := range broken(c.bytes) {
			if ParseIGMP(b, &m) {
				t.Errorf("%s: taken: %x", c.name, b)
			}
		}
	}
}

func repairIGMP(b []byte) []byte {
	repair(b, func(b []byte) uint16 { return checksum(sum(0, b)) })
	return b
}

// TestIGMPAccepts has what the RFCs say of messages that no sender of today makes.
func TestIGMPAccepts(t *testing.T) {
	for _, c := range []struct {
		name, bytes string
		want        *Listen // nil: it is ignored
	}{
		{"a version 1 query ignores its group", "11000000 ef010203", &Listen{Kind: Query, Version: 1}},
		{"a query of 10 bytes", "11640000 00000000 0000", nil},
		{"a query of 11 bytes", "11640000 00000000 000000", nil},
		{"a longer report", "16000000 ef010203 99", &Listen{Kind: Report, Version: 2, Group: addr("239.1.2.3")}},
		{"a longer query", "11640000 00000000 027d0000 99", &Listen{Kind: Query, Version: 3, MaxResponse: 10 * time.Second,
			Robustness: 2, Interval: 125 * time.Second}},
		{"too few sources", "11640000 ef010203 027d0002 0a000001", nil},
		{"a general query with sources", "11640000 00000000 027d0001 0a000001", nil},
		{"a query for no group", "11640000 0a000001", nil},
		{"a report of no group", "16000000 0a000001", nil},
		{"a leave of no group", "17000000 f4000001", nil},
		{"an unknown type", "99000000 ef010203", nil},
		{"7 bytes", "16000000 ef0102", nil},
		{"an unknown record", "22000000 00000002 07000000 ef010203 02000000 ef010204",
			&Listen{Kind: Report, Version: 3, Records: []Record{{Type: IsEx, Group: addr("239.1.2.4")}}}},
		{"auxiliary data", "22000000 00000002 03010000 ef010203 99999999 02000000 ef010204", &Listen{Kind: Report, Version: 3,
			Records: []Record{{Type: ToIn, Group: addr("239.1.2.3")}, {Type: IsEx, Group: addr("239.1.2.4")}}}},
		{"too few records", "22000000 00000002 02000000 ef010204", nil},
		{"too little auxiliary data", "22000000 00000001 02010000 ef010204", nil},
		{"a record of no group", "22000000 00000001 02000000 0a000001", nil},
		{"no records", "22000000 00000000", &Listen{Kind: Report, Version: 3}},
	} {
		var m Listen
		ok := ParseIGMP(repairIGMP(wire(c.bytes)), &m)
		if ok != (c.want != nil) || ok && !reflect.DeepEqual(m, *c.want) {
			t.Errorf("%s: %t, %+v", c.name, ok, m)
		}
	}
}

// TestIGMPResponseOfVersion2IsNeverZero: 0 would make it a query of version 1.
func TestIGMPResponseOfVersion2IsNeverZero(t *testing.T) {
	for given, want := range map[time.Duration]time.Duration{0: tenth, time.Millisecond: tenth, time.Hour: 255 * tenth} {
		var m Listen
		if !ParseIGMP(AppendIGMP(nil, &Listen{Kind: Query, Version: 2, MaxResponse: given}), &m) || m.Version != 2 ||
			m.MaxResponse != want {
			t.Errorf("%v: %+v", given, m)
		}
	}
}

func TestIGMPRoundTrip(t *testing.T) {
	r := spec.NewRand(3376)
	var reused Listen
	for range 3000 {
		m := anyListen(&r, false, uint8(1+r.IntN(3)))
		b := AppendIGMP(nil, &m)
		var back Listen
		if !ParseIGMP(b, &back) || !reflect.DeepEqual(back, m) {
			t.Fatalf("%+v, want %+v", back, m)
		}
		if !ParseIGMP(b, &reused) || !bytes.Equal(AppendIGMP(nil, &reused), b) {
			t.Fatalf("%+v in used memory, want %+v", reused, m)
		}
	}
}

func TestIGMPAllocatesNothing(t *testing.T) {
	var m Listen
	buf := make([]byte, 0, 200)
	for _, c := range igmpGolden {
		if n := testing.AllocsPerRun(20, func() {
			ParseIGMP(c.bytes, &m)
			AppendIGMP(buf, &m)
		}); n != 0 {
			t.Errorf("%s: %v allocations", c.name, n)
		}
	}
}

func FuzzParseIGMP(f *testing.F) {
	for _, c := range igmpGolden {
		f.Add(c.bytes)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		var m, back Listen
		if !ParseIGMP(repairIGMP(append([]byte(nil), b...)), &m) {
			return
		}
		if c := AppendIGMP(nil, &m); !ParseIGMP(c, &back) || !bytes.Equal(AppendIGMP(nil, &back), c) {
			t.Errorf("%+v, read again as %+v", m, back)
		}
	})
}

func BenchmarkParseIGMP(b *testing.B) {
	var m Listen
	b.ReportAllocs()
	for b.Loop() {
		ParseIGMP(igmpGolden[8].bytes, &m)
	}
}
