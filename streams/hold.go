package streams

// HoldQueue is the queue in DISPATCH and the partitions of alerts, beside those of the carriers, for records that no carrier of their plan can take:
// workers hand them back there and core routes them anew. No resource can have this name.
const HoldQueue = "_hold"
