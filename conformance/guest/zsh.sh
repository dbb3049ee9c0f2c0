# zsh's own tests, with a terminal as they ask for one: 2 for one that can't be done. Names on standard input.
mkdir -p /tmp/zsh/Src && cp -r /suite/source/Test /suite/source/Functions /suite/source/Completion /tmp/zsh && cd /tmp/zsh/Test || exit 1
# What they look for beside them in the folder where zsh was built.
ln -s /bin/zsh ../Src/zsh
printf '#define %s\n' HAVE_FIFOS 'PATH_DEV_FD "/dev/fd"' HAVE_SETRESUID HAVE_INITGROUPS > ../config.h
[ -e /dev/pts/ptmx ] || mount -t devpts devpts /dev/pts
export ZTST_testdir=$PWD ZTST_srcdir=$PWD ZTST_exe=/bin/zsh
while read -r name; do
  timeout -k 5 "$LIMIT" script -qec "/bin/zsh +Z -f ./ztst.zsh $name" /dev/null > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
