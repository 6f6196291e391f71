package streams

import "time"

// HomeAfter sets how long a server of its region must be well before a node goes back to it.
func HomeAfter(c *Config, d time.Duration) { c.homeAfter = d }

// ConnectedTo returns the name of the server that the node is connected to, "" for none.
func (b *Bus) ConnectedTo() string { return b.nc.ConnectedServerName() }

// Settle is settle.
var Settle = settle
