package ipmulticast

import (
	"testing"
	"time"

	"github.com/conform-go/conform/spec"
)

// listenGolden is a message and its bytes, which were put together by hand from the RFC's figures.
type listenGolden struct {
	name     string
	src, dst string
	bytes    []byte
	message  Listen
}

func TestFloatCodes(t *testing.T) {
	for _, c := range []struct {
		code     uint16
		mantissa int
		value    time.Duration
	}{
		{0, code8, 0}, {1, code8, 1}, {127, code8, 127}, {0x80, code8, 128}, {0x81, code8, 136}, {0x8f, code8, 248},
		{0x90, code8, 256}, {0xff, code8, 31744},
		{0x7fff, code16, 32767}, {0x8000, code16, 32768}, {0x8001, code16, 32776}, {0xffff, code16, 8387584},
	} {
		if v := floatTime(c.code, time.Second, c.mantissa); v != c.value*time.Second {
			t.Errorf("code %x is %v, want %v", c.code, v, c.value*time.Second)
		}
		if code := floatCode(c.value*time.Second, time.Second, c.mantissa); code != c.code {
			t.Errorf("%d has code %x, want %x", c.value, code, c.code)
		}
	}
	for code := range uint16(256) { // codes and the times between two of them
		v := floatTime(code, time.Second, code8)
		if code < 255 && floatTime(code+1, time.Second, code8) <= v {
			t.Errorf("code %x does not grow", code)
		}
		if back := floatCode(v+time.Second/2, time.Second, code8); code > 0 && back != code {
			t.Errorf("a little above code %x has %x", code, back)
		}
	}
	for v, code := range map[time.Duration]uint16{-time.Second: 0, time.Millisecond: 1, 255 * time.Second: 0x8f,
		31744 * time.Second: 0xff, 99999 * time.Second: 0xff} {
		if c := floatCode(v, time.Second, code8); c != code {
			t.Errorf("%v has code %x, want %x", v, c, code)
		}
	}
}

// anyCode draws a time that a code can say exactly.
func anyCode(r *spec.Rand, unit time.Duration, mantissa int) time.Duration {
	return floatTime(uint16(1+r.IntN(2<<(mantissa+3)-1)), unit, mantissa)
}

// anyListen draws a message of a family and version.
func anyListen(r *spec.Rand, v6 bool, version uint8) Listen {
	latest, unit, mantissa := uint8(3), tenth, code8
	if v6 {
		latest, unit, mantissa = 2, time.Millisecond, code16
	}
	m := Listen{Kind: Query + ListenKind(r.IntN(3)), Version: version}
	if m.Kind == Leave && (version == latest || version == 1 && !v6) {
		m.Kind = Report
	}
	general := m.Kind == Query && (version == 1 && !v6 || r.Chance(.5))
	if !general && !(m.Kind == Report && version == latest) {
		m.Group = anyGroup(r, v6)
	}
	switch {
	case m.Kind == Query && version == latest:
		m.MaxResponse, m.Interval = anyCode(r, unit, mantissa), anyCode(r, time.Second, code8)
		m.Suppress, m.Robustness = r.Chance(.5), uint8(r.IntN(8))
		if !general {
			m.Sources = anyHosts(r, v6, 5)
		}
	case m.Kind == Query && (v6 || version == 2):
		m.MaxResponse = time.Duration(1+r.IntN(255)) * unit
	case m.Kind == Report && version == latest:
		for range r.IntN(5) {
			m.Records = append(m.Records, Record{IsIn + RecordType(r.IntN(6)), anyGroup(r, v6), anyHosts(r, v6, 5)})
		}
	}
	return m
}
