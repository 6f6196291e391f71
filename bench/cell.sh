# Sourced by run.sh: a cell of three streams nodes and one node of all other roles, each a process, for r3, r3-kill and r3-wide.
# PARTITIONS of accepted messages (3), SHARDS of deliveries (16), R3_RATES the loads ("5000 10000"), R3_FOR their seconds (30),
# R3_KILL_RATE (2000), R3_SYNC (true) whether servers write to disk before they acknowledge, PROFILES a directory for CPU profiles of each node, taken for 10 s of each load, and for the worker's
# metrics after it. The cell runs until the script ends, so these cases stand last.
PARTITIONS=${PARTITIONS:-3} SHARDS=${SHARDS:-16}
servers=(s1 s2 s3)
declare -A process=() metrics_of=([worker]=$((PORT_BASE + 790)) [s1]=$((PORT_BASE + 791)) [s2]=$((PORT_BASE + 792)) [s3]=$((PORT_BASE + 793)))

database() { # starts a MariaDB of its own, with the options of the one that `up` starts
  local dir=$work/mysql user=()
  [ "$(id -u)" != 0 ] || user=(--user=root)
  mkdir -p "$dir"
  mariadb-install-db --no-defaults "${user[@]}" --datadir="$dir/data" --auth-root-authentication-method=socket --skip-test-db \
    --skip-name-resolve > "$dir/install.log" 2>&1
  printf '%s;\n' "CREATE DATABASE tasman CHARACTER SET utf8mb4" "CREATE USER tasman@localhost IDENTIFIED BY 'bench'" \
    "GRANT ALL ON tasman.* TO tasman@localhost" > "$dir/init.sql"
  mariadbd --no-defaults "${user[@]}" --datadir="$dir/data" --socket="$dir/sock" --pid-file="$dir/pid" --log-error="$dir/log" \
    --init-file="$dir/init.sql" --skip-networking --skip-name-resolve --skip-log-bin --innodb-flush-log-at-trx-commit=1 \
    --innodb-buffer-pool-size=128M --max-allowed-packet=64M --performance-schema=OFF &
  process[mariadb]=$!
  pids+=($!)
  until [ -S "$dir/sock" ]; do kill -0 "${process[mariadb]}"; sleep 0.05; done
}

