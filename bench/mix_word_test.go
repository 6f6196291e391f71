package bench

import "testing"

// TestWordsOfALoad are the same for loads that send the same and others for others: compare refuses those.
func TestWordsOfALoad(t *testing.T) {
	t.Parallel()
	word := func(o LoadOptions) string {
		o = o.withDefaults()
		b, err := o.Mix.blend(&o, "")
		if err != nil {
			t.Fatal(err)
		}
		return o.Mix.word(b)
	}
	mix := func(share float64) *Mix {
		return &Mix{Texts: []TextShare{{Share: share, Length: "20-100"}, {Share: 1, Segments: "2"}}}
	}
	for _, c := range []struct {
		label string
		a, b  LoadOptions
		same  bool
	}{
		{"the same", LoadOptions{}, LoadOptions{Seed: 7}, true},
		{"a mix, drawn otherwise", LoadOptions{Mix: mix(1)}, LoadOptions{Mix: mix(1), Seed: 7}, true},
		{"another mix", LoadOptions{Mix: mix(1)}, LoadOptions{Mix: mix(2)}, false},
		{"another length", LoadOptions{Length: 100}, LoadOptions{Length: 101}, false},
		{"another encoding", LoadOptions{Length: 50, Encoding: "ucs2"}, LoadOptions{Length: 50, Encoding: "gsm7"}, false},
		{"cut otherwise", LoadOptions{Length: 400, Long: "payload"}, LoadOptions{Length: 400, Long: "udh8"}, false},
	} {
		if a, b := word(c.a), word(c.b); (a == b) != c.same || a == "" {
			t.Errorf("%s: %q and %q", c.label, a, b)
		}
	}
	api := func(target string, h HTTPCall) string { return h.word(target) }
	if a, b := api("http://one:8080", HTTPCall{}), api("https://two/v1/messages", HTTPCall{}); a != b || a != presetTasman {
		t.Errorf("the same API: %q and %q", a, b)
	}
	if a, b := api("http://one/send", HTTPCall{Preset: presetJasmin}), api("http://one/send?text={text}", HTTPCall{}); a == b {
		t.Errorf("another API: %q", a)
	}
	if a, b := api("http://one/x", HTTPCall{Body: "{text}"}), api("http://one/x", HTTPCall{Body: "{to}{text}"}); a == b {
		t.Errorf("another body: %q", a)
	}
}
