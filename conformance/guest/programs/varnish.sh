# Debian: varnish curl python3
# Image: servers
# It compiles its configuration with gcc and loads it.
set -euo pipefail
cd /tmp
echo words > page
python3 -m http.server 9010 > /dev/null 2>&1 &
printf 'vcl 4.1; backend d { .host = "127.0.0.1"; .port = "9010"; }' > v.vcl
varnishd -a 127.0.0.1:6081 -f /tmp/v.vcl -n /tmp/varnish -s malloc,32m
until curl -s http://127.0.0.1:6081/page | grep words > /dev/null; do sleep 0.5; done
kill %1
curl -s http://127.0.0.1:6081/page | grep words
varnishadm -n /tmp/varnish status | grep running
