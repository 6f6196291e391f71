# Sourced by run.sh: what its cases are made of. Everything it starts is in pids and ended by cleanup.
PORT_BASE=${PORT_BASE:-23000}
BACKLOG=${BACKLOG:-1000000} ROWS_WAIT=${ROWS_WAIT:-60}
http=127.0.0.1:$((PORT_BASE + 780)) smpp=127.0.0.1:$((PORT_BASE + 775)) metrics=127.0.0.1:$((PORT_BASE + 790))
operator_ports=($((PORT_BASE + 761)) $((PORT_BASE + 762)))
nobody=$((PORT_BASE + 998)) # nobody listens there
out=bench/out
bin=$out/tasman
pids=() operator_pids=() results=() frozen='' work=''

build() {
  local tool
  for tool in curl jq; do command -v "$tool" > /dev/null || { echo "run.sh: needs $tool" >&2; exit 1; }; done
  mkdir -p "$out"
  work=$(mktemp -d "$PWD/$out/run.XXXXXX")
  CGO_ENABLED=0 go build -trimpath -pgo=bench/gateway.pgo -o "$bin" .
  CGO_ENABLED=0 go build -trimpath -o "$out/delays" ./bench/suite/delays
}

document() { # what there is so far: a case that fails does not take the others with it
  local machine
  machine="$(nproc) cores, $(awk '/MemTotal/ {print int($2/1048576)}' /proc/meminfo) GiB"
  echo "{\"machine\": \"$machine\", \"commit\": \"$(git rev-parse --short HEAD)\"$(printf ',\n%s' "${results[@]}")}"
}

