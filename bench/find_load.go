package bench

import (
	"bytes"
	"context"
	"io"

	"tasman/bench/results"
)

// runLoad is Load with the document of package results, by way of its JSON.
func runLoad(ctx context.Context, o LoadOptions, progress io.Writer) (*results.Result, error) {
	r, err := Load(ctx, o, progress)
	if err != nil || r == nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := r.Write(&text); err != nil {
		return nil, err
	}
	return results.Read(&text)
}
