package bench

// CLI is the command line of `tasman bench`, in the terms of kong's struct tags. Each command has a Run method.
type CLI struct {
	SMSC    SMSCCmd    `cmd:"" name:"smsc" help:"Play an operator: answer submit_sm, send receipts, misbehave when told to."`
	Load    LoadCmd    `cmd:"" name:"load" help:"Send messages at a rate and measure the answers and the receipts."`
	Page    PageCmd    `cmd:"" name:"page" help:"Show a result as one HTML page."`
	Compare CompareCmd `cmd:"" name:"compare" help:"Compare results: better, worse, or no difference outside noise."`
}
