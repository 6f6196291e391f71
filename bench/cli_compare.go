package bench

import (
	"context"
	"errors"
	"io"

	"tasman/bench/results"
)

// ErrWorse is returned by `tasman bench compare --fail-on-worse` when a metric of B is worse than that of A.
var ErrWorse = errors.New("worse: the second result against the first")

// CompareCmd is `tasman bench compare`: it says whether B differs from A by more than noise.
type CompareCmd struct {
	A           string `arg:"" help:"Result file, several with commas between, or a folder of them: runs of the same thing."`
	B           string `arg:"" help:"The same of what is compared to A."`
	HTML        string `name:"html" placeholder:"FILE" help:"Page with the verdicts and the charts of both."`
	Anyway      bool   `help:"Compare runs of different loads or on different machines, with a warning."`
	FailOnWorse bool   `help:"Fail when a metric is worse."`
}

// Run prints the comparison. It returns a results.NotComparableError when there is nothing to compare, and ErrWorse as asked.
func (c *CompareCmd) Run(_ context.Context, out io.Writer) error {
	a, err := results.ReadSide(c.A)
	if err != nil {
		return err
	}
	b, err := results.ReadSide(c.B)
	if err != nil {
		return err
	}
	comparison, err := results.Compare(a, b, results.CompareOptions{Anyway: c.Anyway})
	var not *results.NotComparableError
	if errors.As(err, &not) {
		return errors.Join(err, errors.New("--anyway compares them all the same"))
	}
	if err != nil {
		return err
	}
	if err := comparison.Text(out); err != nil {
		return err
	}
	if c.HTML != "" {
		if err := comparison.WritePageFile(c.HTML); err != nil {
			return err
		}
	}
	if c.FailOnWorse && comparison.Worse() {
		return ErrWorse
	}
	return nil
}
