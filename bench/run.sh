#!/usr/bin/env bash
# Measures the gateway end to end on this machine and prints one JSON document: bench/run.sh [NAME...], or `task bench`.
# Each case starts what it needs, measures, and stops it; with no name smpp, smpp-half, http and backlog are run. Needs
# curl, jq and MariaDB. The gateway, the simulators and the load are processes of their own; MariaDB is the gateway's child.
#
#   smpp        SMPP in, SMPP out, receipts back to the client: RATE (25000) for FOR seconds (60)
#   smpp-half   the same at RATE/2 for HALF_FOR (30), with the harness's grid of reading and then without it
#   smpp-latency  the same at LATENCY_RATE (2000) for 20 s
#   smpp-rows   ROWS_RATE (10000) for ROWS_FOR (30) with receipts after 1 s, then after 15 s: one write a row in MariaDB, then two
#   smpp-find   the highest rate from FIND_MIN (5000) to FIND_MAX (40000) with p99 under 250 ms; TRIAL (12) seconds each
#   http        one message a request, 256 connections: HTTP_RATE (13000) for HTTP_FOR (30); receipts wait for the account
#   http-100    100 recipients a request: HTTP100_RATE (25000) for HTTP_FOR
#   harness     the load straight to a simulator: HARNESS_COUNT (1000000), and 10,000/s for 10 s
#   alert       ALERT_RATE (100) of lane alert for ALERT_FOR (30) past BACKLOG bulk messages, carrier at 2,000/s
#   backlog     BACKLOG (1000000) messages for a carrier that is down: memory, kill -9, start
#   backlog5m   the same with BACKLOG5M (5000000)
#   catchup     BACKLOG messages at CATCHUP_RATE (20000) while MariaDB stands still, then until it has them all
#   flat        1 account and 2 carriers, then ACCOUNTS (500) of both: FLAT_RATE (10000) for FLAT_FOR (20)
#   flat-queue  the same load beside 1,000, then BACKLOG messages that wait for a dead carrier
#   r3, r3-kill  smpp with three streams nodes that hold everything three times, one of them killed: cell.sh
#   r3-wide     the same at rest and at WIDE_RATE (1000), with 1 account and 2 carriers and then 5,000 and 200: wide.sh
#   profile     CPU profiles of the gateway over SMPP at RATE and RATE/2 and over HTTP -> bench/gateway.pgo, for the build that ships
#
# PORT_BASE (23000) is where its ports begin, KEEP a folder for the whole documents of the loads (with their series), which
# `bench page` and `bench compare` read, and for the logs.
set -euo pipefail
cd "$(dirname "$0")/.."
names=("$@")
[ $# -gt 0 ] || names=(smpp smpp-half http backlog)
. bench/suite/lib.sh
. bench/suite/traffic.sh
. bench/suite/queues.sh
. bench/suite/flat.sh
. bench/cell.sh
. bench/wide.sh

for name in "${names[@]}"; do
  declare -F "case_${name//-/_}" > /dev/null || { echo "run.sh: no case $name; see the head of this file" >&2; exit 2; }
done
trap cleanup EXIT
build
for name in "${names[@]}"; do
  "case_${name//-/_}"
done
