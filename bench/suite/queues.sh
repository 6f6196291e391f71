# Sourced by run.sh: cases in which something waits: messages for a carrier, rows for the database.
BACKLOG5M=${BACKLOG5M:-5000000} ALERT_RATE=${ALERT_RATE:-100} ALERT_FOR=${ALERT_FOR:-30} CATCHUP_RATE=${CATCHUP_RATE:-20000}

queue() { # NAME COUNT PREFIX [LANE]: accepts so many messages over HTTP as fast as it goes, until core has routed them all
  local before
  before=$(metric tasman_core_decisions_total)
  load "$1" --http "http://$http" --conns 16 --recipients 500 --rate 0 --count "$2" --to "$3" ${4:+--lane "$4"} --watch "gateway=$up"
  must 240 decided_reach $((before + $(accepted "$1")))
}

case_backlog() { backlog backlog "$BACKLOG"; }
case_backlog5m() { backlog backlog5m "$BACKLOG5M"; }

# backlog queues for a carrier that nobody plays, kills the gateway, and starts it once its MariaDB has ended.
backlog() { # NAME COUNT
  local name=$1 begun old rate routed peak rss rows_then after
  carrier bench-a "$nobody" "max_queue: 10000000" > "$work/resources.yaml"
  route bench-a 614 >> "$work/resources.yaml"
  data=$work/backlog
  gateway
  begun=$(ms)
  queue "$name" "$2" +6141 bulk
  routed=$(seconds_since "$begun")
  sleep "${SETTLE:-10}"
  peak=$(peak_mb) rss=$(rss_mb) rows_then=$(rows) old=$db
  [ -z "${HEAP:-}" ] || curl -s "http://$metrics/debug/pprof/heap" > "$HEAP"
  kill -9 "$up"
  wait "$up" 2> /dev/null || true
  begun=$(ms)
  must 60 ended "$old"
  old=$(seconds_since "$begun")
  gateway
  after=$(rss_mb)
  sleep "${SETTLE_AFTER:-30}"
  result "$name" "$(jq -n --argjson load "$(brief "$name")" --argjson n "[$2, $routed, $peak, $rss, $rows_then, $old, $started_ms, $after, $(rss_mb), $(peak_mb)]" '
    {queued: $n[0], accepted: $load.accepted, accepted_per_s: $load.achieved_rate, errors: $load.errors, all_routed_after_s: $n[1],
     gateway_memory_mb: {peak: $n[2], after_queueing: $n[3], at_restart: $n[7], later: $n[8], peak_since_restart: $n[9]},
     rows_at_kill: $n[4], mariadb_ended_s_after_kill: $n[5], restart_to_accepting_ms: $n[6]}')"
  stop_gateway
}

ended() { ! kill -0 "$1" 2> /dev/null; } # PID

# case_alert has a queue of bulk messages for a carrier that takes 2,000/s, and then sends alerts: how long until the
# operator has them is read from the journals of both sides, by the marker of each message.
case_alert() {
  local before after first=900000000 # beyond the markers of the bulk messages
  simulator "${operator_ports[0]}" --receipt 1s --journal "$work/received"
  carrier bench-a "${operator_ports[0]}" "rate: ${CARRIER_RATE:-2000}, max_queue: 10000000" > "$work/resources.yaml"
  route bench-a 614 >> "$work/resources.yaml"
  data=$work/alert
  gateway
  settled 2
  queue alert-bulk "$BACKLOG" +6141 bulk
  before=$(waiting 0)
  load alert --smpp "$smpp" --lane alert --to +6141 --first "$first" --rate "$ALERT_RATE" --for "${ALERT_FOR}s" --exact --receipts --journal "$work/sent" --watch "gateway=$up"
  after=$(waiting "$(accepted alert)")
  stop
  result alert "$(jq -n --argjson load "$(brief alert)" --argjson bulk "$(brief alert-bulk)" --argjson waiting "[$before, $after]" \
    --argjson to "$("$out/delays" "$work/sent" "$work/received")" '{load: $load, queued_at_per_s: $bulk.achieved_rate,
    bulk_waiting: {at_begin: $waiting[0], at_end: $waiting[1]}, to_operator_ms: $to}')"
}

waiting() { # ALERTS: bulk messages that the operator has not taken, when it has taken so many alerts
  echo $(($(accepted alert-bulk) + $1 - $(metric 'tasman_carriers_outcomes_total{carrier="bench-a",class="taken"}')))
}

# case_catchup stops the MariaDB process, sends, and lets it go on when the last receipt is back.
case_catchup() {
  local rows0 rows1 begun cpu0 db0 lag=null
  fresh
  rows0=$(rows) frozen=$db
  kill -STOP "$db"
  load catchup "${over_smpp[@]}" --rate "$CATCHUP_RATE" --count "$BACKLOG" --watch "gateway=$up"
  rows1=$(rows) begun=$(ms) cpu0=$(cpu_s "$up") db0=$(cpu_s "$db")
  kill -CONT "$db"
  frozen=''
  ! await "${CATCHUP_WAIT:-110}" rows_reach $((rows0 + $(accepted catchup))) || lag=$(seconds_since "$begun")
  result catchup "$(jq -n --argjson load "$(brief catchup)" --argjson rows "[$rows0, $rows1, $(rows)]" --argjson lag "$lag" \
    --argjson spent "$(seconds_since "$begun")" --argjson cpu "[$cpu0, $(cpu_s "$up"), $db0, $(cpu_s "$db")]" --argjson peak "$(peak_mb)" '
    ($rows[2] - $rows[1]) as $written
    | {load: $load, rows_while_stopped: ($rows[1] - $rows[0]), all_rows_after_s: $lag, rows_per_s: ($written / $spent), gateway_memory_peak_mb: $peak,
       cpu_us_per_row: {gateway: (($cpu[1] - $cpu[0]) * 1e6 / $written), mariadb: (($cpu[3] - $cpu[2]) * 1e6 / $written)}}')"
  stop
}
