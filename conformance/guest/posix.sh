# The Open POSIX Test Suite: one program for each assertion, 0 for one that holds. Names on standard input.
mkdir -p /tmp/work && cd /tmp/work || exit 1
while read -r name; do
  timeout "$LIMIT" "/suite/programs/$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
