# Debian: e2fsprogs
# Image: served
set -euo pipefail
mkdir -p /mnt/e
for kind in ext2 ext3 ext4 "ext4 -b 4096 -O ^metadata_csum,uninit_bg"; do
  rm -f /tmp/disk
  truncate -s 200M /tmp/disk
  # shellcheck disable=SC2086
  mkfs.${kind%% *} -q ${kind#${kind%% *}} /tmp/disk
  mount -o loop /tmp/disk /mnt/e
  cp -a /usr/share /usr/bin /etc /mnt/e/
  for folder in /usr/share /usr/bin /etc; do diff -r --no-dereference "$folder" "/mnt/e/${folder##*/}"; done
  /mnt/e/bin/id -u | grep -x 0
  for i in $(seq 2000); do echo "$i" > "/mnt/e/a-name-of-some-length-$i"; done
  rm -r /mnt/e/share/doc /mnt/e/a-name-of-some-length-1*
  tar -C /mnt/e -cf /mnt/e/all.tar etc bin
  tar -C /mnt/e -df /mnt/e/all.tar
  # It is filled to the last block, and goes on after that.
  ! cat /dev/zero > /mnt/e/zeros 2> /tmp/said
  grep -q 'No space left' /tmp/said
  rm /mnt/e/zeros
  umount /mnt/e
  e2fsck -fn /tmp/disk
done
