# Sourced by run.sh: what accounts, carriers and queues cost that a load does not use more of.
ACCOUNTS=${ACCOUNTS:-500} FLAT_RATE=${FLAT_RATE:-10000} FLAT_FOR=${FLAT_FOR:-20}

case_flat() {
  flat flat-few 1 2 4
  flat flat-many "$ACCOUNTS" "$ACCOUNTS" 1
}

# flat plays all operators in one simulator and sends to 500 prefixes that the carriers share.
flat() { # NAME ACCOUNTS CARRIERS BINDS
  local over=(--accounts "$work/accounts.yaml" --mix "$work/mix.yaml" --smpp "$smpp" --binds "$4" --window 1000)
  simulator "${operator_ports[0]}" --receipt 1s
  flat_resources "$2" "$3"
  data=$work/flat
  gateway
  settled $((2 * $3))
  # The first bind of each account costs 20 ms for its password: that is not the load's.
  load "$1-binds" "${over[@]}" --rate 100 --for 2s > /dev/null
  must 30 rows_reach 201
  sleep "${SETTLE:-10}" # what the start has left to do is not idling
  result "$1-idle" "{\"percent_of_a_core\": $(idle), \"gateway_memory_mb\": $(rss_mb)}"
  run_load "$1" "${over[@]}" --receipts --drain 20s --rate "$FLAT_RATE" --for "${FLAT_FOR}s"
  stop
}

idle() { # what the gateway takes with nothing to do, in percent of a core over 5 s
  local before
  before=$(cpu_s "$up")
  sleep 5
  awk -v a="$before" -v b="$(cpu_s "$up")" 'BEGIN {printf "%.1f", (b - a) * 20}'
}

flat_resources() { # ACCOUNTS CARRIERS: resources.yaml, accounts.yaml and mix.yaml
  awk -v accounts="$1" -v carriers="$2" -v port="${operator_ports[0]}" -v dir="$work" 'BEGIN {
    for (i = 0; i < accounts; i++) {
      printf "---\nkind: Account\nname: flat-%d\nspec: {country: AU, binds: 10, window: 1000}\n", i > dir "/resources.yaml"
      printf "---\nkind: SMPPUser\nname: flat-%d\nspec: {account: flat-%d, password: bench123}\n", i, i > dir "/resources.yaml"
      printf "- {system_id: flat-%d, password: bench123}\n", i > dir "/accounts.yaml"
    }
    print "destinations:" > dir "/mix.yaml"
    for (p = 0; p < 500; p++) {
      of = p % carriers
      prefixes[of] = prefixes[of] (p >= carriers ? ", " : "") sprintf("\"614%03d\"", p)
      printf "  - {share: 1, prefix: \"+614%03d\"}\n", p > dir "/mix.yaml"
    }
    for (i = 0; i < carriers; i++) {
      if (!(i in prefixes)) prefixes[i] = sprintf("\"64%04d\"", i)
      printf "---\nkind: Carrier\nname: bench-%d\nspec: {addresses: [\"127.0.0.1:%d\"], system_id: bench-%d, password: bench, links: 2, window: 1000}\n",
        i, port, i > dir "/resources.yaml"
      printf "---\nkind: Route\nname: bench-%d\nspec: {prefixes: [%s], tiers: [[{carrier: bench-%d}]]}\n", i, prefixes[i], i > dir "/resources.yaml"
    }
  }'
}

case_flat_queue() {
  flat_queue flat-queue-1000 1000
  flat_queue "flat-queue-$BACKLOG" "$BACKLOG"
}

# flat_queue lets the database have the queued messages first, so that the load alone is measured.
flat_queue() { # NAME COUNT
  local rows0
  operators
  { resources "${operator_ports[@]}"; carrier dead "$nobody" "max_queue: 10000000"; route dead 649; } > "$work/resources.yaml"
  data=$work/flat
  gateway
  settled 4
  rows0=$(rows)
  queue "$1-dead" "$2" +6491 bulk
  must 150 rows_reach $((rows0 + $2))
  run_load "$1" "${over_smpp[@]}" --rate "$FLAT_RATE" --for "${FLAT_FOR}s"
  stop
}
