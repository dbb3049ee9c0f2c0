# Debian: samba smbclient
# Image: servers
set -euo pipefail
mkdir -p /srv/share /run/samba
chmod 777 /srv/share
printf '[global]\nmap to guest = Bad User\n[s]\npath = /srv/share\nguest ok = yes\nread only = no\n' > /etc/samba/smb.conf
smbd -D
until smbclient -N -L 127.0.0.1 > /dev/null 2>&1; do sleep 0.5; done
head -c 3000000 /dev/urandom > /tmp/one
smbclient -N //127.0.0.1/s -c 'put /tmp/one one; mkdir d; rename one d\two; get d\two /tmp/two'
cmp /tmp/one /tmp/two
cmp /tmp/one /srv/share/d/two
