package spec

import (
	"slices"
	"strings"
	"testing"
)

func TestLevels(t *testing.T) {
	for name, want := range map[string]string{
		"unreliable": "",
		"reliable":   "NO-CREATION NO-DUPLICATION CONTENT-INTEGRITY DESTINATION-INTEGRITY SELF-DELIVERY VALIDITY AGREEMENT",
		"fifo":       "FIFO-ORDER FIFO-GAPFREE",
		"causal":     "FIFO-GAPFREE LOCAL-ORDER CAUSAL-ORDER CAUSAL-GAPFREE",
		"fifo-total": "FIFO-ORDER FIFO-GAPFREE TOTAL-ORDER TOTAL-ORDER-PAIRWISE TOTAL-GAPFREE",
	} {
		ids, ok := Level(name)
		if !ok || !slices.Equal(words(ids), strings.Fields(want)) {
			t.Errorf("level %s is %v, %v, want %s", name, ids, ok, want)
		}
	}
	for _, name := range Levels() {
		ids, ok := Level(name)
		if !ok {
			t.Errorf("level %s is listed and unknown", name)
		}
		checkIDs(t, name, ids)
		if slices.ContainsFunc(Catalogue(), func(r Requirement) bool { return strings.EqualFold(string(r.ID), name) }) {
			t.Errorf("level %s is also the id of a requirement", name)
		}
	}
	if _, ok := Level("nonsense"); ok {
		t.Error("level nonsense is known")
	}
}

func TestLevelsInclude(t *testing.T) {
	for _, l := range levels {
		ids, _ := Level(l.name)
		for _, base := range l.with {
			if _, ok := Level(base); !ok {
				t.Errorf("level %s includes %s, which is unknown", l.name, base)
			}
			for _, id := range must(Level(base)) {
				if !slices.Contains(ids, id) {
					t.Errorf("level %s includes %s but lacks %s", l.name, base, id)
				}
			}
		}
	}
}

func must(ids []ID, _ bool) []ID { return ids }

func TestProfiles(t *testing.T) {
	var found []string
	for _, p := range Profiles() {
		found = append(found, p.Name)
		if p.Title == "" || len(p.Must) == 0 {
			t.Errorf("profile %s has no title or demands nothing", p.Name)
		}
		checkIDs(t, p.Name, p.Must)
		checkIDs(t, p.Name, p.Should)
		for _, id := range p.Should {
			if slices.Contains(Entailed(p.Must), id) {
				t.Errorf("profile %s demands %s and says only that it should be", p.Name, id)
			}
		}
		if q, ok := LookupProfile(p.Name); !ok || !slices.Equal(q.Must, p.Must) {
			t.Errorf("LookupProfile(%s) gives %v", p.Name, q)
		}
	}
	if want := strings.Fields("best-effort reliable fifo causal total atomic durable view-synchronous"); !slices.Equal(found, want) {
		t.Errorf("profiles %v, want %v", found, want)
	}
	causal, _ := LookupProfile("causal")
	for _, level := range []string{"reliable", "causal"} {
		for _, id := range must(Level(level)) {
			if !slices.Contains(causal.Must, id) {
				t.Errorf("profile causal lacks %s", id)
			}
		}
	}
	if _, ok := LookupProfile("nonsense"); ok {
		t.Error("profile nonsense is known")
	}
}

func TestParseClaims(t *testing.T) {
	got, err := ParseClaims([]string{"Causal", "agreement", " no-duplication/RESTART", "", "AGREEMENT"})
	want := strings.Fields("NO-DUPLICATION/restart AGREEMENT FIFO-GAPFREE LOCAL-ORDER CAUSAL-ORDER CAUSAL-GAPFREE")
	if err != nil || !slices.Equal(words(got), want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if got, err := ParseClaims(nil); err != nil || len(got) != 0 {
		t.Errorf("no claims give %v, %v", got, err)
	}
	_, err = ParseClaims([]string{"reliable", "FIFO-ODER"})
	wantError(t, err, `unknown claim "FIFO-ODER": want the id of a requirement or the name of a level; did you mean "FIFO-ORDER"?`)
	_, err = ParseClaims([]string{"xyzzy"})
	wantError(t, err, `unknown claim "xyzzy": want the id of a requirement or the name of a level`)
}

func wantError(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || err.Error() != want {
		t.Errorf("error\n\t%v\nwant\n\t%s", err, want)
	}
}

func words(ids []ID) []string {
	var out []string
	for _, id := range ids {
		out = append(out, string(id))
	}
	return out
}

// checkIDs says that ids are of the catalogue, in its order, each once.
func checkIDs(t *testing.T, where string, ids []ID) {
	t.Helper()
	for _, id := range ids {
		if _, ok := Lookup(id); !ok {
			t.Errorf("%s: %s is not in the catalogue", where, id)
		}
	}
	if !slices.Equal(ids, catalogueOrder(slices.Clone(ids))) {
		t.Errorf("%s: %v is not in the order of the catalogue", where, ids)
	}
}
