package suites

import (
	"context"
	"fmt"
	"runtime/debug"
	"sync"
)

// spread does n pieces of work on some workers, in order of their start, and says how many are done after each. It
// leaves out what has not begun when the context ends, and gives its error then.
func spread(ctx context.Context, workers, n int, progress func(done, total int), do func(i int)) error {
	var wg sync.WaitGroup
	var mu sync.Mutex
	var broken error
	next, done := 0, 0
	guarded := func(i int) {
		defer func() { // a panic on another goroutine would end the process without a word of the harness
			if r := recover(); r != nil {
				mu.Lock()
				broken = fmt.Errorf("panic: %v\n%s", r, debug.Stack())
				mu.Unlock()
			}
		}()
		do(i)
	}
	for range max(1, workers) {
		wg.Go(func() {
			for {
				mu.Lock()
				i := next
				next++
				mu.Unlock()
				if i >= n || ctx.Err() != nil {
					return
				}
				guarded(i)
				mu.Lock()
				if done++; progress != nil {
					progress(done, n)
				}
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if broken != nil {
		return broken
	}
	return ctx.Err()
}
