# socat's own tests, of the installed programs, by their names on standard input. 77: it cannot test.
mkdir -p /tmp/work && cp /suite/source/*.sh /tmp/work && cd /tmp/work || exit 1
export USER=root SOCAT=/usr/bin/socat FILAN=/usr/bin/filan PROCAN=/usr/bin/procan TERM=xterm
ip link set lo up 2> /dev/null
timeout -k 5 "$((20 * LIMIT))" bash ./test.sh $(cat) > /tmp/out 2>&1 < /dev/null
sed -nE 's/^test [0-9]+ (\w+):.*\bFAILED\b.*$/=== \1 1/p; s/^test [0-9]+ (\w+):.*\bOK\b.*$/=== \1 0/p; s/^test [0-9]+ (\w+):.*$/=== \1 77/p' /tmp/out
cat /tmp/out > "${LOGS:-/dev/null}"
