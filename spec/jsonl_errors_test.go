package spec

import (
	"errors"
	"strings"
	"testing"
)

// What follows the header, the line that is wrong, and what is said about it.
var malformedEvents = []struct {
	text string
	line int
	want string
}{
	{"word\n", 2, `bad JSON at byte 1: want a JSON object, found "w"`},
	{"[]\n", 2, `bad JSON at byte 1: want a JSON object, found "["`},
	{`{"t":1,}` + "\n", 2, `bad JSON at byte 8: want the name of a field, found "}"`},
	{`{"t" 1}` + "\n", 2, `bad JSON at byte 6: want ':' after the name of a field, found "1"`},
	{`{"t":1 "node":"0"}` + "\n", 2, `bad JSON at byte 8: want ',' or '}' after a field, found "\""`},
	{`{"t":01}` + "\n", 2, `bad JSON at byte 7: want ',' or '}' after a field, found "1"`},
	{`{"t":-}` + "\n", 2, `bad JSON at byte 7: want a digit, found "}"`},
	{`{"t":nul}` + "\n", 2, `bad JSON at byte 6: want a value, found "n"`},
	{`{"t":[1 2]}` + "\n", 2, `bad JSON at byte 9: want ',' or ']' after an element, found "2"`},
	{`{"t":1,"node":"0` + "\n", 2, `bad JSON: want '"' at the end of a string, found the end of the line`},
	{`{"t":1,"node":"\q"}` + "\n", 2, `bad JSON at byte 16: want an escape that JSON knows, found "\\"`},
	{"{\"t\":1,\"node\":\"\x01\"}\n", 2, `bad JSON at byte 16: want no control character in a string, found "\x01"`},
	{"{\"t\":1,\"node\":\"\xff\"}\n", 2, `bad JSON at byte 16: want UTF-8, found the byte 0xff, which is not UTF-8`},
	{`{"t":1} {"t":2}` + "\n", 2, `bad JSON at byte 9: want the end of the line after the object, found "{"`},
	{`{"t":1,"kind":"note","a":` + strings.Repeat("[", 1002) + "\n", 2,
		`bad JSON at byte 1026: want at most 1000 arrays and objects in each other, found "["`},
	{"\n" + `{"t":1,"kind":"note"}` + "\n", 2, "blank line: want an event; only the end of a file may have blank lines"},
	{`{"t":1,"kind":"note"}` + "\n \n\n" + `{"t":1,"kind":"note"}` + "\n", 3,
		"blank line: want an event; only the end of a file may have blank lines"},
	{`{"t":1,"kind":"note","text":"` + strings.Repeat("x", MaxLine) + `"}` + "\n", 2, "line too long: want at most 1048576 bytes"},

	{`{"t":1}` + "\n", 2, `no kind: want "kind", as "send" or "deliver"`},
	{`{"kind":"note"}` + "\n", 2, `no t: want "t", nanoseconds since the start`},
	{`{"t":1,"kind":7}` + "\n", 2, `field "kind": want a string, found 7`},
	{`{"t":1,"kind":"note"}` + "\n" + `{"t":1,"kind":"delivr"}`, 3,
		`unknown kind "delivr": want one of the schema, or one that begins with "x-"; did you mean "deliver"?`},
	{`{"t":1,"kind":"x-"}` + "\n", 2, `unknown kind "x-": want one of the schema, or one that begins with "x-"`},
	{`{"t":-5,"kind":"note"}` + "\n", 2, `field "t": want nanoseconds since the start, a whole number from 0, found -5`},
	{`{"t":1.5,"kind":"note"}` + "\n", 2, `field "t": want nanoseconds since the start, a whole number from 0, found 1.5`},
	{`{"t":9223372036854775808,"kind":"note"}` + "\n", 2,
		`field "t": want nanoseconds since the start, a whole number from 0, found 9223372036854775808`},
	{`{"t":"1","kind":"note"}` + "\n", 2, `field "t": want nanoseconds since the start, a whole number from 0, found "1"`},
	{`{"t":1,"t":2,"kind":"note"}` + "\n", 2, `field "t" twice`},
	{`{"t":1,"kind":"note","kind":"note"}` + "\n", 2, `field "kind" twice`},

	{`{"t":1,"node":"7","kind":"crash"}` + "\n", 2, `field "node": unknown node "7": want one of "0", "1"`},
	{`{"t":1,"node":1,"kind":"crash"}` + "\n", 2, `field "node": want a string, found 1`},
	{`{"t":1,"node":"0","kind":"join","group":"q"}` + "\n", 2, `field "group": unknown group "q": want one of "g", "z"`},
	{`{"t":1,"node":"0","kind":"suspect","to":"q"}` + "\n", 2, `field "to": unknown node "q": want one of "0", "1"`},
	{`{"t":1,"node":"0","kind":"ack","msg":"0/1"}` + "\n", 2,
		`field "msg": malformed message id "0/1": want sender/incarnation/number`},
	{`{"t":1,"node":"0","kind":"ack","msg":"0/-1/1"}` + "\n", 2,
		`field "msg": malformed message id "0/-1/1": want sender/incarnation/number`},
	{`{"t":1,"node":"0","kind":"ack","msg":"0/4294967296/1"}` + "\n", 2,
		`field "msg": malformed message id "0/4294967296/1": want sender/incarnation/number`},
	{`{"t":1,"node":"0","kind":"ack","msg":"9/0/1"}` + "\n", 2, `field "msg": unknown node "9": want one of "0", "1"`},
	{`{"t":1,"node":"0","kind":"restore","msgs":["0/0/1","0"]}` + "\n", 2,
		`field "msgs": malformed message id "0": want sender/incarnation/number`},
	{`{"t":1,"node":"0","kind":"restore","msgs":"0/0/1"}` + "\n", 2, `field "msgs": want a list of message ids, found "0/0/1"`},
	{`{"t":1,"node":"0","kind":"view","group":"g","view":"1","members":["0",1]}` + "\n", 2,
		`field "members": want a list of node names, found 1 in it`},
	{`{"t":1,"node":"0","kind":"view","group":"g","view":"a","members":[]}` + "\n", 2,
		`field "view": want a decimal number, or epoch.node, found "a"`},
	{`{"t":1,"node":"0","kind":"view","group":"g","view":1,"members":[]}` + "\n", 2, `field "view": want a string, found 1`},
	{`{"t":1,"node":"0","kind":"crash","safe":1}` + "\n", 2, `field "safe": want true or false, found 1`},
	{`{"t":1,"node":"0","kind":"crash","len":-1}` + "\n", 2,
		`field "len": want bytes, a whole number from 0 to 2147483647, found -1`},
	{`{"t":1,"node":"0","kind":"crash","id":"7"}` + "\n", 2, `field "id": want the id of a call, a whole number from 0, found "7"`},
	{`{"t":1,"node":"0","kind":"crash","depth":1e3}` + "\n", 2, `field "depth": want a whole number, found 1e3`},

	{`{"t":1,"kind":"frame","ttl":256}` + "\n", 2, `field "ttl": want a time to live, a whole number from 0 to 255, found 256`},
	{`{"t":1,"kind":"frame","via":1}` + "\n", 2, `field "via": want a string, found 1`},

	{`{"t":1,"kind":"crash"}` + "\n", 2, "crash without node: want node"},
	{`{"t":1,"kind":"send","group":"g"}` + "\n", 2, "send without node, msg: want node, msg, and group or to"},
	{`{"t":1,"node":"0","kind":"send","msg":"0/0/1"}` + "\n", 2, "send without group or to: want node, msg, and group or to"},
	{`{"t":1,"node":"0","kind":"deliver","group":"g"}` + "\n", 2, "deliver without msg: want node, msg, and group or to"},
	{`{"t":1,"node":"0","kind":"view","group":"g"}` + "\n", 2, "view without view, members: want node, group, view, members"},
	{`{"t":1,"node":"0","kind":"trust"}` + "\n", 2, "trust without to: want node, to"},
	{`{"t":1,"node":"0","kind":"restore"}` + "\n", 2, "restore without msgs: want node, msgs"},
	{`{"t":1,"node":"0","kind":"invoke","op":"get"}` + "\n", 2, "invoke without object: want node, object, op"},
	{`{"t":1,"node":"0","kind":"leave"}` + "\n", 2, "leave without group: want node, group"},
	{`{"t":1,"node":"9","kind":"x-mine"}` + "\n", 2, `field "node": unknown node "9": want one of "0", "1"`},
}