node() { # NAME [YAML]: starts a node, again without YAML
  if [ $# -gt 1 ]; then { echo "name: $1"; echo "data: $work/$1"; echo "log: {level: warn, format: text}"; echo "$2"; } > "$work/$1.yaml"; fi
  "$bin" run -c "$work/$1.yaml" >> "$work/$1.log" 2>&1 &
  process[$1]=$!
  pids+=($!)
}

ready() { # NAME: waits until the node says so
  until curl -sf "http://127.0.0.1:${metrics_of[$1]}/readyz" > /dev/null; do
    kill -0 "${process[$1]}" || { cat "$work/$1.log" >&2; exit 1; }
    sleep 0.1
  done
}

cell() { # starts all and puts the resources into service
  local i begun
  begun=$(date +%s%N)
  for i in 1 2 3; do
    node "s$i" "roles: [streams]
listen: {http: '', smpp: '', smtp: '', console: '', metrics: '127.0.0.1:${metrics_of[s$i]}'}
nats:
  listen: 127.0.0.1:$((PORT_BASE + 710 + i))
  cluster: {listen: '127.0.0.1:$((PORT_BASE + 720 + i))', routes: ['127.0.0.1:$((PORT_BASE + 721))', '127.0.0.1:$((PORT_BASE + 722))', '127.0.0.1:$((PORT_BASE + 723))']}
  replicas: 3
  partitions: $PARTITIONS
  shards: $SHARDS
  sync_always: ${R3_SYNC:-true}
mysql: {dsn: 'tasman:bench@unix($work/mysql/sock)/tasman'}" # only that the trimmer waits for reporting
  done
  node worker "roles: [reporting, core, carriers, edge]
listen: {http: '$http', smpp: '$smpp', smtp: '', console: '', metrics: '$metrics'}
nats:
  urls: ['nats://127.0.0.1:$((PORT_BASE + 711))', 'nats://127.0.0.1:$((PORT_BASE + 712))', 'nats://127.0.0.1:$((PORT_BASE + 713))']
  replicas: 3
  partitions: $PARTITIONS
  shards: $SHARDS
mysql: {dsn: 'tasman:bench@unix($work/mysql/sock)/tasman'}"
  for i in "${servers[@]}" worker; do ready "$i"; done
  cat >> "$work/resources.yaml" <<'YAML'
---
kind: Account
name: bench
spec: {lanes: [alert, normal, bulk], country: AU, binds: 50, window: 1000}
---
kind: SMPPUser
name: bench
spec: {account: bench, password: bench123}
YAML
  "$bin" apply -f "$work/resources.yaml" --data "$work/worker" >&2
  export TASMAN_SYSTEM_ID=bench TASMAN_PASSWORD=bench123
  until [ "$(curl -s http://$metrics/metrics | awk '/^tasman_carriers_link_up/ {n += $2} END {print n+0}')" -ge 4 ]; do sleep 0.1; done
  started_ms=$(( ($(date +%s%N) - begun) / 1000000 ))
}

cell_load() { # NAME ARGS...: one load, with the CPU seconds and memory of every process beside it
  local name=$1 p report begun cpu="" rss=""
  local -A before=()
  shift
  for p in "${!process[@]}"; do before[$p]=$(cpu_s "${process[$p]}"); done
  if [ -n "${PROFILES:-}" ]; then
    mkdir -p "$PROFILES"
    (sleep 8; for p in "${!metrics_of[@]}"; do curl -s "http://127.0.0.1:${metrics_of[$p]}/debug/pprof/profile?seconds=10" > "$PROFILES/$name-$p.pprof" & done; wait) &
    report=$!
  fi
  "$bin" bench load --quiet --smpp "$smpp" --json "$work/$name.json" "$@" &
  process[load]=$!
  before[load]=0
  begun=$SECONDS
  while kill -0 "${process[load]}" 2> /dev/null; do
    "${DURING:-:}" $((SECONDS - begun))
    p=$(cpu_s "${process[load]}" 2> /dev/null) && load_cpu=$p
    sleep 0.2
  done
  wait "${process[load]}" || true
  keep "$work/$name.json"
  for p in "${!process[@]}"; do
    if [ "$p" = load ]; then cpu+="\"load\": $load_cpu, "; continue; fi
    cpu+="\"$p\": $(awk "BEGIN{print $(cpu_s "${process[$p]}")-${before[$p]}}"), "
    rss+="\"$p\": $(memory_mb "${process[$p]}" VmRSS), "
  done
  unset "process[load]"
  [ -z "${report:-}" ] || wait "$report"
  [ -z "${PROFILES:-}" ] || curl -s http://$metrics/metrics > "$PROFILES/$name.metrics"
  result "$name" "{\"load\": $(brief "$name"), \"cpu_s\": {${cpu%, }}, \"rss_mb\": {${rss%, }}, \"queued_batches_after\": $(metric tasman_streams_pending)}"
}

cell_rest() { # NAME SECONDS: what the processes take when nothing is to do
  local p shares="" rss=""
  local -A before=()
  for p in "${!process[@]}"; do before[$p]=$(cpu_s "${process[$p]}"); done
  if [ -n "${PROFILES:-}" ]; then
    mkdir -p "$PROFILES"
    for p in "${!metrics_of[@]}"; do
      ! kill -0 "${process[$p]:-none}" 2> /dev/null || curl -s "http://127.0.0.1:${metrics_of[$p]}/debug/pprof/profile?seconds=$2" > "$PROFILES/$1-$p.pprof" &
    done
  fi
  sleep "$2"
  for p in "${!process[@]}"; do
    shares+="\"$p\": $(awk "BEGIN{printf \"%.1f\", ($(cpu_s "${process[$p]}")-${before[$p]})*100/$2}"), "
    rss+="\"$p\": $(memory_mb "${process[$p]}" VmRSS), "
  done
  result "$1" "{\"processes_to_ready_ms\": $started_ms, \"percent_of_a_core\": {${shares%, }}, \"rss_mb\": {${rss%, }}, \"durables\": $(curl -s "http://$metrics/metrics" | grep -c '^tasman_streams_pending_batches')}"
}

cell_up() { # starts everything, once
  [ -z "${process[worker]:-}" ] || return 0
  resources "${operator_ports[@]}" > "$work/resources.yaml"
  operators
  process[operator-a]=${operator_pids[-2]} process[operator-b]=${operator_pids[-1]}
  database
  cell
}

case_r3() {
  local rate
  cell_up
  cell_rest r3-idle 10
  for rate in ${R3_RATES:-5000 10000}; do
    cell_load "r3-$rate" --binds 4 --window 1000 --rate "$rate" --for "${R3_FOR:-30}s" --receipts --drain 20s
  done
}

# case_r3_kill kills a server under load, as a crash of its machine would, the one that leads the partition that the load's account
# is on, and starts it again: nothing accepted may be lost.
case_r3_kill() {
  cell_up
  killed='' restarted=''
  DURING=kill_one cell_load r3-kill --binds 4 --window 1000 --rate "${R3_KILL_RATE:-2000}" --for 25s --receipts --drain 60s
}

kill_one() { # SECONDS of the load so far
  if [ -z "$killed" ] && [ "$1" -ge 8 ]; then
    killed=$(curl -s http://$metrics/metrics | awk -F'"' '/^tasman_streams_leader/ && $4 == "MT-1" {print $2}')
    echo "killing ${killed:=s1}" >&2
    kill -9 "${process[$killed]}"
  elif [ -n "$killed" ] && [ -z "$restarted" ] && [ "$1" -ge 16 ]; then
    restarted=$killed
    node "$killed"
    before[$killed]=0 # what it took before went with it
  fi
}
