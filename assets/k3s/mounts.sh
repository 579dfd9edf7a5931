#!/bin/sh
# Pods that mount file systems for the node (storage and network plug-ins) need mounts to spread.
mount --make-rshared /
