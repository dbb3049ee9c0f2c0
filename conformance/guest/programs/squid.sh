# Debian: squid curl python3
# Image: servers
# In the background, with its helpers and shared memory.
set -euo pipefail
cd /tmp
echo words > page
python3 -m http.server 9002 > /dev/null 2>&1 &
squid
until curl -s -x http://127.0.0.1:3128 http://127.0.0.1:9002/page | grep words > /dev/null; do sleep 0.5; done
grep 'TCP_.*9002/page' /var/log/squid/access.log
squid -k shutdown
while pgrep squid > /dev/null; do sleep 0.5; done
