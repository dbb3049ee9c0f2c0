# Programs of the Linux Test Project, one after the other; names on standard input. A program's own lines go between the marks.
export LTPROOT=/ltp PATH="$PATH:/ltp/testcases/bin" LTP_DEV_FS_TYPE=tmpfs LTP_SINGLE_FS_TYPE=tmpfs LTP_TIMEOUT_MUL=4 LTP_COLORIZE_OUTPUT=0 LTP_IPC_PATH= LTP_REPRODUCIBLE_OUTPUT=0
# As on a machine with a network: some join groups and name no interface, so that a route must lead there.
ip route add 224.0.0.0/4 dev lo
# Some set clocks of a namespace back by ten seconds, which must not be before the machine's start.
until [ "$(cut -d . -f 1 /proc/uptime)" -ge 12 ]; do sleep 1; done
while read -r name; do
  work=$(mktemp -d "/tmp/$name.XXXXXX")
  # Programs go on as other users.
  chmod 1777 "$work"
  cd "$work" || exit 1
  echo "=== begin $name"
  before=$(date +%s)
  # A session of its own: some programs signal their whole group.
  TMPDIR=$work setsid -w timeout -k 5 "$LIMIT" "/ltp/testcases/bin/$name" > /tmp/out 2>&1 < /dev/null
  status=$?
  grep -aE 'TFAIL|TBROK|TCONF|TWARN' /tmp/out | head -n 2 | cut -c 1-300
  echo "=== end $name $status $(($(date +%s) - before))"
  cd /tmp
  rm -rf "$work"
done
