package streams_test

import (
	"slices"
	"testing"

	"tasman/streams"
)

// checkSurvey looks at a cell whose servers are each in a region of their own: every server is seen with its region and clock,
// and where the copies of each stream are.
func checkSurvey(t *testing.T, client *streams.Bus) {
	t.Helper()
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
