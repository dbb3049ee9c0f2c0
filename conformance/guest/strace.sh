# strace's own tests, each by the strace of the same source. 77: it cannot test. Some set the clock: the machine's own.
# Names on standard input.
mkdir -p /tmp/strace/build && cp -r /suite/programs/tests /suite/programs/src /tmp/strace/build || exit 1
cp -r /suite/programs/scripts /tmp/strace/tests && mkdir /tmp/strace/src && cp /suite/source/src/strace-log-merge /tmp/strace/src && cd /tmp/strace/build/tests || exit 1
export srcdir=../../tests STRACE_ARCH=riscv64 STRACE_NATIVE_ARCH=riscv64 MIPS_ABI= TIMEOUT_DURATION="$LIMIT"
export SIZEOF_KERNEL_LONG_T=8 SIZEOF_LONG=8
while read -r name; do
  timeout -k 5 "$LIMIT" ../../tests/run.sh "../../tests/$name" > /tmp/out 2>&1 < /dev/null
  status=$?
  echo "=== $name $status"
  { echo "=== $name $status"; cat /tmp/out; } >> "${LOGS:-/dev/null}"
done
