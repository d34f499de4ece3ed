# Numbered steps with times on the screen, their output in a log file. Sourced by setup.sh.
# Expects: log (a file), step_count (how many steps there are).

step_number=0
ticker=

fail() {  # message, then what to do, one line each
  stop_ticker
  printf '\nset-up stopped: %s\n' "$1" >&2
  shift
  local line
  for line in "$@"; do printf '  %s\n' "$line" >&2; done
  exit 1
}

interrupted() {
  stop_ticker
  printf '\ninterrupted; the same command goes on from here\n' >&2
  exit 130
}
trap interrupted INT TERM

stop_ticker() {
  [ -n "$ticker" ] || return 0
  kill "$ticker" 2>/dev/null || true
  wait "$ticker" 2>/dev/null || true
  ticker=
}

start_ticker() {  # label: on a terminal, count the seconds up until stop_ticker or our own end
  [ -t 1 ] || return 0
  local label=$1 start=$SECONDS owner=$$
  (
    trap 'exit 0' TERM INT
    while sleep 1 && kill -0 "$owner" 2>/dev/null; do
      printf '\r%s %s s ' "$label" "$((SECONDS - start))"
    done
  ) &
  ticker=$!
}

# Runs one step: `step 'title' key stamp-name command…`. It is skipped when its stamp holds the
# key already, so that a set-up that was killed goes on where it was. An empty key: never skipped.
step() {
  local title=$1 key=$2 name=$3
  shift 3
  step_number=$((step_number + 1))
  is_done "$name" "$key" && return 0
  prepare_for_work

  local label status start=$SECONDS
  label=$(printf '[%d/%d] %-44s' "$step_number" "$step_count" "$title")
  printf '%s' "$label"
  start_ticker "$label"
  printf '\n===== %s\n' "$title" >>"$log"
  set +e  # not `if …`: inside a condition bash would ignore `set -e` in the command itself
  (set -e; "$@") >>"$log" 2>&1
  status=$?
  set -e
  stop_ticker
  if [ -t 1 ]; then printf '\r%s' "$label"; fi
  if [ "$status" = 0 ]; then
    printf ' done in %s s\n' "$((SECONDS - start))"
    mark_done "$name" "$key"
  else
    printf ' FAILED after %s s\n' "$((SECONDS - start))"
    explain_failure "$title"
  fi
}

explain_failure() {  # title: the end of the log, and what it usually means
  local tail_of_log
  tail_of_log=$(awk '/^===== /{text=""} {text=text $0 "\n"} END{printf "%s", text}' "$log")
  printf '\n--- end of %s\n' "$log" >&2
  printf '%s\n' "$tail_of_log" | grep -v '^WARNING: Location' | tail -n 20 >&2
  printf -- '---\n' >&2
  local again='Then run the same command again: it continues with this step.'
  case $tail_of_log in
    *'No space left on device'*)
      fail "$1: the disk is full" 'Free about 5 GB where this folder and /tmp are (see: df -h . /tmp).' "$again" ;;
    *CERTIFICATE_VERIFY_FAILED*)
      fail "$1: the package server's certificate is not trusted" \
        'Behind a company proxy, name its certificate: pip config set global.cert /path/to/ca.pem' "$again" ;;
    *'Failed to resolve'* | *'Name or service not known'* | *'Temporary failure'* | *'Network is unreachable'* | \
      *'Connection refused'* | *'timed out'* | *'Could not connect'* | *'ConnectTimeoutError'* | *'ProxyError'*)
      fail "$1: no connection to the package server" \
        'Check the network, or the proxy (https_proxy) and mirror (pip config list) settings.' "$again" ;;
    *'Permission denied'*)
      fail "$1: a file or folder is not yours to write" \
        "Was this folder used as another user before? Try: sudo chown -R \"\$USER\" ." "$again" ;;
    *)
      fail "$1 did not work; the lines above say why" "The whole output is in $log." "$again" ;;
  esac
}
