# Debian: rsync
# Image: servers
# A daemon that changes its root.
set -euo pipefail
mkdir -p /srv/from /tmp/to
for n in $(seq 200); do echo $n > /srv/from/$n; done
ln -s 1 /srv/from/link
printf 'use chroot = yes\n[m]\npath = /srv/from\n' > /tmp/rsyncd.conf
rsync --daemon --config=/tmp/rsyncd.conf --port=8730
sleep 1
rsync -a rsync://127.0.0.1:8730/m/ /tmp/to/
diff -r /srv/from /tmp/to
echo other > /srv/from/7
rsync -ai rsync://127.0.0.1:8730/m/ /tmp/to/ | grep '^>f'
diff -r /srv/from /tmp/to
