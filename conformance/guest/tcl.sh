# Tcl's own tests, by the installed tclsh, each file in a process of its own: it fails when one of its tests does. Names
# on standard input.
ip link set lo up 2> /dev/null
mkdir -p /tmp/work && cp -r /suite/source/tests /suite/source/library /tmp/work && cd /tmp/work/tests || exit 1
while read -r name; do
  timeout -k 5 "$LIMIT" tclsh8.6 "$name.test" -singleproc 1 > /tmp/out 2>&1 < /dev/null
  status=$?
  grep -qaE '^==== .* FAILED$' /tmp/out && status=1
  echo "=== $name $status"
  cat /tmp/out >> "${LOGS:-/dev/null}"
done
