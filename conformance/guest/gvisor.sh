# Test programs of gVisor, one after the other; names on standard input. What googletest tells of each test goes between the marks.
ulimit -n 70000
# What gVisor's runner tells them of the platform: what only an x86-64 has isn't there.
export GVISOR_PLATFORM_SUPPORT=32BIT:FALSE,ALIGNMENT_CHECK:FALSE,MULTIPROCESS:TRUE,INT3:FALSE,VSYSCALL:FALSE
while read -r name; do
  work=$(mktemp -d "/tmp/$name.XXXXXX")
  chmod 1777 "$work"
  cd "$work" || exit 1
  echo "=== begin $name"
  # A session of its own: some signal their whole group.
  TEST_TMPDIR=$work setsid -w timeout -k 5 "$LIMIT" "/gvisor/$name" --gtest_color=no > "/tmp/out" 2>&1 < /dev/null
  status=$?
  # Of a failure, where it stands and what was compared.
  grep -aE '^\[ +(RUN|OK|FAILED|SKIPPED) +\] |: Failure$|^(Value of|Expected|  Actual):|^CHECK|check failed' /tmp/out | cut -c 1-200
  echo "=== end $name $status"
  cd /tmp
  rm -rf "$work"
done
