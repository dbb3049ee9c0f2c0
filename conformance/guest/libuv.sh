# libuv's own tests, each as a process of its own and as an ordinary user, as it asks. Names on standard input. Its own
# limits of seconds are for quiet machines: $LIMIT is ours.
export UV_TEST_TIMEOUT_MULTIPLIER=20
mkdir -p /tmp/work/test && cd /tmp/work || exit 1
cp -r /suite/run-tests /suite/source/test/fixtures . && ln -sfn ../fixtures test/fixtures && chown -R nobody .
while read -r name; do
  timeout -k 5 "$LIMIT" setpriv --reuid=nobody --regid=nogroup --clear-groups ./run-tests "$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
