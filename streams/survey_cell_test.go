package streams_test

import (
	"slices"
	"testing"

	"tasman/streams"
	"tasman/streams/streamstest"
)

// A node of a cell sees every server with its region and clock, and where the copies of each stream are.
func TestSurveyOfACell(t *testing.T) {
	cell := streamstest.NewCell(t, streamstest.Carriers("one"), streamstest.With(func(c *streams.Config) { c.Region = "region" + c.Node[1:] }))
	client := cell.Connect("client")
	awaitCurrent(t, client)
	s, err := client.Survey(t.Context(), streams.Topology{Carriers: []string{"one"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, st := range s.Streams {
		if len(st.Copies) != 3 || len(st.Wrong) > 0 || slices.ContainsFunc(st.Copies, func(c streams.Copy) bool { return !c.Current && !st.Bucket }) {
			t.Errorf("%+v", st)
		}
	}
	var servers, clocks []string
	for _, v := range s.Servers {
		servers = append(servers, v.Name+" "+v.Region)
	}
	for _, c := range s.Clocks {
		clocks = append(clocks, c.Server)
		if c.Ahead.Abs() > c.Within {
			t.Errorf("clock %+v of the same machine", c)
		}
	}
	if !slices.Equal(servers, []string{"s0 region0", "s1 region1", "s2 region2"}) || !slices.Equal(clocks, []string{"s0", "s1", "s2"}) {
		t.Errorf("servers %q, clocks of %q", servers, clocks)
	}
}
