# Debian: memcached socat
set -euo pipefail
memcached -u nobody -p 7003 -d
sleep 2
printf 'set a 0 0 2\r\nhi\r\nget a\r\nquit\r\n' | socat - TCP:127.0.0.1:7003 | grep hi
