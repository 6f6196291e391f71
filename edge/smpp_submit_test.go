package edge

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"tasman/configs"
	"tasman/smpp"
	"tasman/sms"
)

// sarTLVs are the three TLVs of a segment.
func sarTLVs(ref uint16, total, seq uint8) (t smpp.TLVs) {
	t.Add(smpp.TagSARMsgRefNum, []byte{byte(ref >> 8), byte(ref)})
	t.AddByte(smpp.TagSARTotalSegments, total)
	t.AddByte(smpp.TagSARSegmentSeqnum, seq)
	return t
}

func portTLVs(to, from uint16) (t smpp.TLVs) {
	t.Add(smpp.TagDestinationPort, []byte{byte(to >> 8), byte(to)})
	t.Add(smpp.TagSourcePort, []byte{byte(from >> 8), byte(from)})
	return t
}

func payloadTLV(b []byte) (t smpp.TLVs) {
	t.Add(smpp.TagMessagePayload, b)
	return t
}

func TestReadContent(t *testing.T) {
	cases := map[string]struct {
		in   smpp.SubmitSM
		want Submission
		err  smpp.Status
	}{
		"default alphabet":       {in: smpp.SubmitSM{ShortMessage: []byte("a\x00")}, want: Submission{Encoding: sms.GSM7, Text: "a@"}},
		"IA5":                    {in: smpp.SubmitSM{DataCoding: 1, ShortMessage: []byte("a@")}, want: Submission{Text: "a@"}},
		"Latin-1":                {in: smpp.SubmitSM{DataCoding: 3, ShortMessage: []byte("\xe9")}, want: Submission{Encoding: sms.Latin1, Text: "é"}},
		"UCS2":                   {in: smpp.SubmitSM{DataCoding: 8, ShortMessage: []byte{1, 1}}, want: Submission{Encoding: sms.UCS2, Text: "ā"}},
		"odd UCS2":               {in: smpp.SubmitSM{DataCoding: 8, ShortMessage: []byte{1}}, err: smpp.StatusInvalidMessageLength},
		"binary 4":               {in: smpp.SubmitSM{DataCoding: 4, ShortMessage: []byte{1, 2}}, want: Submission{Encoding: sms.Binary, Data: []byte{1, 2}}},
		"binary 2":               {in: smpp.SubmitSM{DataCoding: 2, ShortMessage: []byte{1, 2}}, want: Submission{Encoding: sms.Binary, Data: []byte{1, 2}}},
		"flash":                  {in: smpp.SubmitSM{DataCoding: 0xF0, ShortMessage: []byte("a")}, want: Submission{Encoding: sms.GSM7, Text: "a", Class: 1}},
		"class 2 of octets":      {in: smpp.SubmitSM{DataCoding: 0xF6, ShortMessage: []byte{9}}, want: Submission{Encoding: sms.Binary, Data: []byte{9}, Class: 3}},
		"flash UCS2":             {in: smpp.SubmitSM{DataCoding: 0x18, ShortMessage: []byte{1, 1}}, want: Submission{Encoding: sms.UCS2, Text: "ā", Class: 1}},
		"flash of the group 00":  {in: smpp.SubmitSM{DataCoding: 0x10, ShortMessage: []byte("a")}, want: Submission{Encoding: sms.GSM7, Text: "a", Class: 1}},
		"unknown coding":         {in: smpp.SubmitSM{DataCoding: 9, ShortMessage: []byte("a")}, err: smpp.StatusInvalidDCS},
		"waiting indication":     {in: smpp.SubmitSM{DataCoding: 0xC8, ShortMessage: []byte("a")}, err: smpp.StatusInvalidDCS},
		"message_payload":        {in: smpp.SubmitSM{TLVs: payloadTLV([]byte("long"))}, want: Submission{Encoding: sms.GSM7, Text: "long"}},
		"empty":                  {in: smpp.SubmitSM{}, err: smpp.StatusInvalidMessageLength},
		"header":                 {in: smpp.SubmitSM{ESMClass: 0x40, ShortMessage: []byte("\x05\x00\x03\x01\x02\x01a")}, want: Submission{Encoding: sms.GSM7, Text: "a", UDH: []byte{5, 0, 3, 1, 2, 1}}},
		"broken header":          {in: smpp.SubmitSM{ESMClass: 0x40, ShortMessage: []byte{9, 0}}, err: smpp.StatusInvalidESMClass},
		"sar":                    {in: smpp.SubmitSM{ShortMessage: []byte("a"), TLVs: sarTLVs(0x0102, 3, 2)}, want: Submission{Encoding: sms.GSM7, Text: "a", UDH: []byte{6, 8, 4, 1, 2, 3, 2}}},
		"sar of one":             {in: smpp.SubmitSM{ShortMessage: []byte("a"), TLVs: sarTLVs(1, 1, 1)}, want: Submission{Encoding: sms.GSM7, Text: "a"}},
		"sar beyond its total":   {in: smpp.SubmitSM{ShortMessage: []byte("a"), TLVs: sarTLVs(1, 2, 3)}, want: Submission{Encoding: sms.GSM7, Text: "a"}},
		"two texts":              {in: smpp.SubmitSM{ShortMessage: []byte("a"), TLVs: payloadTLV([]byte("long"))}, err: smpp.StatusTLVNotAllowed},
		"reserved class":         {in: smpp.SubmitSM{DataCoding: 0x1C, ShortMessage: []byte("a")}, err: smpp.StatusInvalidDCS},
		"octets of the group 00": {in: smpp.SubmitSM{DataCoding: 0x15, ShortMessage: []byte{9}}, want: Submission{Encoding: sms.Binary, Data: []byte{9}, Class: 2}},
		"surrogates":             {in: smpp.SubmitSM{DataCoding: 8, ShortMessage: []byte("\xD8\x3C\xDF\x89")}, want: Submission{Encoding: sms.UCS2, Text: "🎉"}},
		"Turkish locking table":  {in: smpp.SubmitSM{ESMClass: 0x40, ShortMessage: []byte("\x03\x25\x01\x01\x1D")}, want: Submission{Encoding: sms.GSM7, Text: "ş", UDH: []byte{3, 0x25, 1, 1}}},
		"Spanish single table":   {in: smpp.SubmitSM{ESMClass: 0x40, ShortMessage: []byte("\x03\x24\x01\x02\x1Ba")}, want: Submission{Encoding: sms.GSM7, Text: "á", UDH: []byte{3, 0x24, 1, 2}}},
		"ports":                  {in: smpp.SubmitSM{DataCoding: 4, ShortMessage: []byte("a"), TLVs: portTLVs(0x0B84, 0x23F0)}, want: Submission{Encoding: sms.Binary, Data: []byte("a"), UDH: []byte("\x06\x05\x04\x0B\x84\x23\xF0")}},
		"escape cut from its character": {in: smpp.SubmitSM{ESMClass: 0x40, ShortMessage: []byte("\x05\x00\x03\x01\x02\x01a\x1B")},
			want: Submission{Encoding: sms.GSM7, Text: "a ", UDH: []byte{5, 0, 3, 1, 2, 1}, Octets: []byte("a\x1B")}},
		"half of a surrogate pair": {in: smpp.SubmitSM{ESMClass: 0x40, DataCoding: 8, ShortMessage: []byte("\x05\x00\x03\x01\x02\x01\x00a\xD8\x3C")},
			want: Submission{Encoding: sms.UCS2, Text: "a\uFFFD", UDH: []byte{5, 0, 3, 1, 2, 1}, Octets: []byte("\x00a\xD8\x3C")}},
		"elements are kept":      {in: smpp.SubmitSM{ESMClass: 0x40, ShortMessage: []byte("\x04\x70\x02\xFF\xFEa")}, want: Submission{Encoding: sms.GSM7, Text: "a", UDH: []byte("\x04\x70\x02\xFF\xFE")}},
		"header goes before sar": {in: smpp.SubmitSM{ESMClass: 0x40, ShortMessage: []byte("\x05\x00\x03\x01\x02\x01a"), TLVs: sarTLVs(1, 3, 2)}, want: Submission{Encoding: sms.GSM7, Text: "a", UDH: []byte{5, 0, 3, 1, 2, 1}}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var got Submission
			err := readContent(&got, &c.in)
			if c.err != 0 {
				if !errors.Is(err, c.err) {
					t.Errorf("got %v, want %v", err, c.err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCheckFlags(t *testing.T) {
	cases := map[string]struct {
		in   smpp.SubmitSM
		want error
	}{
		"nothing":           {smpp.SubmitSM{}, nil},
		"store and forward": {smpp.SubmitSM{ESMClass: 3, PriorityFlag: 3, ReplaceIfPresent: 1}, nil},
		"receipt":           {smpp.SubmitSM{ESMClass: 4}, smpp.StatusInvalidESMClass},
		"user ack":          {smpp.SubmitSM{ESMClass: 0x10}, nil},
		"reply path":        {smpp.SubmitSM{ESMClass: 0x80}, nil},
		"datagram":          {smpp.SubmitSM{ESMClass: 1}, nil},
		"transaction":       {smpp.SubmitSM{ESMClass: 2}, smpp.StatusInvalidESMClass},
		"notification":      {smpp.SubmitSM{ESMClass: 0x20}, smpp.StatusInvalidESMClass},
		"priority":          {smpp.SubmitSM{PriorityFlag: 4}, smpp.StatusInvalidPriority},
		"replace":           {smpp.SubmitSM{ReplaceIfPresent: 2}, smpp.StatusInvalidReplaceFlag},
		"canned message":    {smpp.SubmitSM{DefaultMessageID: 1}, smpp.StatusInvalidDefaultMessage},
	}
	for name, c := range cases {
		if err := checkFlags(&c.in); err != c.want {
			t.Errorf("%s: %v", name, err)
		}
	}
	for flags, want := range map[uint8]sms.ReceiptWish{0: sms.NoReceipt, 1: sms.FinalReceipt, 0x12: sms.FailureReceipt, 3: sms.SuccessReceipt, 0x1C: sms.NoReceipt} {
		if got := wishOf(flags); got != want {
			t.Errorf("registered_delivery %#x: %v", flags, got)
		}
	}
}

func TestReadTimes(t *testing.T) {
	now := time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)
	cases := map[string]struct {
		schedule, validity string
		notBefore, until   time.Time
		err                error
	}{
		"none":               {},
		"relative validity":  {validity: "000000010000000R", until: now.Add(time.Hour)},
		"absolute with zone": {schedule: "260502120000040+", notBefore: time.Date(2026, 5, 2, 2, 0, 0, 0, time.UTC)},
		"cut to 7 days":      {validity: "000014000000000R", until: now.Add(7 * 24 * time.Hour)},
		"bad schedule":       {schedule: "tomorrow", err: smpp.StatusInvalidSchedule},
		"bad validity":       {validity: "x", err: smpp.StatusInvalidExpiry},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			var s Submission
			err := readTimes(&s, &smpp.SubmitSM{ScheduleDeliveryTime: c.schedule, ValidityPeriod: c.validity}, now)
			if err != c.err {
				t.Fatalf("got %v, want %v", err, c.err)
			}
			if !s.NotBefore.Equal(c.notBefore) || !s.Validity.Equal(c.until) {
				t.Errorf("not before %v, until %v", s.NotBefore, s.Validity)
			}
		})
	}
}

func TestDeliverSM(t *testing.T) {
	id := sms.IDAt(time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC))
	handset, ours := sms.Address{Kind: sms.MSISDN, Value: "64211234567"}, sms.Address{Kind: sms.Alphanumeric, Value: "TASMAN"}
	receipt := &sms.Delivery{
		ID: id, Source: ours, Destination: handset, Segments: 2, State: sms.StateDelivered,
		Accepted: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC), Done: time.Date(2026, 5, 1, 12, 3, 0, 0, time.UTC),
	}
	m := receiptSM(receipt, &configs.AccountSMPP{}, smpp.Version34)
	want := "id:" + id.String() + " sub:002 dlvrd:002 submit date:2605011200 done date:2605011203 stat:DELIVRD err:000"
	if !strings.HasPrefix(string(m.ShortMessage), want) {
		t.Errorf("text %q", m.ShortMessage)
	}
	if m.Source.Addr != "64211234567" || m.Destination.Addr != "TASMAN" || m.ESMClass != smpp.ESMReceipt {
		t.Errorf("deliver_sm %+v", m)
	}
	r, ok := m.Receipt()
	if !ok || r.MessageID != id.String() || r.State != smpp.StateDelivered {
		t.Errorf("receipt %+v", r)
	}
	for state := sms.StateAccepted; state <= sms.StateUnknown; state++ {
		wire, stat := wireState(state)
		if smpp.StateOfStat(stat) != wire {
			t.Errorf("%v: message_state %v and stat %s differ", state, wire, stat)
		}
	}
}
