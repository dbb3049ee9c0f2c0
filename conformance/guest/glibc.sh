# glibc's tests of what it asks the kernel, each in an empty folder. 77: it cannot test. Names on standard input.
mkdir -p /tmp/work && cd /tmp/work || exit 1
while read -r name; do
  rm -rf /tmp/work/*
  timeout -k 5 "$LIMIT" "/suite/programs/$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
