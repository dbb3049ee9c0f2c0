# Debian: exim4-daemon-light
# Image: servers
set -euo pipefail
useradd -m reader
echo words | exim4 reader@localhost
until grep words /var/mail/reader > /dev/null 2>&1; do sleep 0.5; done
[ -z "$(exim4 -bp)" ]
