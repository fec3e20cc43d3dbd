#!/usr/bin/env bash
# Switches the hubs behind the balancer from one colour to the other: starts the new ones, waits until the balancer uses them,
# sends nothing new to the old ones and stops them, which drains them. Each client reconnects once.
#
#   deploy/switch.sh blue green
#
# GWANJE_BALANCER  the balancer's socket (/run/haproxy/gwanje.sock)
# GWANJE_START, GWANJE_STOP  what starts and stops hubs by name, and waits for the end
#                  (systemctl start|stop gwanje-hub@blue1 gwanje-hub@blue2)
# GWANJE_PATIENCE  seconds that the new hubs may take (60)
#
# When the new hubs do not come up, the old ones stay as they are. Status: 0 switched, 1 not, 2 wrong arguments.
set -euo pipefail

balancer=${GWANJE_BALANCER:-/run/haproxy/gwanje.sock}
patience=${GWANJE_PATIENCE:-60}

say() { echo "switch: $*" >&2; }
give_up() { say "$1"; exit "${2:-1}"; }

case "${1:-} ${2:-}" in
  'blue green' | 'green blue') old=$1 new=$2 ;;
  *) give_up 'say from which colour to which: switch.sh blue green' 2 ;;
esac

# Tells the balancer one line, and prints what it answers.
tell() {
  BALANCER=$balancer perl -MIO::Socket::UNIX -e '
    my $socket = IO::Socket::UNIX->new(Peer => $ENV{BALANCER}) or die "switch: the balancer at $ENV{BALANCER}: $!\n";
    print $socket "$ARGV[0]\n";
    print while <$socket>;
  ' "$1"
}

# The hubs of a colour, as the balancer knows them, each with how it sees them: "green1 UP".
seen() { tell 'show stat' | awk -F, -v colour="$1" '$1 == "hubs" && $2 ~ "^" colour "[0-9]+$" { print $2, $18 }'; }
names() { seen "$1" | cut -d' ' -f1; }
set_all() { # colour, state
  local name said
  for name in $(names "$1"); do
    said=$(tell "set server hubs/$name state $2")
    [ -z "${said//[[:space:]]/}" ] || give_up "the balancer on $name: $said"
  done
}
start() { if [ -n "${GWANJE_START:-}" ]; then $GWANJE_START "$@"; else systemctl start "${@/#/gwanje-hub@}"; fi; }
stop() { if [ -n "${GWANJE_STOP:-}" ]; then $GWANJE_STOP "$@"; else systemctl stop "${@/#/gwanje-hub@}"; fi; }

mapfile -t coming < <(names "$new")
mapfile -t leaving < <(names "$old")
[ ${#coming[@]} -gt 0 ] && [ ${#leaving[@]} -gt 0 ] || give_up "the balancer knows no hubs of these colours"

say "starting ${coming[*]}"
start "${coming[@]}"
set_all "$new" ready
until=$((SECONDS + patience))
while seen "$new" | grep -qv ' UP$'; do
  if [ $SECONDS -ge $until ]; then
    stop "${coming[@]}"
    give_up "not all of ${coming[*]} came up within $patience s; $old goes on"
  fi
  sleep 0.2
done

say "the balancer uses ${coming[*]}; ${leaving[*]} are drained"
set_all "$old" drain
stop "${leaving[@]}"
# Whoever is started there again is used again.
set_all "$old" ready
say "switched to $new"