func TestMalformedEvents(t *testing.T) {
	for _, c := range malformedEvents {
		wantSyntaxError(t, smallHeader+c.text, c.line, c.want)
	}
}

func TestMalformedHeaders(t *testing.T) {
	const example = `{"schema":"conform.history/1","nodes":["0","1"],"groups":{"g":["0","1"]},"model":"crash-stop","settled":true}`
	for text, want := range map[string]string{
		"":                               "empty: want the header, as " + example,
		"\n":                             "bad JSON: want a JSON object, found the end of the line; the first line is the header, as " + example,
		`{"schema":"`:                    `bad JSON: want '"' at the end of a string, found the end of the line; the first line is the header, as ` + example,
		`{"t":1}`:                        `no schema: want "conform.history/1" first, in a header as ` + example,
		`{"schema":"conform.history/2"}`: `unknown schema "conform.history/2": want "conform.history/1"`,
		`{"schema":7}`:                   `unknown schema 7: want "conform.history/1"`,
		`{"schema":"conform.history/1"}`: "header without nodes: want " + example,
		`{"schema":"conform.history/1","nodes":"0"}`:                            `field "nodes": want a list of node names, found "0"`,
		`{"schema":"conform.history/1","nodes":["0",""]}`:                       `field "nodes": empty node name`,
		`{"schema":"conform.history/1","nodes":["0","1","0"]}`:                  `field "nodes": node "0" twice: want each name once`,
		`{"schema":"conform.history/1","nodes":[0]}`:                            `field "nodes": want a list of node names, found 0 in it`,
		`{"schema":"conform.history/1","nodes":[],"nodes":[]}`:                  `field "nodes" twice`,
		`{"schema":"conform.history/1","nodes":["0"],"groups":["0"]}`:           `field "groups": want an object of groups with their members, found ["0"]`,
		`{"schema":"conform.history/1","nodes":["0"],"groups":{"g":"0"}}`:       `field "groups": want a list of the members of "g", found "0"`,
		`{"schema":"conform.history/1","nodes":["0"],"groups":{"g":["1"]}}`:     `field "groups": unknown node "1": want one of "0"`,
		`{"schema":"conform.history/1","nodes":["0"],"groups":{"g":["0","0"]}}`: `field "groups": node "0" twice in "g"`,
		`{"schema":"conform.history/1","nodes":["0"],"groups":{"g":[],"g":[]}}`: `field "groups": group "g" twice: want each name once`,
		`{"schema":"conform.history/1","nodes":["0"],"groups":{"":[]}}`:         `field "groups": empty group name`,
		`{"schema":"conform.history/1","nodes":["0"],"closed":["g"]}`:           `field "closed": unknown group "g": want none, since the header has none`,
		`{"schema":"conform.history/1","nodes":["0"],"model":"byzantine"}`:      `field "model": want "crash-stop" or "crash-recovery", found "byzantine"`,
		`{"schema":"conform.history/1","nodes":["0"],"byzantine":["1"]}`:        `field "byzantine": unknown node "1": want one of "0"`,
		`{"schema":"conform.history/1","nodes":["0"],"byzantine":["0","0"]}`:    `field "byzantine": node "0" twice`,
		`{"schema":"conform.history/1","nodes":["0"],"byzantine":"0"}`:          `field "byzantine": want a list of node names, found "0"`,
		`{"schema":"conform.history/1","nodes":["0"],"settled":"yes"}`:          `field "settled": want true or false, found "yes"`,
		`{"schema":"conform.history/1","nodes":["0"],"epsilon":-1}`:             `field "epsilon": want nanoseconds, a whole number from 0, found -1`,
		`{"schema":"conform.history/1","nodes":["0"],"bounds":{"A":"1s"}}`:      `field "bounds": "A": want nanoseconds, a whole number from 0, found "1s"`,
		`{"schema":"conform.history/1","nodes":["0"],"bounds":[]}`:              `field "bounds": want an object of requirements with their bounds, found []`,
	} {
		wantSyntaxError(t, text, 1, want)
	}
}

