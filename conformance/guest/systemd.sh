# systemd's unit tests, as Debian's systemd-tests installs them. 77: it cannot test. Names on standard input.
while read -r name; do
  timeout -k 5 "$LIMIT" "/usr/lib/systemd/tests/unit-tests/$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
