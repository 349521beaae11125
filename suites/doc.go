// Package suites says what is run and what it means: the cells of the matrix and what each of them claims, the runs
// over many schedules, the kill table of the planted bugs, the doors for go test, and the reports.
//
// A cell is a stack: a transport, a level of reliability, an ordering, a membership. It claims requirements, each
// under a fault model. A run shows both sides of that: in every schedule whose faults are all in the model the
// requirement holds; and where the cell does not promise it, a schedule is found that breaks it. Both are needed: a
// judge that has never failed anybody proves nothing.
//
// Of what the nodes of a cell hold back, between the step in which a message comes and the one in which it is delivered
// or discarded, a run tells how many there were at one node at the most, on average, and in each of 32 stretches of time
// since the schedule began, each half as long again or a third longer than the one before ([HoldBack]); and how many
// packets and messages were discarded, by reason. What is played again ([Replay]) also has each hold-back and each
// discard in its history, with its reason and how many are held back then. Where a cell declares how many copies are
// kept and how many messages held back at the most, STABILITY-TRIM judges that.
//
// A claim of which the schedules of its cell test nothing gets more of them, up to a bound, before it counts as not
// shown.
//
// Every schedule has a seed of its own, made from the seed of the run, the cell and the schedule's number, and units
// of work are merged in their order. So a run says the same whatever the number of workers.
package suites