// What the header says of the network of two nodes.
func TestMalformedNetworks(t *testing.T) {
	for text, want := range map[string]string{
		`"costs":3`:                                             `field "costs": want an object of requirements with their costs, found 3`,
		`"costs":{"COST-PACKETS":"3"}`:                          `field "costs": "COST-PACKETS": want packets a send, a whole number from 0, found "3"`,
		`"costs":{"A":1,"A":2}`:                                 `field "costs": "A" twice`,
		`"topology":[]`:                                         `field "topology": want an object with links, routers and more, found []`,
		`"topology":{"hubs":[]}`:                                `field "topology": unknown field "hubs": want one of "links", "routers", "switches", "rps", "routing", "igmp", "versions", "metrics"`,
		`"topology":{"rps":[],"rps":[]}`:                        `field "topology": field "rps" twice`,
		`"topology":{"routers":["r"]}`:                          `field "topology": "routers": unknown node "r": want one of "0", "1"`,
		`"topology":{"switches":["0","0"]}`:                     `field "topology": "switches": node "0" twice`,
		`"topology":{"rps":"0"}`:                                `field "topology": "rps": want a list of node names, found "0"`,
		`"topology":{"routing":"flood"}`:                        `field "topology": "routing": want "dense", "sparse" or "", found "flood"`,
		`"topology":{"routing":1}`:                              `field "topology": "routing": want "dense", "sparse" or "", found 1`,
		`"topology":{"igmp":4}`:                                 `field "topology": "igmp": want the version, a whole number from 0 to 3, found 4`,
		`"topology":{"versions":[1,4]}`:                         `field "topology": "versions": want the version, a whole number from 0 to 3, found 4`,
		`"topology":{"versions":[1]}`:                           `field "topology": "versions": want 2, as the header has nodes, found 1`,
		`"topology":{"links":{}}`:                               `field "topology": "links": want a list of links, found {}`,
		`"topology":{"links":["lan"]}`:                          `field "topology": "links": want a link, an object with name, metric and nodes, found "lan"`,
		`"topology":{"links":[{}]}`:                             `field "topology": "links": link name "" is empty or stands twice`,
		`"topology":{"links":[{"name":1}]}`:                     `field "topology": "links": field "name": want a string, found 1`,
		`"topology":{"links":[{"name":"l"},{"name":"l"}]}`:      `field "topology": "links": link name "l" is empty or stands twice`,
		`"topology":{"links":[{"name":"l","mtu":1500}]}`:        `field "topology": "links": unknown field "mtu": want one of "name", "metric", "nodes"`,
		`"topology":{"links":[{"name":"l","metric":-1}]}`:       `field "topology": "links": metric of "l": want a whole number from 0, found -1`,
		`"topology":{"links":[{"name":"l","nodes":["0","7"]}]}`: `field "topology": "links": nodes of "l": unknown node "7": want one of "0", "1"`,
		`"topology":{"metrics":[[0,1]]}`:                        `field "topology": "metrics": want 2 rows of 2 numbers, as the header has nodes, found 1 rows`,
		`"topology":{"metrics":[[0,1],[1]]}`:                    `field "topology": "metrics": want 2 rows of 2 numbers, as the header has nodes, found 1 in row 2`,
		`"topology":{"metrics":[0,1]}`:                          `field "topology": "metrics": want 2 rows of 2 numbers, as the header has nodes, found 0`,
		`"topology":{"metrics":[[0,1.5],[1,0]]}`:                `field "topology": "metrics": want a whole number, found 1.5`,
	} {
		wantSyntaxError(t, `{"schema":"conform.history/1","nodes":["0","1"],`+text+`}`, 1, want)
	}
}

func wantSyntaxError(t *testing.T, text string, line int, want string) {
	t.Helper()
	h, err := ReadHistory(strings.NewReader(text))
	var syntax *SyntaxError
	if !errors.As(err, &syntax) || h != nil {
		t.Errorf("%.200q: got %v, %v, want a syntax error", text, h, err)
		return
	}
	if syntax.Line != line || syntax.Reason != want {
		t.Errorf("%.200q:\ngot  line %d: %s\nwant line %d: %s", text, syntax.Line, syntax.Reason, line, want)
	}
}
