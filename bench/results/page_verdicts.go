package results

import "strings"

// verdictTables are what a verdict is made of.
func (r *Result) verdictTables() []table {
	var all []table
	if f := r.Find; f != nil {
		all = append(all, f.table())
	}
	if s := r.Soak; s != nil {
		all = append(all, s.tables()...)
	}
	if v := r.Verification; v != nil {
		all = append(all, v.tables()...)
	}
	return all
}

func (f *Find) table() table {
	t := table{Title: "Trials", About: f.Why, Wide: true, Text: true, Head: []string{"rate", "", "accepted", "answer p50", "answer p99", "receipt p99", "why not"}}
	for _, s := range f.Steps {
		held := cell{"held", "good"}
		if !s.Held {
			held = cell{"did not hold", "bad"}
		}
		var p50, p99, receipt string
		if s.Response != nil {
			p50, p99 = showMs(s.Response.P50), showMs(s.Response.P99)
		}
		if s.EndToEnd != nil {
			receipt = showMs(s.EndToEnd.P99)
		}
		t.Rows = append(t.Rows, []cell{{Text: unitRate.show(s.Rate)}, held, {Text: unitRate.show(s.Achieved)}, {Text: p50}, {Text: p99}, {Text: receipt}, {s.Why, "text"}})
	}
	return t
}

func (s *Soak) tables() []table {
	var all []table
	if len(s.Checks) > 0 {
		t := table{Title: "Conditions", Wide: true, Head: []string{"", "", "found", "allowed"}}
		for _, c := range s.Checks {
			t.Rows = append(t.Rows, []cell{{Text: c.What}, passed(c.OK), {Text: c.Value}, {Text: c.Limit}})
		}
		all = append(all, t)
	}
	if len(s.Trends) > 0 {
		t := table{Title: "Trends", About: "Growth an hour after the warm-up: median of the slopes (Theil-Sen), with the bounds of 95 % confidence.", Wide: true,
			Head: []string{"", "", "an hour", "from", "to", "allowed", ""}}
		for _, tr := range s.Trends {
			show := func(v float64) string { return significant(v) + " " + tr.Unit }
			if tr.Unit == string(unitBytes) {
				show = showBytes
			}
			t.Rows = append(t.Rows, []cell{{Text: tr.What}, passed(tr.OK), {Text: show(tr.PerHour)}, {Text: show(tr.Low)}, {Text: show(tr.High)}, {Text: show(tr.Limit)}, {tr.Why, "text"}})
		}
		all = append(all, t)
	}
	if len(s.Faults) > 0 {
		t := table{Title: "Faults", Wide: true, Text: true, Head: []string{"", "at", "for", "recovered after", ""}}
		for _, f := range s.Faults {
			length, recovered := "", cell{"not", "bad"}
			if f.Length > 0 {
				length = showSeconds(f.Length)
			}
			switch {
			case f.Recovered >= 0:
				recovered = cell{Text: showSeconds(f.Recovered)}
			case f.Recovered < -1:
				recovered = cell{Text: "cannot be told"}
			}
			t.Rows = append(t.Rows, []cell{{Text: f.Name}, {Text: showAt(f.At)}, {Text: length}, recovered, {f.Error, "text"}})
		}
		all = append(all, t)
	}
	return all
}

func passed(ok bool) cell {
	if ok {
		return cell{"ok", "good"}
	}
	return cell{"failed", "bad"}
}

