#!/bin/sh
# Entry point of a k3s node: mends what a container gets wrong for a node, then becomes k3s.
#
# k3s replaces this shell, so a signal from the engine ends it at once and its exit code is the container's. Nothing is
# drained here: whoever stops a node for good drains it before, with a deadline.
for fix in /bin/k3d-entrypoint-*.sh; do
  [ -x "$fix" ] || continue
  "$fix" || { echo "$fix failed, the node cannot start" >&2; exit 1; }
done
exec /bin/k3s "$@"
