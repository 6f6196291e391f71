package smpp

import "fmt"

// Status is a command_status (SMPP 3.4 §5.1.3, 5.0 §4.7.6). It is an error, so
// a handler can return it and a client gets it back with errors.As; StatusOK is
// never returned as an error.
type Status uint32

// The statuses of SMPP 3.4 and 5.0; the comment is the specification's name
// without its ESME_ prefix.
const (
	StatusOK                        Status = 0x000 // ROK
	StatusInvalidMessageLength      Status = 0x001 // RINVMSGLEN
	StatusInvalidCommandLength      Status = 0x002 // RINVCMDLEN
	StatusInvalidCommandID          Status = 0x003 // RINVCMDID
	StatusInvalidBindStatus         Status = 0x004 // RINVBNDSTS
	StatusAlreadyBound              Status = 0x005 // RALYBND
	StatusInvalidPriority           Status = 0x006 // RINVPRTFLG
	StatusInvalidRegisteredDelivery Status = 0x007 // RINVREGDLVFLG
	StatusSystemError               Status = 0x008 // RSYSERR
	StatusInvalidSource             Status = 0x00A // RINVSRCADR
	StatusInvalidDestination        Status = 0x00B // RINVDSTADR
	StatusInvalidMessageID          Status = 0x00C // RINVMSGID
	StatusBindFailed                Status = 0x00D // RBINDFAIL
	StatusInvalidPassword           Status = 0x00E // RINVPASWD
	StatusInvalidSystemID           Status = 0x00F // RINVSYSID
	StatusCancelFailed              Status = 0x011 // RCANCELFAIL
	StatusReplaceFailed             Status = 0x013 // RREPLACEFAIL
	StatusMessageQueueFull          Status = 0x014 // RMSGQFUL
	StatusInvalidServiceType        Status = 0x015 // RINVSERTYP
	StatusInvalidDestinationCount   Status = 0x033 // RINVNUMDESTS
	StatusInvalidDistributionList   Status = 0x034 // RINVDLNAME
	StatusInvalidDestinationFlag    Status = 0x040 // RINVDESTFLAG
	StatusInvalidSubmitReplace      Status = 0x042 // RINVSUBREP
	StatusInvalidESMClass           Status = 0x043 // RINVESMCLASS
	StatusCannotSubmitToList        Status = 0x044 // RCNTSUBDL
	StatusSubmitFailed              Status = 0x045 // RSUBMITFAIL
	StatusInvalidSourceTON          Status = 0x048 // RINVSRCTON
	StatusInvalidSourceNPI          Status = 0x049 // RINVSRCNPI
	StatusInvalidDestinationTON     Status = 0x050 // RINVDSTTON
	StatusInvalidDestinationNPI     Status = 0x051 // RINVDSTNPI
	StatusInvalidSystemType         Status = 0x053 // RINVSYSTYP
	StatusInvalidReplaceFlag        Status = 0x054 // RINVREPFLAG
	StatusInvalidMessageCount       Status = 0x055 // RINVNUMMSGS
	StatusThrottled                 Status = 0x058 // RTHROTTLED
	StatusInvalidSchedule           Status = 0x061 // RINVSCHED
	StatusInvalidExpiry             Status = 0x062 // RINVEXPIRY
	StatusInvalidDefaultMessage     Status = 0x063 // RINVDFTMSGID
	StatusTemporaryAppError         Status = 0x064 // RX_T_APPN
	StatusPermanentAppError         Status = 0x065 // RX_P_APPN
	StatusRejectAppError            Status = 0x066 // RX_R_APPN
	StatusQueryFailed               Status = 0x067 // RQUERYFAIL
	StatusInvalidTLVStream          Status = 0x0C0 // RINVOPTPARSTREAM, 5.0 RINVTLVSTREAM
	StatusTLVNotAllowed             Status = 0x0C1 // ROPTPARNOTALLWD, 5.0 RTLVNOTALLWD
	StatusInvalidTLVLength          Status = 0x0C2 // RINVPARLEN, 5.0 RINVTLVLEN
	StatusMissingTLV                Status = 0x0C3 // RMISSINGOPTPARAM, 5.0 RMISSINGTLV
	StatusInvalidTLVValue           Status = 0x0C4 // RINVOPTPARAMVAL, 5.0 RINVTLVVAL
	StatusDeliveryFailure           Status = 0x0FE // RDELIVERYFAILURE
	StatusUnknownError              Status = 0x0FF // RUNKNOWNERR
	StatusServiceTypeUnauthorized   Status = 0x100 // RSERTYPUNAUTH
	StatusProhibited                Status = 0x101 // RPROHIBITED
	StatusServiceTypeUnavailable    Status = 0x102 // RSERTYPUNAVAIL
	StatusServiceTypeDenied         Status = 0x103 // RSERTYPDENIED
	StatusInvalidDCS                Status = 0x104 // RINVDCS
	StatusInvalidSourceSubunit      Status = 0x105 // RINVSRCADDRSUBUNIT
	StatusInvalidDestSubunit        Status = 0x106 // RINVDSTADDRSUBUNIT
	StatusInvalidBroadcastInterval  Status = 0x107 // RINVBCASTFREQINT
	StatusInvalidBroadcastAlias     Status = 0x108 // RINVBCASTALIAS_NAME
	StatusInvalidBroadcastArea      Status = 0x109 // RINVBCASTAREAFMT
	StatusInvalidBroadcastAreas     Status = 0x10A // RINVNUMBCAST_AREAS
	StatusInvalidBroadcastContent   Status = 0x10B // RINVBCASTCNTTYPE
	StatusInvalidBroadcastClass     Status = 0x10C // RINVBCASTMSGCLASS
	StatusBroadcastFailed           Status = 0x10D // RBCASTFAIL
	StatusBroadcastQueryFailed      Status = 0x10E // RBCASTQUERYFAIL
	StatusBroadcastCancelFailed     Status = 0x10F // RBCASTCANCELFAIL
	StatusInvalidBroadcastRepeat    Status = 0x110 // RINVBCAST_REP
	StatusInvalidBroadcastService   Status = 0x111 // RINVBCASTSRVGRP
	StatusInvalidBroadcastChannel   Status = 0x112 // RINVBCASTCHANIND
)

