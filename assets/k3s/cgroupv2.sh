#!/bin/sh
# Control groups, second version: a group that holds processes cannot hand its controllers on to groups below it. k3s
# makes room for itself only when it is process 1, which it is not under the engine's init. So every process moves to
# a group of its own, and then all controllers are handed on.
root=/sys/fs/cgroup
[ -f "$root/cgroup.controllers" ] || exit 0
mkdir -p "$root/init"
# Twice, for what was born while the first list was gone through.
for pass in 1 2; do
  for pid in $(cat "$root/cgroup.procs"); do
    # Processes end while they are being moved, and kernel threads refuse to.
    echo "$pid" > "$root/init/cgroup.procs" 2>/dev/null || true
  done
done
for controller in $(cat "$root/cgroup.controllers"); do
  # One by one: a single controller that cannot be handed on must not keep the others back.
  echo "+$controller" > "$root/cgroup.subtree_control" 2>/dev/null ||
    echo "control group controller $controller is not available to the node" >&2
done
exit 0
