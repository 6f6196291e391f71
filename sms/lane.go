package sms

import "fmt"

// Lane is the queue class of a message. Each lane has queues of its own from the edge to the operator and back, so that an
// alert never waits behind a campaign.
type Lane uint8

// The lanes, most urgent first. The zero value means that the submission left the choice to its account.
const (
	LaneUnset Lane = iota
	Alert
	Normal
	Bulk
)

// Lanes returns all lanes, most urgent first.
func Lanes() [3]Lane { return [3]Lane{Alert, Normal, Bulk} }

var laneNames = [...]string{"", "alert", "normal", "bulk"}

// String returns the name used in subjects, resources and metrics.
func (l Lane) String() string {
	if int(l) < len(laneNames) {
		return laneNames[l]
	}
	return fmt.Sprintf("lane(%d)", uint8(l))
}

// ParseLane reads a lane's name.
func ParseLane(s string) (Lane, error) {
	for i, name := range laneNames {
		if i > 0 && name == s {
			return Lane(i), nil
		}
	}
	return LaneUnset, fmt.Errorf("unknown lane %q: want alert, normal or bulk", s)
}

// MarshalText implements encoding.TextMarshaler.
func (l Lane) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *Lane) UnmarshalText(b []byte) (err error) {
	if len(b) == 0 {
		*l = LaneUnset
		return nil
	}
	*l, err = ParseLane(string(b))
	return err
}
