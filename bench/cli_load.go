package bench

import (
	"context"
	"errors"
	"io"
)

// LoadCmd is `tasman bench load`.
type LoadCmd struct {
	SMPP string `name:"smpp" help:"SMPP target."`
}

// Run sends and measures.
func (c *LoadCmd) Run(ctx context.Context, out io.Writer) error { return errors.New("not built yet") }
