//go:build !unix

package streams

// spaceOf does not know on this system: the byte limits of the streams are the only guard.
func spaceOf(string) (space, error) { return space{free: 1 << 62, total: 1 << 62}, nil }
