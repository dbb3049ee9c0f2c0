# Makes a root that was composed the whole system of the processes below: $1, with its own /proc, a temporary /tmp and
# the host's devices; $2 is the folder with the program, $3 Node, which it sees in /opt. The rest is run there.
set -e
root=$1 program=$2 node=$3
shift 3
mount --bind "$root" "$root"
mount --rbind /dev "$root/dev"
mount --rbind /sys "$root/sys"
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mkdir -p "$root/opt/program" "$root/.before"
: >"$root/opt/node"
mount --bind -o ro "$program" "$root/opt/program"
mount --bind -o ro "$node" "$root/opt/node"
cd "$root"
pivot_root . .before
cd /
umount -l /.before
rmdir /.before
exec "$@"
