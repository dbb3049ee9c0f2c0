# apr's own tests, each suite of its `testall` in a process of its own. Names on standard input.
cp -r /suite/programs /tmp/work && cp -r /suite/source/test/data /tmp/work && cd /tmp/work || exit 1
while read -r name; do
  timeout -k 5 "$LIMIT" ./testall "$name" > /tmp/out 2>&1 < /dev/null
  status=$?
  [ "$status" = 0 ] && grep -q '^FAILED\|^Failed Tests' /tmp/out && status=1
  echo "=== $name $status"
  cat /tmp/out >> "${LOGS:-/dev/null}"
done
