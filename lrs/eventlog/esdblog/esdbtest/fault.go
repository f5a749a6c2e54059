package esdbtest

import (
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Append is one append that has arrived.
type Append struct {
	N      int // 0 for the first
	Stream string
	Events int
}

// Fault is what befalls an append: whether it is carried out, and what happens
// instead of the answer. The zero value is no fault.
type Fault struct {
	Drop   bool // it is not carried out
	Break  bool // the connection breaks
	Silent bool // no answer, until the call ends or the server stops

	// Err or Answer is the answer, whatever happened.
	Err    error
	Answer *streams.AppendResp
}

// Faults by name.
var (
	// CutOff: the connection breaks before anything is stored.
	CutOff = Fault{Drop: true, Break: true}

	// AnswerLost: it is stored, and the connection breaks.
	AnswerLost = Fault{Break: true}

	// ReportedLost: it is stored, and the answer says that it timed out.
	ReportedLost = Fault{Err: status.Error(codes.Aborted, "Operation timed out: Commit phase timeout")}

	// BlackHole: it vanishes, without an answer.
	BlackHole = Fault{Drop: true, Silent: true}

	// SilentlyKept: it is stored, without an answer.
	SilentlyKept = Fault{Silent: true}
)

// Sequence is a plan by which append i meets faults[i], and those after none.
func Sequence(faults ...Fault) func(Append) Fault {
	return func(a Append) Fault {
		if a.N < len(faults) {
			return faults[a.N]
		}
		return Fault{}
	}
}

// SetPlan changes Config.Plan.
func (s *Server) SetPlan(plan func(Append) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.Plan = plan
}
