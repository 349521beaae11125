package main

import (
	"bytes"
	"fmt"
	"io"
	"time"

	"github.com/conform-go/conform/suites"
	"github.com/conform-go/conform/suites/picture"
)

type acksCommand struct {
	Transport   string        `default:"unicast" placeholder:"T" help:"The transport; a variant is name:option=value."`
	Reliability string        `placeholder:"L" help:"Levels of reliability; without: those that each table is about."`
	Nodes       int           `default:"4" help:"Members that a stream goes to, its sender among them."`
	Messages    int           `default:"400" help:"Messages of a stream."`
	Every       time.Duration `default:"20ms" help:"From one message of a sender to its next."`
	Loss        []int         `default:"0,1,5,10,20,30" placeholder:"L" help:"Percent of packets that are lost."`
	Sizes       []int         `default:"2,5,10,20,50,100,200,500,1000" placeholder:"L" help:"Members of the groups for one send."`
	Limit       int           `default:"200000" help:"Leave groups out to which a send is likely to cost more packets."`
	Seed        uint64        `default:"1" help:"Same seed, same bytes."`
	Parallel    int           `default:"0" help:"Workers; 0: one for each core."`
	SVG         string        `name:"svg" placeholder:"FILE" writes:"" help:"Draw both tables."`
	output
}

func (acksCommand) Help() string {
	return example("conform acks --transport hardware --loss 0,10 --messages 100 --sizes 2,10,100")
}

// Run measures what acknowledging costs. Nothing is judged.
func (c *acksCommand) Run(s *session) error {
	transport, levels, err := suites.ParseAckParts(c.Transport, c.Reliability)
	if err != nil {
		return usage(err)
	}
	if c.Nodes == 0 || c.Messages == 0 || c.Limit == 0 || c.Every == 0 {
		return usage(fmt.Errorf("--nodes, --messages, --limit and --every: want more than 0"))
	}
	show, end := progress(s, "measuring")
	plan := suites.AcksPlan{Transport: transport, Reliabilities: levels, Nodes: c.Nodes, Messages: c.Messages, Every: c.Every,
		Loss: c.Loss, Sizes: c.Sizes, Limit: c.Limit, Seed: c.Seed, Parallel: workers(c.Parallel), Progress: show}
	if err := plan.Complete(); err != nil {
		return usage(err)
	}
	report, err := suites.Acks(s.ctx, plan)
	end()
	if err != nil {
		return err
	}
	if err := draw(s, c.SVG, func(w io.Writer) error { return picture.Acks(w, report) }); err != nil {
		fmt.Fprintf(s.stderr, "%s: %v\n", c.SVG, err) // and what can't be drawn changes nothing else
	}
	return c.emit(s, report, report.WriteText)
}

// draw writes a picture, if it has a name.
func draw(s *session, name string, picture func(io.Writer) error) error {
	if name == "" {
		return nil
	}
	var b bytes.Buffer
	if err := picture(&b); err != nil {
		return err
	}
	return s.write(name, func(w io.Writer) error {
		_, err := w.Write(b.Bytes())
		return err
	})
}
