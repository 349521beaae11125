package adapter

import (
	"bytes"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

//go:embed schema/*.schema.json
var schemaFiles embed.FS

// Schemas gives the JSON Schemas of all lines (draft 2020-12), by name: "to-adapter" for what the harness writes, and
// "from-adapter" for what a program writes. Each has a definition for every op.
func Schemas() map[string]json.RawMessage {
	out := map[string]json.RawMessage{}
	for _, d := range []direction{toAdapter, fromAdapter} {
		out[string(d)] = d.text()
	}
	return out
}

// direction says who writes a line: the name of its schema.
type direction string

const (
	toAdapter   direction = "to-adapter"
	fromAdapter direction = "from-adapter"
)

func (d direction) text() []byte {
	b, err := schemaFiles.ReadFile("schema/" + string(d) + ".schema.json")
	if err != nil {
		panic("adapter: " + err.Error())
	}
	return b
}

// compiled gives the schemas of a direction, by op.
var compiled = map[direction]func() map[string]*jsonschema.Schema{
	toAdapter:   sync.OnceValue(func() map[string]*jsonschema.Schema { return compile(toAdapter) }),
	fromAdapter: sync.OnceValue(func() map[string]*jsonschema.Schema { return compile(fromAdapter) }),
}

func compile(d direction) map[string]*jsonschema.Schema {
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(d.text()))
	if err != nil {
		panic("adapter: " + err.Error())
	}
	c := jsonschema.NewCompiler()
	url := string(d) + ".schema.json"
	if err := c.AddResource(url, doc); err != nil {
		panic("adapter: " + err.Error())
	}
	out := map[string]*jsonschema.Schema{}
	for op := range doc.(map[string]any)["$defs"].(map[string]any) {
		out[op] = c.MustCompile(url + "#/$defs/" + op)
	}
	return out
}

// checkLine holds a line against the schema of its op.
func checkLine(d direction, raw []byte) error {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("it is no JSON: %w", err)
	}
	object, ok := v.(map[string]any)
	if !ok {
		return errors.New("it is no JSON object")
	}
	op, ok := object["op"].(string)
	if !ok {
		return errors.New(`it has no "op"`)
	}
	s := compiled[d]()[op]
	if s == nil {
		return fmt.Errorf("there is no op %q", op)
	}
	return inWords(s.Validate(v))
}

// inWords says on one line what does not fit a schema.
func inWords(err error) error {
	var e *jsonschema.ValidationError
	if !errors.As(err, &e) {
		return err
	}
	for len(e.Causes) > 0 {
		e = e.Causes[0]
	}
	words := e.Error()
	if i := strings.LastIndex(words, "\n- "); i >= 0 {
		words = words[i+3:]
	}
	return errors.New(words)
}
