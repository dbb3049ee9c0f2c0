# Debian: fuse3 bindfs sshfs openssh-sftp-server squashfuse squashfs-tools fuse-overlayfs fuse2fs e2fsprogs
# Image: served
set -euo pipefail
[ -e /etc/mtab ] || ln -s ../proc/self/mounts /etc/mtab
mkdir -p /src/d /mnt/b /mnt/s /mnt/q
head -c 3000000 /dev/urandom > /src/big
cp /usr/bin/id /src/id
for i in $(seq 30); do echo "file $i" > "/src/d/f$i"; done

# libfuse 2: what is done by the mount is done below.
bindfs /src /mnt/b
diff -r /src /mnt/b
/mnt/b/id -u | grep -x 0
mkdir /mnt/b/new
echo one > /mnt/b/new/a
echo two >> /mnt/b/new/a
mv /mnt/b/new/a /mnt/b/new/b
printf 'one\ntwo\n' | cmp - /src/new/b
truncate -s 2 /mnt/b/new/b
chmod 600 /mnt/b/new/b
[ "$(stat -c '%a %s' /src/new/b)" = '600 2' ]
rm -r /mnt/b/new
[ ! -e /src/new ]
fusermount3 -u /mnt/b

# libfuse 3, to a server of SFTP.
printf '#!/bin/sh\nexec /usr/lib/openssh/sftp-server\n' > /tmp/ssh
chmod +x /tmp/ssh
sshfs -o ssh_command=/tmp/ssh host:/src /mnt/s
cmp /src/big /mnt/s/big
cp /mnt/s/big /mnt/s/copy
cmp /src/big /src/copy
ls -l /mnt/s/d | grep -c f > /tmp/count
[ "$(cat /tmp/count)" = 30 ]
umount /mnt/s

mksquashfs /src /tmp/image -quiet -no-progress
squashfuse /tmp/image /mnt/q
diff -r /src /mnt/q
/mnt/q/id -u | grep -x 0
if touch /mnt/q/x 2>/tmp/refused; then exit 1; fi
fusermount3 -u /mnt/q

truncate -s 16M /tmp/ext4
mkfs.ext4 -q /tmp/ext4
mkdir /mnt/e
fuse2fs /tmp/ext4 /mnt/e -o fakeroot
cp -r /src/d /src/id /mnt/e/
/mnt/e/id -u | grep -x 0
diff -r /src/d /mnt/e/d
umount /mnt/e
sleep 1
e2fsck -fn /tmp/ext4

# An ordinary user: nobody else may look, root neither; and an overlay without any right outside.
useradd -m anna
mkdir -m 777 /dev/shm/anna
su anna -c 'cd /dev/shm/anna; mkdir from to; echo own > from/a; bindfs --no-allow-other from to; cat to/a' | grep -x own
if ls /dev/shm/anna/to 2>/tmp/refused; then exit 1; fi
su anna -c 'fusermount3 -u /dev/shm/anna/to'
su anna -c 'cd /dev/shm/anna; mkdir low up work all; echo low > low/f; echo gone > low/g
  unshare -Urm sh -ec "fuse-overlayfs -o lowerdir=low,upperdir=up,workdir=work all
    echo more >> all/f; rm all/g; ls all; cat all/f; umount all"
  cat low/f' > /tmp/overlay
printf 'f\nlow\nmore\nlow\n' | cmp - /tmp/overlay
echo right
