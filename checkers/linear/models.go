package linear

import (
	"strconv"
	"strings"

	"github.com/anishathalye/porcupine"
)

// model is what a single copy would do. Its states are texts, so that they can be compared and kept.
type model struct {
	name     string
	init     string
	step     func(state string, in input, out string) (bool, string)
	describe func(in input, out string) string
}

const numberServer = "number server"

// described gives the model to porcupine. No step is possible once it is late.
func (m *model) described(late func() bool) porcupine.Model {
	return porcupine.Model{
		Init: func() any { return m.init },
		Step: func(state, in, out any) (bool, any) {
			if late != nil && late() {
				return false, state
			}
			ok, next := m.step(state.(string), in.(input), out.(string))
			return ok, next
		},
		DescribeOperation: func(in, out any) string { return m.describe(in.(input), out.(string)) },
		DescribeState:     func(state any) string { return state.(string) },
	}
}

// modelOf gives the model that has an operation; nil if none has.
func modelOf(op string, o Options) *model {
	switch op {
	case "next", "fetch":
		return sequenceModel(o.Before)
	case "read", "write", "get", "put", "add":
		return registerModel()
	case "append", "list":
		return boardModel()
	}
	return nil
}

// sequenceModel is fetch-and-increment: the state is the last number given.
func sequenceModel(before uint64) *model {
	return &model{
		name: numberServer, init: strconv.FormatUint(before, 10), describe: inWords,
		step: func(state string, _ input, out string) (bool, string) {
			last, _ := number(state)
			next := strconv.FormatUint(last+1, 10)
			return out == unknown || out == next, next
		},
	}
}

// registerModel keeps what was written last. The answer of a write does not matter; that of an addition is the sum, where
// what is no number counts as 0.
func registerModel() *model {
	return &model{
		name: "register", init: "null", describe: inWords,
		step: func(state string, in input, out string) (bool, string) {
			switch in.op {
			case "write", "put":
				return true, in.value
			case "add":
				state = plus(state, in.value)
			}
			return out == unknown || out == state, state
		},
	}
}

// boardModel keeps all that was appended. The answer of an append does not matter.
func boardModel() *model {
	return &model{
		name: "bulletin board", init: "[]", describe: inWords,
		step: func(state string, in input, out string) (bool, string) {
			if in.op == "append" {
				before := strings.TrimSuffix(state, "]")
				if before != "[" {
					before += ","
				}
				return true, before + in.value + "]"
			}
			return out == unknown || out == state, state
		},
	}
}

// plus adds two whole numbers that are texts.
func plus(a, b string) string {
	x, _ := strconv.ParseInt(a, 10, 64)
	y, _ := strconv.ParseInt(b, 10, 64)
	return strconv.FormatInt(x+y, 10)
}

func inWords(in input, out string) string {
	text := in.op + "(" + in.value + ")"
	if out != unknown {
		text += " = " + out
	}
	return text
}
