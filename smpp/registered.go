package smpp

// Bits of registered_delivery beside the receipt's, which are bits 1-0 (SMPP 3.4 §5.2.17).
const (
	RegisteredAcks         uint8 = 0x0C // acknowledgements asked of the handset (bit 2) and of its user (bit 3)
	RegisteredIntermediate uint8 = 0x10 // intermediate notifications asked for
)
