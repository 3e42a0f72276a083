#!/bin/sh
# Installs Debian packages, and starts nothing: install-packages.sh PACKAGE... (as root).
#
# A package's service (redis-server's, on port 6379, Docker's, etcd's) is neither started now nor at the next boot:
# Longshore starts a Redis of its own for each export, and a test its own Docker, etcd and containerd. A service that
# was there before isn't touched.
set -eu

export DEBIAN_FRONTEND=noninteractive LC_ALL=C
policy=/usr/sbin/policy-rc.d
aside=$policy.before-longshore

# Maintainer scripts ask policy-rc.d before they start a service; 101 forbids it (Debian Policy 9.3.3.1).
restore() {
  rm -f "$policy"
  if [ -e "$aside" ]; then mv "$aside" "$policy"; fi
}
trap restore EXIT
trap 'exit 1' HUP INT TERM
# One that lies aside already is left from a run that was killed, and is the machine's own.
if [ -e "$policy" ] && [ ! -e "$aside" ]; then mv "$policy" "$aside"; fi
printf '#!/bin/sh\nexit 101\n' >"$policy"
chmod 755 "$policy"

install() {
  apt-get install -y -qq --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
}

# PACKAGE:UNIT of packages that bring a service, whether asked for by name or brought along by another one.
services='redis-server:redis-server.service docker.io:docker.socket docker.io:docker.service
  containerd:containerd.service etcd-server:etcd.service'

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null || true)" = installed ]
}

absent=
for each in $services; do
  if ! is_installed "${each%%:*}"; then absent="$absent $each"; fi
done

# The lists may be missing or out of date; only then are they fetched.
install "$@" || { apt-get update -qq && install "$@"; }

for each in $absent; do
  package=${each%%:*} unit=${each#*:}
  if ! is_installed "$package"; then continue; fi
  # The helper works for maintainer scripts only, and looks for this.
  DPKG_MAINTSCRIPT_PACKAGE=$package deb-systemd-helper disable "$unit"
  # Not every unit has an init script beside it.
  if [ -e "/etc/init.d/${unit%.*}" ]; then update-rc.d "${unit%.*}" disable; fi
done
