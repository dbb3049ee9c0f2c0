# busybox's own tests, of the installed busybox: of every applet and feature, whatever it was configured with. Names of
# applets on standard input; the status is how many failed.
mkdir -p /tmp/work && cp -r /suite/source/testsuite /tmp/work && cp /usr/bin/busybox /tmp/work && cd /tmp/work/testsuite || exit 1
# They ask for an echo that dash has not.
sed -i '1s,^#! */bin/sh,#!/usr/bin/bash,' *.tests
sed -nE 's/^[[:space:]]*optional //p' *.tests | tr -s '" ' '\n' | grep -E '^[A-Z0-9_]+$' | sort -u | sed 's/.*/CONFIG_&=y/' > ../.config
# Each run makes its links to all applets anew, by a process each: once is enough.
sed -i -e 's,^rm -rf "$LINKSDIR",#&,' -e 's,^\tln -s .*,\t[ -e "$LINKSDIR/$i" ] || ln -s "$bindir/busybox" "$LINKSDIR/$i",' runtest
# Features whose options it refuses are tried only where process 1 is called init, which it is in Stratos alone.
busybox pidof -s init 2>&1 | grep -q 'invalid option' && sed -i '/^CONFIG_FEATURE_PIDOF_/d' ../.config
while read -r name; do
  timeout -k 5 "$LIMIT" bash ./runtest "$name" > /tmp/out 2>&1 < /dev/null
  status=$?
  [ "$status" -gt 1 ] || status=$(grep -c '^FAIL' /tmp/out)
  grep '^FAIL' /tmp/out >> "${LOGS:-/dev/null}"
  echo "=== $name $status"
done
