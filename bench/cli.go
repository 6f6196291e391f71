package bench

// CLI is the command line of `tasman bench`, in the terms of kong's struct tags. Each command has a Run method.
type CLI struct {
	SMSC    SMSCCmd    `cmd:"" name:"smsc" help:"Play an operator: answer submit_sm, send receipts, misbehave when told to."`
	Load    LoadCmd    `cmd:"" name:"load" help:"Send messages at a rate and measure the answers and the receipts."`
	Verify  VerifyCmd  `cmd:"" name:"verify" help:"Join what was sent, received, receipted and reported: lost, doubled, missing?"`
	Find    FindCmd    `cmd:"" name:"find" help:"Find the highest rate at which the target keeps up and an objective holds."`
	Soak    SoakCmd    `cmd:"" name:"soak" help:"Load for hours, with peaks and faults, and verify every message."`
	Page    PageCmd    `cmd:"" name:"page" help:"Show a result as one HTML page."`
	Compare CompareCmd `cmd:"" name:"compare" help:"Compare results: better, worse, or no difference outside noise."`
}
