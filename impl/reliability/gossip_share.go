package reliability

import "math"

// ExpectedShare gives the expected share of n members, the sender among them, that deliver a message of [Gossip] when
// nothing is lost and nobody crashes. For large n it goes to the root of
//
//	π = 1 − e^(−π·fanout·rounds)
//
// which Eugster et al. give for members that infect and die: rounds only make them infect more. For few members that is
// too much or too little by several percent, so that here the distribution itself is computed.
func ExpectedShare(n, fanout, rounds int) float64 {
	return ExpectedShareWithLoss(n, fanout, rounds, 0)
}

// ExpectedShareWithLoss is [ExpectedShare] on a network that loses a share of all packets.
//
// Who infects whom does not depend on when. So the infected can be taken one after another, each with all of its rounds:
// the number of infected is then a Markov chain (the chain binomial of Reed and Frost, here hypergeometric because a
// member sends to different ones in one round), and it is over when all infected have been taken. O(n²·rounds·fanout).
func ExpectedShareWithLoss(n, fanout, rounds int, loss float64) float64 {
	if n < 1 {
		return 0
	}
	fanout, rounds = max(0, min(fanout, n-1)), max(1, rounds)
	fresh := newlyInfected(n, fanout, loss)
	now, next := make([]float64, n+1), make([]float64, n+1) // the probability of each number of infected
	now[1] = 1
	expected := 0.
	for taken := 1; taken <= n; taken++ {
		for range rounds {
			clear(next)
			for i := taken; i <= n; i++ {
				for k, p := range fresh[i] {
					next[i+k] += now[i] * p
				}
			}
			now, next = next, now
		}
		expected += now[taken] * float64(taken)
		now[taken] = 0
	}
	return expected / float64(n)
}

// newlyInfected gives, by the number of infected, how probable it is that one of them infects 0, 1, 2, … more in a
// round.
func newlyInfected(n, fanout int, loss float64) [][]float64 {
	fresh := make([][]float64, n+1)
	for i := 1; i <= n; i++ {
		well := n - i
		fresh[i] = make([]float64, min(fanout, well)+1)
		for arrive := 0; arrive <= fanout; arrive++ {
			p := choose(fanout, arrive) * math.Pow(1-loss, float64(arrive)) * math.Pow(loss, float64(fanout-arrive))
			for k := 0; k <= min(arrive, well) && p > 0; k++ {
				fresh[i][k] += p * choose(well, k) * choose(i-1, arrive-k) / choose(n-1, arrive)
			}
		}
	}
	return fresh
}

// choose gives the number of ways to choose k of n.
func choose(n, k int) float64 {
	if k < 0 || k > n {
		return 0
	}
	c := 1.
	for i := range k {
		c *= float64(n-i) / float64(i+1)
	}
	return c
}
