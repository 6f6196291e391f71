package edge

import "net/http"

// destinationField is how the funnel names the destination.
const destinationField = "destination"

func refusalStatus(r *Refusal) int { return http.StatusUnprocessableEntity }

func refusalProblem(r *Refusal, _ string) *problem {
	return newProblem(refusalStatus(r), r.Reason, r.Msg, "")
}
