// Package spec is the vocabulary that all of conform shares: ids, views, events and histories, the catalogue of
// requirements, claims and verdicts. It imports the standard library only, so that anyone can build on it.
//
// A history is the one thing that a world hands to a judge. It records what nodes observed (a delivery, not a polled
// state), names messages by ids that the harness gave out, and says of bodies only whether two of them are equal.
// Events are values of 64 bytes without pointers, because millions of them are judged a second.
package spec
