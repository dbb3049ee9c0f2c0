# Debian: haproxy python3
set -euo pipefail
cd /tmp
cat > h.cfg <<'END'
defaults
 mode http
 timeout connect 1s
 timeout client 5s
 timeout server 5s
listen a
 bind 127.0.0.1:7012
 http-request return status 200 content-type text/plain string hey
END
haproxy -c -f h.cfg
haproxy -D -f h.cfg
sleep 2
python3 -c 'import urllib.request as r; assert r.urlopen("http://127.0.0.1:7012/").read() == b"hey"'
