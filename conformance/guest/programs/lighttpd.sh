# Debian: lighttpd python3
set -euo pipefail
cd /tmp
mkdir w
echo hi > w/index.html
cat > l.conf <<'END'
server.document-root = "/tmp/w"
server.port = 7011
server.bind = "127.0.0.1"
index-file.names = ("index.html")
END
lighttpd -f l.conf
sleep 2
python3 -c 'import urllib.request as r; assert r.urlopen("http://127.0.0.1:7011/").read() == b"hi\n"'
