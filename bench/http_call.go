package bench

// HTTPCall says what the requests of a load are like.
type HTTPCall struct{}

// HookForm says what the calls to the webhook listener are like.
type HookForm struct{}

const escapings = 8
