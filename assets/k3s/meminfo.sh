#!/bin/sh
# A node tells Kubernetes the memory of the whole machine, whatever its container may use. What it reads is replaced.
printf 'MemTotal: %s kB\nSwapTotal: 0 kB\n' "@KILOBYTES@" > /run/meminfo
mount --bind /run/meminfo /proc/meminfo
# The memory that the hardware says there is.
[ ! -d /sys/devices/system/edac ] || mount -t tmpfs -o ro,size=4k none /sys/devices/system/edac || true
