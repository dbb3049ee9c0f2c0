# socat's own tests, of the installed programs, each by a run of its own, since one that hangs takes the others along.
# 77: it cannot test. Names on standard input.
mkdir -p /tmp/work && cp /suite/source/*.sh /tmp/work && cd /tmp/work || exit 1
export USER=root SOCAT=/usr/bin/socat FILAN=/usr/bin/filan PROCAN=/usr/bin/procan TERM=xterm
ip link set lo up 2> /dev/null
# Where no route leads anywhere, one for groups, to which some send.
ip route show default | grep -q . || ip route add 224.0.0.0/4 dev lo
while read -r name; do
  timeout -k 5 "$LIMIT" bash ./test.sh "$name" > /tmp/out 2>&1 < /dev/null
  status=$?
  line=$(grep -E "^test +[0-9]+ $name:" /tmp/out)
  case $line in
    *FAILED*) status=1 ;;
    *OK*) status=0 ;;
    *) [ "$status" -ge 124 ] || status=77 ;;
  esac
  echo "=== $name $status"
  cat /tmp/out >> "${LOGS:-/dev/null}"
done
