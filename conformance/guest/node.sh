# Node's own tests of what it asks of the system, by the installed node. Names on standard input.
ip link set lo up 2> /dev/null
mkdir -p /tmp/work && cp -r /suite/source/test /tmp/work && cd /tmp/work/test/parallel || exit 1
export NODE_TEST_DIR=/tmp/tmpdir
mkdir -p "$NODE_TEST_DIR"
while read -r name; do
  flags=$(sed -n 's#^// Flags: ##p' "$name" | head -1)
  # shellcheck disable=SC2086
  timeout -k 5 "$LIMIT" node $flags "$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
  cat /tmp/out >> "${LOGS:-/dev/null}"
done
