# Debian: iperf3
set -euo pipefail
iperf3 -s -p 7021 -1 -D
sleep 1
iperf3 -c 127.0.0.1 -p 7021 -t 2 | grep receiver
