package bench

// linkState is what can be seen of a connection that waits for its next request.
type linkState uint8

const (
	linkQuiet  linkState = iota
	linkClosed           // by the other side
	linkOctets           // that nobody has read
)