// statusInfo is what the table says of a status.
type statusInfo struct {
	text      string
	temporary bool // the same request may succeed later without a change
}

var statusTable = map[Status]statusInfo{
	StatusOK:                        {text: "ok"},
	StatusInvalidMessageLength:      {text: "invalid message length"},
	StatusInvalidCommandLength:      {text: "invalid command length"},
	StatusInvalidCommandID:          {text: "invalid command id"},
	StatusInvalidBindStatus:         {text: "invalid bind status for the command"},
	StatusAlreadyBound:              {text: "already bound"},
	StatusInvalidPriority:           {text: "invalid priority flag"},
	StatusInvalidRegisteredDelivery: {text: "invalid registered delivery flag"},
	StatusSystemError:               {text: "system error", temporary: true},
	StatusInvalidSource:             {text: "invalid source address"},
	StatusInvalidDestination:        {text: "invalid destination address"},
	StatusInvalidMessageID:          {text: "invalid message id"},
	StatusBindFailed:                {text: "bind failed"},
	StatusInvalidPassword:           {text: "invalid password"},
	StatusInvalidSystemID:           {text: "invalid system id"},
	StatusCancelFailed:              {text: "cancel failed"},
	StatusReplaceFailed:             {text: "replace failed"},
	StatusMessageQueueFull:          {text: "message queue full", temporary: true},
	StatusInvalidServiceType:        {text: "invalid service type"},
	StatusInvalidDestinationCount:   {text: "invalid number of destinations"},
	StatusInvalidDistributionList:   {text: "invalid distribution list name"},
	StatusInvalidDestinationFlag:    {text: "invalid destination flag"},
	StatusInvalidSubmitReplace:      {text: "invalid submit with replace request"},
	StatusInvalidESMClass:           {text: "invalid esm class"},
	StatusCannotSubmitToList:        {text: "cannot submit to distribution list"},
	StatusSubmitFailed:              {text: "submit failed"},
	StatusInvalidSourceTON:          {text: "invalid source type of number"},
	StatusInvalidSourceNPI:          {text: "invalid source numbering plan"},
	StatusInvalidDestinationTON:     {text: "invalid destination type of number"},
	StatusInvalidDestinationNPI:     {text: "invalid destination numbering plan"},
	StatusInvalidSystemType:         {text: "invalid system type"},
	StatusInvalidReplaceFlag:        {text: "invalid replace if present flag"},
	StatusInvalidMessageCount:       {text: "invalid number of messages"},
	StatusThrottled:                 {text: "throttled", temporary: true},
	StatusInvalidSchedule:           {text: "invalid scheduled delivery time"},
	StatusInvalidExpiry:             {text: "invalid validity period"},
	StatusInvalidDefaultMessage:     {text: "invalid predefined message"},
	StatusTemporaryAppError:         {text: "receiver temporary application error", temporary: true},
	StatusPermanentAppError:         {text: "receiver permanent application error"},
	StatusRejectAppError:            {text: "receiver reject message error"},
	StatusQueryFailed:               {text: "query failed"},
	StatusInvalidTLVStream:          {text: "invalid optional part of the body"},
	StatusTLVNotAllowed:             {text: "optional parameter not allowed"},
	StatusInvalidTLVLength:          {text: "invalid optional parameter length"},
	StatusMissingTLV:                {text: "expected optional parameter missing"},
	StatusInvalidTLVValue:           {text: "invalid optional parameter value"},
	StatusDeliveryFailure:           {text: "delivery failure"},
	StatusUnknownError:              {text: "unknown error"},
	StatusServiceTypeUnauthorized:   {text: "not authorised to use the service type"},
	StatusProhibited:                {text: "prohibited from the operation"},
	StatusServiceTypeUnavailable:    {text: "service type unavailable", temporary: true},
	StatusServiceTypeDenied:         {text: "service type denied"},
	StatusInvalidDCS:                {text: "invalid data coding"},
	StatusInvalidSourceSubunit:      {text: "invalid source address subunit"},
	StatusInvalidDestSubunit:        {text: "invalid destination address subunit"},
	StatusInvalidBroadcastInterval:  {text: "invalid broadcast frequency interval"},
	StatusInvalidBroadcastAlias:     {text: "invalid broadcast alias name"},
	StatusInvalidBroadcastArea:      {text: "invalid broadcast area format"},
	StatusInvalidBroadcastAreas:     {text: "invalid number of broadcast areas"},
	StatusInvalidBroadcastContent:   {text: "invalid broadcast content type"},
	StatusInvalidBroadcastClass:     {text: "invalid broadcast message class"},
	StatusBroadcastFailed:           {text: "broadcast failed"},
	StatusBroadcastQueryFailed:      {text: "broadcast query failed"},
	StatusBroadcastCancelFailed:     {text: "broadcast cancel failed"},
	StatusInvalidBroadcastRepeat:    {text: "invalid number of repeated broadcasts"},
	StatusInvalidBroadcastService:   {text: "invalid broadcast service group"},
	StatusInvalidBroadcastChannel:   {text: "invalid broadcast channel indicator"},
}

// Temporary reports whether the same request may succeed later without a
// change. StatusSubmitFailed is ambiguous among peers and counts as not
// temporary: a carrier whose use of it differs needs a policy of its own.
func (s Status) Temporary() bool { return statusTable[s].temporary }

// String returns the meaning in words with the code in hex.
func (s Status) String() string {
	if info, ok := statusTable[s]; ok {
		return fmt.Sprintf("%s (0x%02X)", info.text, uint32(s))
	}
	return fmt.Sprintf("status 0x%02X", uint32(s))
}

// Error implements error.
func (s Status) Error() string { return "smpp: " + s.String() }
