package spec

import (
	"testing"

	"pgregory.net/rapid"
)

// String and Parse are inverses, for everything that has both.
func TestParseIsTheInverseOfString(t *testing.T) {
	for k := Send; k < Extension; k++ {
		if got, err := ParseKind(k.String()); err != nil || got != k {
			t.Errorf("kind %s reads as %s, %v", k, got, err)
		}
	}
	for v := Pass; v <= Fail; v++ {
		if got, err := ParseVerdict(v.String()); err != nil || got != v {
			t.Errorf("verdict %s reads as %s, %v", v, got, err)
		}
	}
	for k := range FaultKinds {
		if got, err := ParseFaultKind(k.String()); err != nil || got != k {
			t.Errorf("fault %s reads as %s, %v", k, got, err)
		}
		if k.Text() == "" {
			t.Errorf("fault %s has no text", k)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		s := FaultSet(rapid.Uint64().Draw(t, "set")) & AllFaults
		if got, err := ParseFaultSet(s.String()); err != nil || got != s {
			t.Fatalf("fault set %s reads as %s, %v", s, got, err)
		}
		if SetOf(s.Kinds()...) != s || !s.Within(AllFaults) {
			t.Fatalf("fault set %s is not the set of its kinds", s)
		}
		v := anyViewID().Draw(t, "view")
		if got, err := ParseViewID(v.String()); err != nil || got != v {
			t.Fatalf("view id %s reads as %s, %v", v, got, err)
		}
	})
}

func TestParseRefuses(t *testing.T) {
	for _, s := range []string{"", "none", "x-", "SEND", "deliver "} {
		if k, err := ParseKind(s); err == nil {
			t.Errorf("kind %q reads as %s", s, k)
		}
	}
	if k, err := ParseKind("x-mine"); err != nil || k != Extension {
		t.Errorf("x-mine reads as %s, %v", k, err)
	}
	for _, s := range []string{"", ".", "1.", ".1", "-1", "1.2.3", "x", "18446744073709551616"} {
		if v, err := ParseViewID(s); err == nil {
			t.Errorf("view id %q reads as %s", s, v)
		}
	}
	for _, s := range []string{"", "passed", "PASS"} {
		if v, err := ParseVerdict(s); err == nil {
			t.Errorf("verdict %q reads as %s", s, v)
		}
	}
	if s, err := ParseFaultSet("crash,fire"); err == nil {
		t.Errorf("fault set with fire reads as %s", s)
	}
}

func anyViewID() *rapid.Generator[ViewID] {
	return rapid.Custom(func(t *rapid.T) ViewID {
		v := ViewID{Epoch: rapid.Uint64().Draw(t, "epoch"), HasNode: rapid.Bool().Draw(t, "has node")}
		if v.HasNode {
			v.Node = rapid.Uint64().Draw(t, "node")
		}
		return v
	})
}

// View ids have one order, and as numbers.
func TestViewIDOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		few := rapid.Custom(func(t *rapid.T) ViewID {
			v := ViewID{Epoch: rapid.Uint64Range(0, 2).Draw(t, "epoch"), HasNode: rapid.Bool().Draw(t, "has node")}
			if v.HasNode {
				v.Node = rapid.Uint64Range(0, 2).Draw(t, "node")
			}
			return v
		})
		a, b, c := few.Draw(t, "a"), few.Draw(t, "b"), few.Draw(t, "c")
		if a.Compare(b) != -b.Compare(a) || (a.Compare(b) == 0) != (a == b) {
			t.Fatalf("%s and %s compare as %d and %d", a, b, a.Compare(b), b.Compare(a))
		}
		if a.Compare(b) <= 0 && b.Compare(c) <= 0 && a.Compare(c) > 0 {
			t.Fatalf("%s, %s, %s have no order", a, b, c)
		}
	})
	if (ViewID{Epoch: 9}).Compare(ViewID{Epoch: 10}) >= 0 {
		t.Error("view 9 does not come before view 10")
	}
}
