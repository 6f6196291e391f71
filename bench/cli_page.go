package bench

import (
	"context"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"tasman/bench/results"
)

// PageCmd is `tasman bench page`: it shows a result as a page.
type PageCmd struct {
	Result string `arg:"" type:"existingfile" placeholder:"RESULT.json" help:"Result of a bench command."`
	Out    string `placeholder:"FILE" help:"Page to write; RESULT.html beside the result by default, - is standard output."`
	Name   string `help:"Title of the page, instead of the result's own."`
}

// Run writes the page and says where it is.
func (c *PageCmd) Run(_ context.Context, out io.Writer) error {
	r, err := results.ReadFile(c.Result)
	if err != nil {
		return err
	}
	if c.Name != "" {
		r.Name = c.Name
	}
	if c.Out == "-" {
		return results.WritePage(out, r)
	}
	to := c.Out
	if to == "" {
		to = strings.TrimSuffix(c.Result, filepath.Ext(c.Result)) + ".html"
	}
	if err := results.WritePageFile(to, r); err != nil {
		return err
	}
	_, err = fmt.Fprintln(out, to)
	return err
}
