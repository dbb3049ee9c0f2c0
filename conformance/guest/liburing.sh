# liburing's own tests, each in a folder of its own. Names on standard input. 77: it cannot test.
while read -r name; do
  rm -rf /tmp/work && mkdir -p /tmp/work && cd /tmp/work || exit 1
  timeout -s INT -k 5 "$LIMIT" "/suite/source/test/$name.t" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
