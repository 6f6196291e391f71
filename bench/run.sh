#!/usr/bin/env bash
# Measures the gateway end to end on this machine and prints one JSON document: `task bench`, or bench/run.sh [NAME...].
# NAME is smpp (SMPP in, SMPP out, receipts back), smpp-latency, http, backlog; all of them by default; or r3, which must be
# named: the same as smpp with three streams nodes that hold everything three times (cell.sh), or r3-kill: one of them is
# killed. The gateway, two
# operator simulators and the load generator are processes of their own; MariaDB is the gateway's child. FOR sets the
# seconds of load (60), RATE and HTTP_RATE the messages a second (10000, 6000), BACKLOG the messages queued (1000000).
set -euo pipefail
cd "$(dirname "$0")/.."
FOR=${FOR:-60} RATE=${RATE:-10000} HTTP_RATE=${HTTP_RATE:-6000} BACKLOG=${BACKLOG:-1000000}
out=bench/out
mkdir -p "$out"
work=$(mktemp -d "$PWD/$out/run.XXXXXX")
bin=$out/tasman
CGO_ENABLED=0 go build -trimpath -o "$bin" .
pids=() operator_pids=()
cleanup() {
  for p in "${pids[@]}"; do kill "$p" 2>/dev/null || true; done
  wait 2>/dev/null || true
  rm -rf "$work"
}
trap cleanup EXIT

operators() { # two simulators that answer at once, receipts after 1 s
  for port in 23761 23762; do
    "$bin" bench smsc --listen "127.0.0.1:$port" --receipt 1s --quiet > "$work/smsc-$port.json" 2> "$work/smsc-$port.log" &
    pids+=($!)
    operator_pids+=($!)
  done
}

resources() { # routes to the simulators, or to a port where nobody listens
  local a=$1 b=$2
  cat <<YAML
kind: Carrier
name: bench-a
spec: {addresses: ["127.0.0.1:$a"], system_id: bench-a, password: bench, links: 2, window: 1000}
---
kind: Carrier
name: bench-b
spec: {addresses: ["127.0.0.1:$b"], system_id: bench-b, password: bench, links: 2, window: 1000}
---
kind: Route
name: bench-au
spec: {prefixes: ["614"], tiers: [[{carrier: bench-a}]]}
---
kind: Route
name: bench-nz
spec: {prefixes: ["642"], tiers: [[{carrier: bench-b}]]}
YAML
}

gateway() { # starts `up` on $data, waits until it accepts, and notes how long that took
  local begun now
  begun=$(date +%s%N)
  "$bin" up --install --log warn --data "$data" --http 127.0.0.1:23780 --smpp 127.0.0.1:23775 --smtp 127.0.0.1:0 --console 127.0.0.1:0 \
    --metrics 127.0.0.1:23790 --apply "$work/resources.yaml" > "$work/up.out" 2> "$work/up.log" &
  up=$!
  pids+=("$up")
  until [ -f "$data/demo.env" ] && (: < /dev/tcp/127.0.0.1/23780) 2>/dev/null && grep -q 'Or look at' "$work/up.out"; do
    kill -0 "$up" || { cat "$work/up.log" >&2; exit 1; }
    sleep 0.02
  done
  now=$(date +%s%N)
  started_ms=$(( (now - begun) / 1000000 ))
  set -a; . "$data/demo.env"; set +a
}

stop_gateway() { kill -INT "$up"; wait "$up" || true; }
rss_mb() { awk '/^VmRSS/ {print int($2/1024)}' "/proc/$up/status"; }
cpu_s() { awk -v hz="$(getconf CLK_TCK)" '{print ($14+$15)/hz}' "/proc/$1/stat"; }
metric() { curl -s http://127.0.0.1:23790/metrics | awk -v m="$1" 'index($1, m) == 1 {s += $2} END {print s+0}'; }
results=()
result() { results+=("\"$1\": $2"); echo "$1 done" >&2; }
load() { "$bin" bench load --quiet "$@"; }

run_load() { # NAME ARGS...: one load with CPU and memory of the gateway and of its database beside it
  local name=$1 cpu0 cpu1 db0 db1 db
  shift
  db=$(pgrep -P "$up" mariadbd || true)
  cpu0=$(cpu_s "$up"); db0=$([ -n "$db" ] && cpu_s "$db" || echo 0)
  load "$@" --json "$work/$name.json"
  cpu1=$(cpu_s "$up"); db1=$([ -n "$db" ] && cpu_s "$db" || echo 0)
  result "$name" "{\"load\": $(cat "$work/$name.json"), \"gateway_cpu_s\": $(awk "BEGIN{print $cpu1-$cpu0}"), \"mariadb_cpu_s\": $(awk "BEGIN{print $db1-$db0}"), \"gateway_rss_mb\": $(rss_mb), \"queued_batches_after\": $(metric tasman_streams_pending)}"
}

want() { [ ${#names[@]} -eq 0 ] || [[ " ${names[*]} " == *" $1 "* ]]; }
names=("$@")

if want smpp || want smpp-latency || want http; then
  data=$work/data
  resources 23761 23762 > "$work/resources.yaml"
  operators
  gateway
  if want smpp-latency; then run_load smpp-latency --smpp 127.0.0.1:23775 --binds 4 --window 500 --rate 2000 --for 20s --receipts; fi
  if want smpp; then run_load smpp --smpp 127.0.0.1:23775 --binds 4 --window 1000 --rate "$RATE" --for "${FOR}s" --receipts --drain 20s; fi
  if want http; then run_load http --http http://127.0.0.1:23780 --conns 256 --rate "$HTTP_RATE" --for "${FOR}s"; fi
  stop_gateway
fi

if want backlog; then
  data=$work/backlog
  resources 23998 23999 > "$work/resources.yaml"
  gateway
  load --http http://127.0.0.1:23780 --conns 16 --recipients 500 --rate 0 --count "$BACKLOG" --json "$work/backlog.json"
  sleep 5
  full=$(rss_mb)
  [ -z "${HEAP:-}" ] || curl -s http://127.0.0.1:23790/debug/pprof/heap > "$HEAP"
  stop_gateway
  gateway
  after=$started_ms
  sleep 5
  result backlog "{\"queued\": $BACKLOG, \"rate_in\": $(awk -F'[:,]' '/achieved_rate/ {print $2}' "$work/backlog.json"), \"gateway_rss_mb\": $full, \"restart_to_accepting_ms\": $after, \"gateway_rss_mb_after_restart\": $(rss_mb)}"
  stop_gateway
fi

if [[ " ${names[*]} " == *" r3"* ]]; then
  . bench/cell.sh
  if [[ " ${names[*]} " == *" r3 "* ]]; then r3; fi
  if [[ " ${names[*]} " == *" r3-kill "* ]]; then r3_kill; fi
  [ -z "${KEEP_LOGS:-}" ] || { mkdir -p "$KEEP_LOGS"; cp "$work"/*.log "$KEEP_LOGS"; }
fi

echo "{\"machine\": \"$(nproc) cores, $(awk '/MemTotal/ {print int($2/1048576)}' /proc/meminfo) GiB\", \"commit\": \"$(git rev-parse --short HEAD)\","
( IFS=,; echo "${results[*]}" )
echo '}'
