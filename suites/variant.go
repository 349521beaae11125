package suites

import (
	"fmt"
	"slices"
	"strings"

	"github.com/conform-go/conform/spec"
)

// Variant is a part of a stack by name, with the options that differ from the defaults: "unicast:mtu=1400".
type Variant struct {
	Name    string
	Options []Setting // sorted by key
}

// Setting is one option of a variant.
type Setting struct{ Key, Value string }

// String is the inverse of parseVariant.
func (v Variant) String() string {
	s := v.Name
	for i, o := range v.Options {
		if i == 0 {
			s += ":"
		} else {
			s += ","
		}
		s += o.Key + "=" + o.Value
	}
	return s
}

// Get gives the value of an option, or its default.
func (v Variant) Get(key, def string) string {
	for _, o := range v.Options {
		if o.Key == key {
			return o.Value
		}
	}
	return def
}

// parseVariant reads a name with options and checks both against the table of its kind.
func parseVariant(text, kind string, table []Part) (Variant, error) {
	name, rest, has := strings.Cut(text, ":")
	part := lookup(table, name)
	if part == nil {
		return Variant{}, unknown(kind, name, names(table))
	}
	v := Variant{Name: name}
	if !has {
		return v, nil
	}
	for _, item := range strings.Split(rest, ",") {
		key, value, ok := strings.Cut(item, "=")
		opt := part.option(key)
		switch {
		case !ok:
			return Variant{}, fmt.Errorf("%s %s: option %q: want name=value", kind, name, item)
		case opt == nil:
			return Variant{}, fmt.Errorf("%s %s has no option %q%s", kind, name, key, optionsOf(part))
		}
		if err := opt.Check(value); err != nil {
			return Variant{}, fmt.Errorf("%s %s, option %s=%s: %w", kind, name, key, value, err)
		}
		if v.Get(key, "") != "" {
			return Variant{}, fmt.Errorf("%s %s: option %s is given twice", kind, name, key)
		}
		v.Options = append(v.Options, Setting{key, value})
	}
	slices.SortFunc(v.Options, func(a, b Setting) int { return strings.Compare(a.Key, b.Key) })
	return v, nil
}

func optionsOf(p *Part) string {
	if len(p.Options) == 0 {
		return ", and none at all"
	}
	var keys []string
	for _, o := range p.Options {
		keys = append(keys, o.Key)
	}
	return ": it has " + strings.Join(keys, ", ")
}

// unknown is the error for a name that no table has.
func unknown(kind, name string, among []string) error {
	if near := slices.Compact(spec.Near(name, among)); len(near) > 0 {
		return fmt.Errorf("unknown %s %q: did you mean %s?", kind, name, strings.Join(near, " or "))
	}
	if len(among) > 40 {
		list := "WHAT"
		if kind == "mutant" {
			list = "mutants"
		}
		return fmt.Errorf("unknown %s %q: conform list %s shows what there is", kind, name, list)
	}
	return fmt.Errorf("unknown %s %q: want one of %s", kind, name, strings.Join(among, ", "))
}

// parseVariants reads "name,name:option=value,…" or "all". A piece with "=" and without ":" is one more option of the
// variant before it.
func parseVariants(list, kind string, table []Part) ([]Variant, error) {
	if strings.Contains(list, ",") && slices.ContainsFunc(strings.Split(list, ","), func(x string) bool { return strings.TrimSpace(x) == "all" }) {
		return nil, fmt.Errorf("%s %q: all stands alone", kind, list)
	}
	if list == "" || list == "all" {
		list = strings.Join(names(table), ",")
	}
	var texts []string
	for _, piece := range strings.Split(list, ",") {
		piece = strings.TrimSpace(piece)
		if n := len(texts); n > 0 && strings.Contains(piece, "=") && !strings.Contains(piece, ":") {
			texts[n-1] += "," + piece
			continue
		}
		texts = append(texts, piece)
	}
	var out []Variant
	for _, text := range texts {
		v, err := parseVariant(text, kind, table)
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(out, func(w Variant) bool { return w.String() == v.String() }) {
			out = append(out, v)
		}
	}
	return out, nil
}
