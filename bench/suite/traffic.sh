# Sourced by run.sh: cases with everything up.
RATE=${RATE:-25000} FOR=${FOR:-60} HALF_FOR=${HALF_FOR:-30} LATENCY_RATE=${LATENCY_RATE:-2000} ROWS_RATE=${ROWS_RATE:-10000} ROWS_FOR=${ROWS_FOR:-30}
FIND_MIN=${FIND_MIN:-5000} FIND_MAX=${FIND_MAX:-40000} TRIAL=${TRIAL:-12}
HTTP_RATE=${HTTP_RATE:-13000} HTTP100_RATE=${HTTP100_RATE:-25000} HTTP_FOR=${HTTP_FOR:-30}
HARNESS_COUNT=${HARNESS_COUNT:-1000000}
over_smpp=(--smpp "$smpp" --binds 4 --window 1000 --receipts --drain 30s)

case_smpp() {
  fresh
  run_load smpp "${over_smpp[@]}" --rate "$RATE" --for "${FOR}s"
  stop
}

case_smpp_half() {
  fresh
  run_load smpp-half "${over_smpp[@]}" --rate "$((RATE / 2))" --for "${HALF_FOR}s"
  stop
  fresh --batch 0
  run_load smpp-half-exact "${over_smpp[@]}" --rate "$((RATE / 2))" --for "${HALF_FOR}s" --exact
  stop
}

case_smpp_latency() {
  fresh
  run_load smpp-latency "${over_smpp[@]}" --rate "$LATENCY_RATE" --for 20s
  stop
}

case_smpp_rows() { # receipts before and after reporting's `settle` of 10 s: one write a row, then two
  local receipt
  for receipt in 1s 15s; do
    fresh --receipt "$receipt"
    run_load "smpp-rows-$receipt" "${over_smpp[@]}" --rate "$ROWS_RATE" --for "${ROWS_FOR}s"
    stop
  done
}

case_smpp_find() { # a trial that comes to nothing ends the command with an error, and its result says why
  fresh
  "$bin" bench find --quiet "${over_smpp[@]}" --drain 15s --objective p99=250ms --min "$FIND_MIN" --max "$FIND_MAX" --trial "${TRIAL}s" \
    --precision 10% --metrics "http://$metrics/metrics" --json "$work/smpp-find.json" >&2 || true
  keep "$work/smpp-find.json"
  result smpp-find "$(jq .find "$work/smpp-find.json")"
  stop
}

# one_message is the body of a request whose receipts are asked for, though the load does not take them: they are parked.
one_message=(--preset tasman --header 'Content-Type: application/json' --body '{"from":"{from}","to":[{to_list}],"text":"{text}","receipt":"final"}')

case_http() {
  fresh
  run_load http --http "http://$http" --conns 256 "${one_message[@]}" --rate "$HTTP_RATE" --for "${HTTP_FOR}s"
  stop
}

case_http_100() {
  fresh
  run_load http-100 --http "http://$http" --conns 64 --recipients 100 "${one_message[@]}" --rate "$HTTP100_RATE" --for "${HTTP_FOR}s"
  stop
}

case_profile() {
  local profiles=()
  profiled full "${over_smpp[@]}" --rate "$RATE"
  profiled half "${over_smpp[@]}" --rate "$((RATE / 2))"
  profiled http --http "http://$http" --conns 256 "${one_message[@]}" --rate "$HTTP_RATE"
  go tool pprof -proto -output bench/gateway.pgo "${profiles[@]}" >&2
}

profiled() { # NAME ARGS...: a load for half a minute, of which the gateway's profile of 20 s is added to profiles
  local name=$1 taking
  shift
  fresh
  (sleep 8; curl -sf -o "$work/$name.pprof" "http://$metrics/debug/pprof/profile?seconds=20") &
  taking=$!
  load "profile-$name" "$@" --for 32s
  wait "$taking"
  profiles+=("$work/$name.pprof")
  stop
}

case_harness() {
  harness_load harness-closed --rate 0 --count "$HARNESS_COUNT"
  harness_load harness-closed-receipts --rate 0 --count "$HARNESS_COUNT" --receipts
  harness_load harness-10000 --rate 10000 --for "${HARNESS_FOR:-10}s"
  harness_load harness-10000-receipts --rate 10000 --for "${HARNESS_FOR:-10}s" --receipts
}

harness_load() { # NAME ARGS...
  local name=$1
  simulator "${operator_ports[0]}" --receipt 1s
  load "$@" --smpp "127.0.0.1:${operator_ports[0]}" --system-id x --password x --binds 4 --window 500 --drain 20s --watch "smsc=${operator_pids[0]}"
  stop_operators
  result "$name" "$(brief "$name")"
}
