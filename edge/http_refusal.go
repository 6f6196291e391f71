package edge

// refusalTitles are the titles of problems by the reason of the refusal; the reason is their type.
var refusalTitles = map[string]string{
	ReasonSource:      "Invalid source",
	ReasonDestination: "Invalid destination",
	ReasonNoRoute:     "No route",
	ReasonEmpty:       "Empty message",
	ReasonTooLong:     "Message too long",
	ReasonEncoding:    "Invalid encoding",
	ReasonHeader:      "Invalid user data header",
	ReasonClass:       "Invalid message class",
	ReasonReference:   "Invalid reference",
	ReasonValidity:    "Invalid validity",
	ReasonSchedule:    "Invalid delivery time",
	ReasonLane:        "Lane not allowed",
	ReasonSuspended:   "Account suspended",
	ReasonRate:        "Rate used up",
	ReasonQueueFull:   "Storage is full",
	ReasonUnavailable: "Not available now",
}

// The funnel's words for the two fields that have other names in the API.
const (
	sourceField      = "source"
	destinationField = "destination"
)

// refusalProblem translates a refusal for HTTP. recipient is the path of the destination at fault.
func refusalProblem(r *Refusal, recipient string) *problem {
	p := newProblem(r.HTTPStatus(), r.Reason, refusalTitles[r.Reason], r.Msg)
	p.retryAfter = r.RetryAfter()
	field := r.Field
	switch field {
	case "":
		return p
	case sourceField:
		field = "from"
	case destinationField:
		field = recipient
	}
	p.Errors = []fieldError{{field, r.Msg}}
	return p
}