func (v *Verification) tables() []table {
	counts := table{Title: "Messages joined", Rows: [][]cell{
		row("sent", count(v.Sent)), row("accepted", count(v.Accepted)), row("refused", count(v.Refused)), row("without an answer", count(v.Unanswered)),
	}}
	wrong := table{Title: "What must not be"}
	for _, s := range []struct {
		from, counted string
		n             uint64
		wrong         [][]cell
	}{
		{JoinedOperators, "received by operators", v.Received, [][]cell{{{Text: "lost: accepted, never received"}, badIf(v.Lost)},
			v.unmarked("received twice", v.DuplicatedUnmarked)}},
		{JoinedReceipts, "with a final receipt", v.Receipts, [][]cell{{{Text: "receipts missing"}, badIf(v.ReceiptsMissing)}}},
		{JoinedReport, "reported", v.Reported, [][]cell{{{Text: "not reported"}, badIf(v.ReportedMissing)},
			{{Text: "reported with another state"}, badIf(v.ReportedDiffers)}, {{Text: "reported as still open"}, badIf(v.ReportedOpen)}}},
	} {
		if v.Has(s.from) {
			counts.Rows = append(counts.Rows, row(s.counted, count(s.n)))
			wrong.Rows = append(wrong.Rows, s.wrong...)
		}
	}
	wrong.Rows = append(wrong.Rows, []cell{{Text: "markers used twice"}, badIf(v.MarkersReused)})
	odd := table{Title: "What may be", Rows: [][]cell{
		row("received twice, marked", count(v.DuplicatedMarked)), row("received, not accepted", count(v.ReceivedUnaccepted)),
		row("failed before it was sent", count(v.EndedUnsent)), row("receipts repeated", count(v.ReceiptsRepeated)),
		row("receipts for unknown ids", count(v.ReceiptsUnknown)), row("out of order", count(v.Reordered)), row("of these, sent again", count(v.ReorderedRepeated)),
	}}
	for _, more := range []struct {
		name string
		n    uint64
	}{{"unknown markers received", v.ReceivedUnknown}, {"received without a marker", v.ReceivedForeign}, {"unknown ids reported", v.ReportedUnknown},
		{"MOs taken", v.MOsSent}, {"MOs received", v.MOsReceived}, {"MOs twice, sent twice", v.MOsRepeated}, {"MOs unknown to operators", v.MOsUnknown}} {
		if more.n > 0 {
			odd.Rows = append(odd.Rows, row(more.name, count(more.n)))
		}
	}
	v.addSegments(&counts, &wrong, &odd)
	if v.MOsExpected {
		wrong.Rows = append(wrong.Rows, []cell{{Text: "MOs lost"}, badIf(v.MOsLost)}, []cell{{Text: "MOs doubled"}, badIf(v.MOsDuplicated)})
	}
	all := []table{counts, wrong, odd}
	if len(v.Examples) > 0 {
		t := table{Title: "Examples", About: "Markers or ids", Wide: true, Text: true}
		for _, kind := range sortedKeys(v.Examples) {
			t.Rows = append(t.Rows, []cell{{Text: strings.ReplaceAll(kind, "_", " ")}, {strings.Join(v.Examples[kind], ", "), "text"}})
		}
		all = append(all, t)
	}
	return all
}

// unmarked is the row of what came twice without a mark of the gateway, or, where nobody looked at marks, of what came twice.
func (v *Verification) unmarked(what string, n uint64) []cell {
	switch {
	case v.HasMarks():
		return []cell{{Text: what + ", not marked"}, badIf(n)}
	case v.OK:
		return row(what+" (marks not looked at)", count(n))
	}
	return []cell{{Text: what + " (marks not looked at)"}, badIf(n)}
}

// addSegments adds the rows about segments after the first where there are any.
func (v *Verification) addSegments(counts, wrong, odd *table) {
	if v.Segments+v.SegmentsReceived == 0 {
		return
	}
	counts.Rows = append(counts.Rows, row("segments after the first accepted", count(v.Segments)),
		row("segments after the first received", count(v.SegmentsReceived)))
	wrong.Rows = append(wrong.Rows, []cell{{Text: "segments lost"}, badIf(v.SegmentsLost)},
		v.unmarked("segments twice", v.SegmentsDuplicatedUnmarked),
		[]cell{{Text: "receipts of segments missing"}, badIf(v.SegmentReceiptsMissing)})
	odd.Rows = append(odd.Rows, row("segments refused or failed", count(v.SegmentsUnsent)),
		row("segments twice, marked", count(v.SegmentsDuplicatedMarked)), row("segments without their first", count(v.SegmentsAlone)))
}
