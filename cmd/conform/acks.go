package main

import (
	"bytes"
	"fmt"
	"os"
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
	SVG         string        `name:"svg" placeholder:"FILE" help:"Draw both tables."`
	output
}

func (acksCommand) Help() string {
	return example("conform acks --transport hardware --loss 0,10 --messages 100 --sizes 2,10,100")
}

// Run measures what acknowledging costs. Nothing is judged.
func (c *acksCommand) Run(s *session) error {
	if err := c.prepare(); err != nil {
		return err
	}
	if c.SVG != "" {
		if err := writable(c.SVG); err != nil {
			return err
		}
	}
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
	if c.SVG != "" { // what can't be drawn changes nothing else
		if err := draw(c.SVG, report); err != nil {
			fmt.Fprintf(s.stderr, "%s: %v\n", c.SVG, err)
		}
	}
	return c.emit(s, report, report.WriteText)
}

func draw(name string, report *suites.AcksReport) error {
	var b bytes.Buffer
	if err := picture.Acks(&b, report); err != nil {
		return err
	}
	return os.WriteFile(name, b.Bytes(), 0o666)
}
