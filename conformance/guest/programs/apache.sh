# Debian: apache2 python3
set -euo pipefail
mkdir -p /run/apache2 /run/lock/apache2
sed -i 's/^Listen 80$/Listen 7010/' /etc/apache2/ports.conf
apachectl start
sleep 3
python3 -c 'import urllib.request as r; assert r.urlopen("http://127.0.0.1:7010/").status == 200'
apachectl stop
