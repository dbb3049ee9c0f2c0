# libevent's own tests, each in a process of its own. Names on standard input.
mkdir -p /tmp/work && cd /tmp/work || exit 1
while read -r name; do
  timeout -k 5 "$LIMIT" /suite/regress --quiet "$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
