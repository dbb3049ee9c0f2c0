# Debian: dovecot-imapd curl
# Image: servers
# Mail of a user, put and read by IMAP.
set -euo pipefail
useradd -m reader
echo reader:secret | chpasswd
dovecot
until curl -s imap://127.0.0.1/ -u reader:secret > /dev/null; do sleep 0.5; done
printf 'From: a@b\r\nSubject: hello\r\n\r\nwords\r\n' > /tmp/mail
curl -s imap://127.0.0.1/INBOX -u reader:secret -T /tmp/mail
curl -s 'imap://127.0.0.1/INBOX;UID=1' -u reader:secret | grep '^words'
curl -s imap://127.0.0.1/INBOX -u reader:secret -X 'SEARCH SUBJECT hello' | grep '^\* SEARCH 1'
if curl -s imap://127.0.0.1/ -u reader:wrong; then exit 1; fi
doveadm stop
