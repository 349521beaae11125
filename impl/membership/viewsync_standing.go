package membership

import (
	"github.com/conform-go/conform/impl"
	"github.com/conform-go/conform/spec"
)

// standing is what a node is to its group and wants to be, the calls that wait for it, and the packets that wait until what
// they say is on disk. It is the same in both services of view synchrony, the one of a primary component and the one whose
// parts all go on.
type standing struct {
	cfg         impl.Config
	incarnation uint32
	ready       bool

	member  bool // the last view is installed in this life
	whole   bool // … with the state of the group
	blocked bool // the layers above have been told
	wants   bool // to be a member
	again   bool // … and did so in the life before
	joining impl.Ref
	leaving impl.Ref
	leftBy  uint64 // the save that says so: a life after a crash must not want to be a member again
	goes    bool   // nothing else keeps it

	suspected impl.NodeSet
	refs      uint64

	saves   uint64       // persists asked for
	kept    uint64       // … and answered, up to here
	unsaved []viewLetter // packets that wait for them
	journal impl.Journal
	up      []impl.Effect // the upward effects of a step under way: they come last
}

// viewLetter is a packet that waits until what it says is on disk.
type viewLetter struct {
	save uint64
	to   spec.NodeID
	body []byte
}

// begins gives the standing of a new life. The first life of a configured node is a member, with the state.
func begins(cfg impl.Config, incarnation uint32) standing {
	s := standing{cfg: cfg, incarnation: incarnation, again: cfg.Index(cfg.Self) >= 0}
	s.member = incarnation == 0 && s.again
	s.wants, s.whole = s.member, s.member
	return s
}

// turn is how often a node looks around.
func (s *standing) turn() spec.Time { return spec.Time(s.cfg.TL / 8) }

// trusts says whether a node is up, as far as is known.
func (s *standing) trusts(n spec.NodeID) bool { return n == s.cfg.Self || !s.suspected.Has(n) }

// query gives the members as they are told.
func (s *standing) query(in impl.Input, members []spec.NodeID, out *impl.Effects) {
	if s.member {
		out.Finish(in.Ref, impl.AppendMembers(nil, members))
	} else {
		out.Refuse(in.Ref, impl.NotMember)
	}
}

// comes takes in a call to join, which returns with a view; not before a leave has returned. It says whether this node
// wants anything new.
func (s *standing) comes(in impl.Input, members []spec.NodeID, out *impl.Effects) bool {
	switch {
	case in.Ref == gateRejoin && !s.again:
		out.Refuse(in.Ref, impl.NotMember)
		return false
	case s.leaving != 0:
		out.Refuse(in.Ref, impl.ViewChanging)
		return false
	case s.member && s.wants:
		out.Finish(in.Ref, impl.AppendMembers(nil, members))
		return false
	}
	s.giveUpJoin() // the later call is answered
	s.wants, s.joining = true, in.Ref
	return true
}

// parts takes in a call to leave, which returns when the others have a view without this node; the last one can't. It says
// whether this node wants anything new.
func (s *standing) parts(in impl.Input, alone bool, out *impl.Effects) bool {
	s.giveUpJoin() // it does not want to any more
	switch {
	case !s.member && !s.wants || s.leaving != 0:
		out.Refuse(in.Ref, impl.NotMember)
		return false
	case s.member && alone:
		out.Refuse(in.Ref, impl.ViewChanging)
		return false
	}
	s.wants, s.leaving = false, in.Ref
	return true
}

func (s *standing) giveUpJoin() {
	if s.joining != 0 {
		s.up = append(s.up, impl.Effect{Kind: impl.Refuse, Ref: s.joining, Code: impl.ViewChanging})
		s.joining = 0
	}
}

// gone answers a leave when this node is out, and when that is on disk, if it is written down: its next life would be a
// member again.
func (s *standing) gone(saves bool) {
	s.goes = s.goes && !s.member
	if s.leaving != 0 && s.goes && (s.kept >= s.leftBy || !saves) {
		s.up = append(s.up, impl.Effect{Kind: impl.Finish, Ref: s.leaving})
		s.leaving = 0
	}
}

// returns answers a join that is over, with the members as they are told, or a leave.
func (s *standing) returns(members []spec.NodeID, alone, saves bool) {
	if s.joining != 0 && s.member {
		s.up = append(s.up, impl.Effect{Kind: impl.Finish, Ref: s.joining, Body: impl.AppendMembers(nil, members)})
		s.joining = 0
	}
	if s.leaving != 0 && s.member && alone {
		s.up = append(s.up, impl.Effect{Kind: impl.Refuse, Ref: s.leaving, Code: impl.ViewChanging}) // the last one stays
		s.leaving, s.wants = 0, true
	}
	s.goes = s.leaving != 0 && !s.member
	s.gone(saves)
}

// sendSaved hands a packet down when all that has been promised so far is on disk, if it is written down.
func (s *standing) sendSaved(to spec.NodeID, body []byte, saves bool, out *impl.Effects) {
	if !saves || s.saves == s.kept {
		out.Down(to, body, 0)
		return
	}
	s.unsaved = append(s.unsaved, viewLetter{s.saves, to, body})
}

// saved sends what has waited for it.
func (s *standing) saved(n uint64, out *impl.Effects) {
	s.kept = max(s.kept, n)
	kept := s.unsaved[:0]
	for _, w := range s.unsaved {
		if w.save <= n {
			out.Down(w.to, w.body, 0)
		} else {
			kept = append(kept, w)
		}
	}
	clear(s.unsaved[len(kept):])
	s.unsaved = kept
}
