# Makes a root of busybox for images of containers, as an archive: no registry is reached. Needs busybox-static.
#
#     bash small-root.sh FILE.tar
set -euo pipefail
root=$(mktemp -d)
mkdir -p "$root"/{bin,dev,etc,proc,root,run,srv,sys,tmp}
cp "$(command -v busybox)" "$root/bin/busybox"
for name in sh cat dd echo grep head httpd id ip ls mkdir nslookup ps sleep tail touch wget; do
  ln -s busybox "$root/bin/$name"
done
echo root:x:0:0:root:/root:/bin/sh > "$root/etc/passwd"
echo root:x:0: > "$root/etc/group"
tar -C "$root" -cf "$1" .
chmod 644 "$1"
rm -r "$root"
