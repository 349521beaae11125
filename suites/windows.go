package suites

// narrowWindow is up to how many places a window counts as one that schedules fill.
const narrowWindow = 8

// narrow says whether a sender of the cell may have so few messages under way that schedules fill its window.
func (c Cell) narrow() bool { return false }
