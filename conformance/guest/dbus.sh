# D-Bus' own tests as its package installs them (/usr/share/installed-tests). Names on standard input.
ip link set lo up 2> /dev/null
mkdir -p /run/dbus
while read -r name; do
  program=$(sed -n 's/^Exec=//p' "/usr/share/installed-tests/dbus/$name.test")
  rm -rf /tmp/work && mkdir -p /tmp/work && cd /tmp/work || exit 1
  timeout -k 5 "$LIMIT" sh -c "exec $program" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
