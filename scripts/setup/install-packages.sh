#!/bin/sh
# Installs Debian packages, and starts nothing: install-packages.sh PACKAGE... (as root).
#
# A package's service (redis-server's, on port 6379) is neither started now nor at the next boot: Longshore
# starts a Redis of its own for each export. A service that was there before isn't touched.
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

had_redis=$(dpkg-query -W -f='${db:Status-Status}' redis-server 2>/dev/null || true)
# The lists may be missing or out of date; only then are they fetched.
install "$@" || { apt-get update -qq && install "$@"; }

case " $* " in
*' redis-server '*)
  if [ "$had_redis" != installed ]; then update-rc.d redis-server disable; fi
  ;;
esac
