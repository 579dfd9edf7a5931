#!/bin/sh
# The engine's name server listens on 127.0.0.11 inside the container, which no pod can reach: k3s would fall back to a
# public server, and pods could resolve neither containers nor what only the host's resolver knows. The network's
# gateway address is made a second name of it: the rules that lead to it are written for that address, and for packets
# that come from pods as well as for those of the node itself.
gateway="@GATEWAY@"
local_dns=127.0.0.11
rules=$(iptables-save -t nat 2>/dev/null)
case "$rules" in
*"$local_dns"*) ;;
*)
  # Rules of another kind than this can change. The node works, its pods use k3s' public fallback.
  echo "no rules for the engine's name server found, pods cannot use it" >&2
  exit 0
  ;;
esac
printf '%s\n' "$rules" | sed \
  -e "s|-d $local_dns\(/32\)\{0,1\} |-d $gateway |" \
  -e "s|--to-source :53|--to-source $gateway:53|" \
  -e 's|^-A OUTPUT \(.*-j DOCKER_OUTPUT\)$|-A OUTPUT \1\n-A PREROUTING \1|' |
  iptables-restore || exit 1
if grep -q "$local_dns" /etc/resolv.conf; then
  # The engine mounts the file, so it is written in place.
  cp /etc/resolv.conf /etc/resolv.conf.original
  sed "s/$local_dns/$gateway/g" /etc/resolv.conf.original > /etc/resolv.conf
fi
