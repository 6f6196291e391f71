// Package results is the document that every command of `tasman bench` writes: what was run, on what machine, what came of
// it in sum and second by second. It reads and writes the document as JSON, shows it as one self-contained HTML page, and
// compares two of them.
package results
