# shellcheck shell=bash
# Shared by the scripts of the testbed: where things lie, how they are named, how to speak and how to install.

TESTBED=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
WORK=${CORACLE_TESTBED_DIR:-$TESTBED/.work}
mkdir -p "$WORK"

# The names under which the published images are known. Stand-ins take the same names, so that nothing in the
# product or in its tests has to know which of the two it runs on.
K3S_IMAGE=rancher/k3s:v1.34.2-k3s1
PROXY_IMAGE=ghcr.io/k3d-io/k3d-proxy:5.9.0
REGISTRY_IMAGE=registry:2
BUSYBOX_IMAGE=busybox:latest
# Our own test workload; it has no published counterpart and is always built here.
ECHO_IMAGE=coracle/echo:1
# A database for servers that keep their data outside of the cluster: Debian's PostgreSQL, built where a test needs it.
POSTGRES_IMAGE=coracle/postgres:1
# What an upgrade goes to: a newer release where images can be pulled; as a stand-in, a second k3s revision of
# the same Kubernetes, which costs no second build.
K3S_IMAGE_NEXT_PUBLISHED=rancher/k3s:v1.34.3-k3s1
K3S_IMAGE_NEXT_STANDIN=rancher/k3s:v1.34.2-k3s2

say() { echo "testbed: $*"; }
die() { echo "testbed: $*" >&2; exit 1; }

is_debian_root() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null && grep -Eqs '^ID(_LIKE)?=.*debian' /etc/os-release; }

# Holds one lock for the engine and the images: several checkouts of the project may share one engine.
# Background programs must be started with 9>&- or they would keep it.
lock_testbed() {
  exec 9>/tmp/coracle-testbed.lock
  flock -w 3600 9 || die "another testbed build has held /tmp/coracle-testbed.lock for an hour"
}

# Installs the Debian packages that are missing, without letting any service start: they only lend their files.
need_packages() {
  local package missing=() log=$WORK/apt.log
  for package in "$@"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  is_debian_root || die "missing packages: ${missing[*]}. Run as root on Debian to have them installed, or install them by hand"
  say "installing ${missing[*]}"
  local no_service_may_start=/usr/sbin/policy-rc.d ours=
  if [ ! -e $no_service_may_start ]; then
    printf '#!/bin/sh\nexit 101\n' >$no_service_may_start
    chmod 755 $no_service_may_start
    ours=yes
  fi
  # The second attempt is for mirrors: a download that breaks off is common on a machine that has just booted.
  local attempt ok=
  for attempt in 1 2; do
    if { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}"; } \
      >>"$log" 2>&1 </dev/null; then
      ok=yes
      break
    fi
    sleep "$attempt"
  done
  [ -z "$ours" ] || rm -f $no_service_may_start
  [ -n "$ok" ] || { tail -15 "$log" >&2; die "apt-get failed, see $log"; }
}

need_go() {
  command -v go >/dev/null || die "the Go tool chain is missing, the stand-ins are built with it: see https://go.dev/doc/install"
}

# Go programs are built the same way everywhere: no paths and no version control state inside.
go_build() { go build -trimpath -buildvcs=false "$@"; }

# What the stand-ins were built from; kept as a label of the node image.
source_hash() {
  (cd "$TESTBED" && find src build build-* lib.sh -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -c1-16)
}

image_exists() { docker image inspect "$1" >/dev/null 2>&1; }
image_label() { docker image inspect -f "{{index .Config.Labels \"$2\"}}" "$1" 2>/dev/null; }
