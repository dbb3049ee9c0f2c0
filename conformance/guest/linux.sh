# Linux's selftests, each from its own folder on a file system that programs may make anything on. 4: it cannot test.
# Names on standard input.
mount -t tmpfs tmpfs /tmp 2> /dev/null
cp -a /suite/programs /tmp/programs || exit 1
export LD_LIBRARY_PATH=/tmp/programs/rseq
ulimit -n 4096
while read -r name; do
  cd "/tmp/programs/$(dirname "$name")" || continue
  # As its own script has it.
  stack=8192
  [ "$name" = riscv/mm/mmap_bottomup ] && stack=unlimited
  # A session of its own: some signal their whole group.
  (ulimit -S -s $stack && exec setsid -w timeout -k 5 "$LIMIT" "./$(basename "$name")") > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
