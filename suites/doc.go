// Package suites says what is run and what it means: the cells of the matrix and what each of them claims, the runs
// over many schedules, the kill table of the planted bugs, the doors for go test, and the reports.
//
// A cell is a stack: a transport, a level of reliability, an ordering, a membership. It claims requirements, each
// under a fault model. A run shows both sides of that: in every schedule whose faults are all in the model the
// requirement holds; and where the cell does not promise it, a schedule is found that breaks it. Both are needed: a
// judge that has never failed anybody proves nothing.
//
// Every schedule has a seed of its own, made from the seed of the run, the cell and the schedule's number, and units
// of work are merged in their order. So a run says the same whatever the number of workers.
package suites
