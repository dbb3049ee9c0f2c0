# Debian: bind9 bind9-dnsutils
# Image: servers
# In the background, as another user, with threads: asked, told to load anew, stopped.
set -euo pipefail
mkdir -p /run/named
chown bind /run/named
printf 'zone "test" { type primary; file "/etc/bind/db.test"; };\n' >> /etc/bind/named.conf.local
printf '$TTL 60\n@ SOA ns.test. root.test. 1 60 60 60 60\n@ NS ns.test.\nns A 10.1.2.3\nwww AAAA fd00::7\n' > /etc/bind/db.test
named -u bind -c /etc/bind/named.conf
until rndc status > /dev/null 2>&1; do sleep 0.5; done
[ "$(dig +short @127.0.0.1 ns.test)" = 10.1.2.3 ]
[ "$(dig +short +tcp @::1 www.test AAAA)" = fd00::7 ]
sed -i 's/10.1.2.3/10.9.9.9/; s/root.test. 1 /root.test. 2 /' /etc/bind/db.test
rndc reload test
until [ "$(dig +short @127.0.0.1 ns.test)" = 10.9.9.9 ]; do sleep 0.5; done
rndc stop
while pgrep named > /dev/null; do sleep 0.5; done
