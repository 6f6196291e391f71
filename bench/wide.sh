# Sourced by run.sh after cell.sh: what many accounts and carriers cost a cell of three servers, at rest, in a change of the
# resources, under a modest load and when the node that serves all carriers dies.
# WIDE_ACCOUNTS (5000) and WIDE_CARRIERS (200), WIDE_BOUND (200) accounts with a bind each, which send WIDE_RATE (1000) messages a
# second over all carriers for WIDE_FOR (20) seconds; WIDE_REST (20) seconds of rest are measured, WIDE_SETTLE (80) after the change.
WIDE_ACCOUNTS=${WIDE_ACCOUNTS:-5000} WIDE_CARRIERS=${WIDE_CARRIERS:-200} WIDE_BOUND=${WIDE_BOUND:-200}
WIDE_RATE=${WIDE_RATE:-1000} WIDE_FOR=${WIDE_FOR:-20} WIDE_REST=${WIDE_REST:-20}

# case_r3_wide measures the cell with an account and two carriers, gives it all the others, and measures again.
case_r3_wide() {
  local wide=(--smpp "$smpp" --binds 1 --accounts "$work/bound.yaml" --mix "$work/mix.yaml")
  cell_up
  cell_rest r3-narrow-rest "$WIDE_REST"
  wide_load r3-narrow --binds 4
  wide_apply
  sleep "${WIDE_SETTLE:-80}" # readers of new durables look for what is missing for 75 s
  # The first bind of each account costs 20 ms for its password: not while the load is measured.
  load r3-wide-binds "${wide[@]}" --rate 100 --for 2s > /dev/null
  cell_rest r3-wide-rest "$WIDE_REST"
  wide_load r3-wide "${wide[@]:2}"
  wide_take_over
}

# wide_hash is that of the password bench123: the plain passwords of the accounts that bind cost 20 ms each in every apply.
wide_hash='pbkdf2-sha256$100000$AAECAwQFBgcICQoLDA0ODw$iF48H8Cl2Jz3cATxWjcGTRWpaaRbxnOZR+uoTFqB8Fs'

wide_load() { cell_load "$@" --window 1000 --rate "$WIDE_RATE" --for "${WIDE_FOR}s" --receipts --drain 20s; } # NAME ARGS...

wide_links() { bound $((2 * WIDE_CARRIERS + 4)); }

# wide_apply puts the accounts and carriers into service beside what there is, applies the same file again with one account changed,
# and then that account alone.
wide_apply() {
  local begun first links again
  flat_resources "$WIDE_ACCOUNTS" "$WIDE_CARRIERS"
  awk -v bound="$WIDE_BOUND" -v hash="$wide_hash" '/^name: flat-/ {i = substr($2, 6) + 0} i >= bound {sub("password: bench123", "password_hash: \"" hash "\"")} 1' \
    "$work/resources.yaml" > "$work/hashed.yaml"
  mv "$work/hashed.yaml" "$work/resources.yaml"
  head -n "$WIDE_BOUND" "$work/accounts.yaml" > "$work/bound.yaml"
  begun=$(ms)
  wide_file resources.yaml
  first=$(seconds_since "$begun")
  must 240 wide_links
  links=$(seconds_since "$begun")
  sleep "${SETTLE:-10}" # what the change has left to do is not part of the next one, nor of idling
  sed -i '0,/binds: 10,/s//binds: 11,/' "$work/resources.yaml"
  begun=$(ms)
  wide_file resources.yaml
  again=$(seconds_since "$begun")
  sed -n '0,/binds: 11,/p' "$work/resources.yaml" | sed 's/binds: 11,/binds: 12,/' > "$work/one.yaml"
  begun=$(ms)
  wide_file one.yaml
  result r3-wide-apply "{\"accounts\": $WIDE_ACCOUNTS, \"carriers\": $WIDE_CARRIERS, \"apply_s\": $first, \"all_links_up_s\": $links, \"apply_again_one_changed_s\": $again, \"apply_one_s\": $(seconds_since "$begun")}"
}

wide_file() { "$bin" apply -f "$work/$1" --data "$work/worker" | tail -n 1 >&2; } # NAME

# wide_take_over starts a second node of the worker's roles and then kills the worker.
wide_take_over() {
  local begun ready metrics=127.0.0.1:$((PORT_BASE + 794))
  metrics_of[heir]=${metrics#*:}
  sed -e 's/^name: .*/name: heir/' -e "s|^data: .*|data: $work/heir|" \
    -e "s|^listen: .*|listen: {http: '', smpp: '127.0.0.1:$((PORT_BASE + 776))', smtp: '', console: '', metrics: '$metrics'}|" "$work/worker.yaml" > "$work/heir.yaml"
  begun=$(ms)
  node heir
  ready heir
  ready=$(seconds_since "$begun")
  sleep "${SETTLE:-10}"
  cell_rest r3-wide-rest-two "$WIDE_REST"
  begun=$(ms)
  kill -9 "${process[worker]}"
  must 120 wide_links
  result r3-wide-take-over "{\"second_node_ready_s\": $ready, \"all_links_at_second_node_s\": $(seconds_since "$begun")}"
}
