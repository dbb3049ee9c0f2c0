# util-linux's own tests, of the installed programs. Some ask for helpers of its own build. 77: it cannot test. Names on
# standard input.
mkdir -p /tmp/work && cp -r /suite/source/tests /suite/source/tools /tmp/work && cd /tmp/work/tests || exit 1
cp /suite/helpers/* /tmp/work && echo > /tmp/work/config.h
export LANG=C TERM=xterm
while read -r name; do
  rm -rf diff/*
  timeout -k 5 "$LIMIT" bash "./ts/$name" --srcdir=/tmp/work --builddir=/tmp/work --use-system-commands --show-diff > /tmp/out 2>&1 < /dev/null
  status=$?
  [ "$status" = 0 ] && grep -q '\.\.\. FAILED' /tmp/out && status=1
  [ "$status" = 0 ] && grep -q '\.\.\. SKIPPED' /tmp/out && status=77
  echo "=== $name $status"
  { echo "=== $name $status"; cat /tmp/out; } >> "${LOGS:-/dev/null}"
done
