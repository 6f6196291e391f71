// Command delays joins the journal of a load with the journals of simulators by the markers of the messages, and prints how
// long the messages took to reach the operators, as JSON in milliseconds: delays SENT RECEIVED...
//
// Both journals have the time of one clock only where both were written on one machine.
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"tasman/bench/journal"
)

// spread is a distribution of times, in milliseconds.
type spread struct {
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
	Max float64 `json:"max"`
}

// report is what is printed.
type report struct {
	Accepted int `json:"accepted"` // messages with a marker
	Received int `json:"received"` // of these, by an operator, refused ones included; the times are of these
	// FromIntended counts from the time a message was meant to be sent.
	FromIntended *spread `json:"from_intended,omitempty"`
	// FromAnswer counts from the answer to the submission, and is below 0 where the operator was faster.
	FromAnswer *spread `json:"from_answer,omitempty"`
}

// accepted is when a message was meant to be sent and when it was answered.
type accepted struct{ intended, answered time.Time }

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: delays SENT RECEIVED...")
		os.Exit(2)
	}
	r, err := join(os.Args[1], os.Args[2:])
	if err == nil {
		err = json.NewEncoder(os.Stdout).Encode(r)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "delays:", err)
		os.Exit(1)
	}
}

// join reads the journals. A message that came more than once counts at its first arrival in the order of the files.
func join(sentFile string, receivedFiles []string) (*report, error) {
	sent := make(map[uint64]accepted)
	err := each(sentFile, func(e *journal.Entry) {
		if e.Kind == journal.Answered && e.Outcome == journal.Accepted && e.Marker != journal.NoMarker && e.Part <= 1 {
			sent[e.Marker] = accepted{e.Intended, e.At}
		}
	})
	if err != nil {
		return nil, err
	}
	r := &report{Accepted: len(sent)}
	var fromIntended, fromAnswer []time.Duration
	for _, file := range receivedFiles {
		err := each(file, func(e *journal.Entry) {
			m, ours := sent[e.Marker]
			if e.Kind != journal.Received || !ours {
				return
			}
			delete(sent, e.Marker)
			fromIntended = append(fromIntended, e.At.Sub(m.intended))
			fromAnswer = append(fromAnswer, e.At.Sub(m.answered))
		})
		if err != nil {
			return nil, err
		}
	}
	r.Received = len(fromIntended)
	r.FromIntended, r.FromAnswer = spreadOf(fromIntended), spreadOf(fromAnswer)
	return r, nil
}

// each calls f for each entry of a journal.
func each(file string, f func(*journal.Entry)) error {
	j, err := journal.Open(file)
	if err != nil {
		return err
	}
	defer func() { _ = j.Close() }() // only read
	var e journal.Entry
	for {
		if err := j.Next(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		f(&e)
	}
}

// spreadOf returns nil for no times.
func spreadOf(times []time.Duration) *spread {
	if len(times) == 0 {
		return nil
	}
	slices.Sort(times)
	at := func(quantile float64) float64 {
		return float64(times[int(quantile*float64(len(times)-1))].Microseconds()) / 1000
	}
	return &spread{P50: at(0.5), P99: at(0.99), Max: at(1)}
}
