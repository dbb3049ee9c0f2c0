# Debian: openssh-server openssh-client rsync
set -euo pipefail
mkdir -p /run/sshd ~/.ssh
chmod 700 ~/.ssh
ssh-keygen -A
ssh-keygen -q -t ed25519 -N '' -f ~/.ssh/id_ed25519
cp ~/.ssh/id_ed25519.pub ~/.ssh/authorized_keys
/usr/sbin/sshd -p 7014
sleep 1
ask='-o StrictHostKeyChecking=no'
ssh $ask -p 7014 127.0.0.1 'id -un' | grep root
ssh -tt $ask -p 7014 127.0.0.1 tty | grep pts
echo data > /tmp/up
scp $ask -P 7014 /tmp/up 127.0.0.1:/tmp/up2
cmp /tmp/up /tmp/up2
rsync -e "ssh -p 7014 $ask" -a /etc/ 127.0.0.1:/tmp/etc2/
diff -r --no-dereference /etc /tmp/etc2
