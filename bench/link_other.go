//go:build !linux

package bench

// canBeQuiet is whether quiet and poll work.
const canBeQuiet = false

func (*link) poll([]byte) (int, error) { panic("bench: link.poll is for Linux") }

func (*link) quiet(int) {}
