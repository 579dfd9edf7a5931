#!/bin/sh
# A container has IPv6 on the interfaces that the engine gives it and nowhere else. Pods have theirs on a bridge that the
# node makes later, and their packets are passed on by the node.
for kind in all default; do
  echo 0 >/proc/sys/net/ipv6/conf/$kind/disable_ipv6
  echo 1 >/proc/sys/net/ipv6/conf/$kind/forwarding
done
