# Debian: vsftpd lftp
# Image: servers
# With its seccomp filter, in network and process namespaces of its own.
set -euo pipefail
useradd -m writer
echo writer:secret | chpasswd
mkdir -p /var/run/vsftpd/empty
printf 'listen=YES\nlocal_enable=YES\nwrite_enable=YES\nseccomp_sandbox=YES\nsecure_chroot_dir=/var/run/vsftpd/empty\n' > /tmp/v.conf
vsftpd /tmp/v.conf &
sleep 2
echo words > /tmp/one
lftp -u writer,secret -e 'put /tmp/one; get one -o /tmp/two; bye' 127.0.0.1
cmp /tmp/one /tmp/two
