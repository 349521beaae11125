package suites

// schemas are the kinds of files that conform reads and writes. Each names its own, at its beginning.
var schemas = []struct{ name, title, from, to string }{
	{"conform.run/1", "a run: cells, their requirements, verdicts, witnesses", "conform run, conform certify", "conform report"},
	{"conform.check/1", "what judges say of recorded histories", "conform check", ""},
	{"conform.replay/1", "one scenario, played again", "conform replay", ""},
	{"conform.fuzz/1", "what a search has found", "conform fuzz", ""},
	{"conform.mutants/1", "the kill table", "conform mutants", ""},
	{"conform.acks/1", "what acknowledging costs", "conform acks", ""},
	{"conform.detectors/1", "how good failure detectors are", "conform detectors", ""},
	{"conform.list/1", "what has a name", "conform list", ""},
	{"conform.explain/1", "what a name means", "conform explain", ""},
	{"conform.certificate/1", "what was run of a program, and what was found, to be handed to others", "conform certify --certificate", "conform verify"},
	{"conform.scenario/1", "a scenario, as text", "conform fuzz, and every witness", "conform replay"},
	{"conform.history/1", "a history, an event a line", "conform replay --history, and anybody", "conform check"},
	{"conform.adapter/1", "whether a program of your own speaks the adapter protocol, whose lines conform list schemas describes", "conform certify --check-adapter", ""},
}

func explainSchema(name string) *Explanation {
	for _, s := range schemas {
		if s.name == name {
			e := &Explanation{Name: s.name, Kind: "schema", Title: s.title}
			e.add("written by", s.from)
			e.add("read by", s.to)
			return e
		}
	}
	return nil
}
