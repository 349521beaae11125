// Package impltest checks that a layer keeps the contract of package impl, and writes down what layers do in a form
// that reads like the figure of a paper.
//
// [TestLayer] knows nothing of what a protocol promises: it judges how a layer behaves as a layer. A [Figure] is a few
// nodes whose packets the reader of a test moves by hand.
package impltest
