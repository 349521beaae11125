// Package reliability holds the levels of reliability, one file each. Each file says first what the level promises,
// in the words of its source, and what its acknowledgement to the application means.
package reliability