cleanup() {
  local status=$?
  [ ${#results[@]} -eq 0 ] || document
  [ -z "$frozen" ] || kill -CONT "$frozen" 2> /dev/null || true
  for p in "${pids[@]}"; do kill "$p" 2> /dev/null || true; done
  wait 2> /dev/null || true
  [ -n "$work" ] || return 0
  [ "$status" = 0 ] || tail -n 5 "$work"/*.log >&2 || true
  keep "$work"/*.log 2> /dev/null || true
  rm -rf "$work"
}

keep() { [ -z "${KEEP:-}" ] || { mkdir -p "$KEEP" && cp "$@" "$KEEP"; }; } # FILE...

ms() { date +%s%3N; }
seconds_since() { awk -v t="$1" -v now="$(ms)" 'BEGIN {printf "%.1f", (now - t) / 1000}'; } # MS
open_port() { (: < "/dev/tcp/127.0.0.1/$1") 2> /dev/null; }

await() { # SECONDS COMMAND...: until the command succeeds; fails when it has not by then
  local end=$(($(ms) + $1 * 1000))
  shift
  until "$@"; do
    [ "$(ms)" -lt "$end" ] || return 1
    sleep 0.1
  done
}

must() { await "$@" || { echo "run.sh: not within $1 s: ${*:2}" >&2; exit 1; }; } # as await, and ends the run

operators() { # [FLAG...]: two simulators that answer at once, receipts after 1 s unless a flag says otherwise
  local port
  for port in "${operator_ports[@]}"; do simulator "$port" --receipt 1s "$@"; done
}

simulator() { # PORT [FLAG...]
  local port=$1
  shift
  "$bin" bench smsc --listen "127.0.0.1:$port" --quiet "$@" > "$work/smsc-$port.json" 2> "$work/smsc-$port.log" &
  pids+=($!)
  operator_pids+=($!)
  must 10 open_port "$port"
}

stop_operators() {
  local p
  for p in "${operator_pids[@]}"; do kill -INT "$p" && wait "$p" || true; done
  operator_pids=()
}

carrier() { # NAME PORT [SETTING]: a document of resources
  cat <<YAML
---
kind: Carrier
name: $1
spec: {addresses: ["127.0.0.1:$2"], system_id: $1, password: bench, links: 2, window: 1000${3:+, $3}}
YAML
}

route() { # CARRIER PREFIX: a document of resources
  printf -- '---\nkind: Route\nname: %s\nspec: {prefixes: ["%s"], tiers: [[{carrier: %s}]]}\n' "$1" "$2" "$1"
}

resources() { # PORT PORT: carriers for +614 and +642
  carrier bench-a "$1"; route bench-a 614
  carrier bench-b "$2"; route bench-b 642
}

gateway() { # [FLAG...]: starts `up` on $data with $work/resources.yaml, waits until it accepts, and sets up, db and started_ms
  local begun
  begun=$(ms)
  "$bin" up --install --log warn --data "$data" --http "$http" --smpp "$smpp" --smtp 127.0.0.1:0 --console 127.0.0.1:0 \
    --metrics "$metrics" --apply "$work/resources.yaml" "$@" > "$work/up.out" 2>> "$work/up.log" &
  up=$!
  pids+=("$up")
  until [ -f "$data/demo.env" ] && grep -q 'Or look at' "$work/up.out"; do
    kill -0 "$up" || { cat "$work/up.log" >&2; exit 1; }
    sleep 0.02
  done
  set -a; . "$data/demo.env"; set +a
  until accepts; do sleep 0.02; done
  started_ms=$(($(ms) - begun))
  db=$(pgrep -P "$up" mariadbd || true)
}

settled() { # LINKS: waits until so many links to the cases' carriers are up and the message of accepts has its row
  must 60 bound "$1"
  must 30 rows_reach 1
}

accepts() { # submits a message to the simulator that `up` has in itself
  [ "$(curl -s -o /dev/null -w '%{http_code}' "http://$http/v1/messages" -H "Authorization: Bearer $TASMAN_KEY" -H 'Content-Type: application/json' \
    -d '{"from":"TASMAN","to":"+64300000000","text":"ready?","receipt":"none"}')" = 202 ]
}

stop_gateway() { # and what it has stored
  kill -INT "$up"
  wait "$up" || true
  rm -rf "$data"
}

fresh() { # [FLAG...]: two operators and a gateway with an empty folder that is bound to them
  operators "$@"
  resources "${operator_ports[@]}" > "$work/resources.yaml"
  data=$work/data
  gateway
  settled 4
}

stop() { stop_gateway; stop_operators; }

bound() { [ "$(metric 'tasman_carriers_link_up{carrier="bench-')" -ge "$1" ]; } # N: links to the cases' carriers
metric() { curl -s "http://$metrics/metrics" | awk -v m="$1" 'index($0, m) == 1 {s += $NF} END {printf "%d", s}'; } # sums all that begin so
rows() { metric 'tasman_reporting_rows_total{act="insert",table="messages"}'; }
rows_reach() { [ "$(rows)" -ge "$1" ]; }
decided_reach() { [ "$(metric tasman_core_decisions_total)" -ge "$1" ]; }
queued() { metric tasman_streams_pending_batches; }
delay_s() { curl -s "http://$metrics/metrics" | awk '/^tasman_reporting_delay_seconds/ {printf "%.1f", $2}'; }
memory_mb() { awk -v f="^$2:" '$0 ~ f {print int($2/1024)}' "/proc/$1/status"; } # PID VmRSS|VmHWM
rss_mb() { memory_mb "$up" VmRSS; }
peak_mb() { memory_mb "$up" VmHWM; }
cpu_s() { awk -v hz="$(getconf CLK_TCK)" '{print ($14+$15)/hz}' "/proc/$1/stat"; }
result() { results+=("\"$1\": $2"); echo "$1 done" >&2; }

load() { # NAME ARGS...: a load whose document is $work/NAME.json
  local name=$1
  shift
  "$bin" bench load --quiet --name "$name" --json "$work/$name.json" "$@"
  keep "$work/$name.json"
}

brief() { # NAME: the document of a load without what only pages and comparisons need
  jq 'def lat: del(.histogram); del(.series, .command, .tool, .machine, .marks, .schema, .kind, .name, .started)
    | (.response_ms, .end_to_end_ms) |= (if . then lat else . end)
    | .processes = ([.processes[]? | {key: .name, value: {cpu_us_per_message, max_rss_mb: (.max_rss_bytes/1048576|floor)}}] | from_entries)' "$work/$1.json"
}

accepted() { jq .accepted "$work/$1.json"; } # NAME

watched() { # prints the flags that watch the gateway, its database and the operators
  local p i=0 letters=(a b)
  printf -- '--metrics\nhttp://%s/metrics\n--watch\ngateway=%s\n' "$metrics" "$up"
  for p in "${operator_pids[@]}"; do printf -- '--watch\noperator-%s=%s\n' "${letters[i]}" "$p"; i=$((i + 1)); done
}

run_load() { # NAME ARGS...: a load beside the CPU and memory of all processes, and then until the database has a row for each message
  local name=$1 flags rows0 rows1 cpu0 db0 ended wanted lag=null delay queues
  mapfile -t flags < <(watched)
  rows0=$(rows) cpu0=$(cpu_s "$up") db0=$(cpu_s "$db")
  load "$@" "${flags[@]}"
  ended=$(ms) rows1=$(rows) delay=$(delay_s) queues=$(queued)
  wanted=$((rows0 + $(accepted "$name")))
  ! await "$ROWS_WAIT" rows_reach "$wanted" || lag=$(seconds_since "$ended")
  result "$name" "$(jq -n --argjson load "$(brief "$name")" --argjson cpu "[$cpu0, $(cpu_s "$up"), $db0, $(cpu_s "$db")]" \
    --argjson rows "[$rows0, $rows1, $(rows)]" --argjson lag "$lag" --argjson delay "${delay:-null}" --argjson queues "[$queues, $(queued)]" \
    --argjson parked "$(metric tasman_edge_parked_deliveries_total)" --argjson rss "[$(rss_mb), $(peak_mb), $(memory_mb "$db" VmRSS)]" '
    def us(a; b): (b - a) * 1e6 / $load.accepted;
    {load: $load,
     cpu_us_per_message_until_all_rows: {gateway: us($cpu[0]; $cpu[1]), mariadb: us($cpu[2]; $cpu[3])},
     memory_mb: {gateway: $rss[0], gateway_peak: $rss[1], mariadb: $rss[2]},
     reporting: {rows_during_load: ($rows[1] - $rows[0]), rows: ($rows[2] - $rows[0]), delay_s_at_end: $delay, all_rows_after_s: $lag},
     queued_batches: {at_end: $queues[0], after_all_rows: $queues[1]}, parked_receipts: $parked}')"
}
