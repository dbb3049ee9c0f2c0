# Debian: redis-server
set -euo pipefail
redis-server --port 7001 --daemonize yes --dir /tmp --dbfilename d.rdb
until redis-cli -p 7001 ping | grep -q PONG; do sleep 0.2; done
redis-cli -p 7001 set a 1
redis-cli -p 7001 incrby a 41 | grep 42
redis-benchmark -p 7001 -n 500 -q -t set,get
# A fork writes the snapshot.
redis-cli -p 7001 bgsave
until [ -s /tmp/d.rdb ]; do sleep 0.2; done
redis-cli -p 7001 shutdown
redis-check-rdb /tmp/d.rdb
