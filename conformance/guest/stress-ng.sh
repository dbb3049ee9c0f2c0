# stress-ng's stressors, each for a second, with what it verifies, and as an ordinary user: under qemu-user they would
# meet the host's kernel as root. 3 and 4: it cannot test. Names on standard input.
mkdir -p /tmp/work && chown nobody /tmp/work && cd /tmp/work || exit 1
while read -r name; do
  timeout -k 5 "$LIMIT" setpriv --reuid=nobody --regid=nogroup --clear-groups \
    stress-ng "--$name" 1 --timeout 1 --verify --temp-path /tmp/work > /tmp/out 2>&1 < /dev/null
  status=$?
  echo "=== $name $status"
  { echo "=== $name $status"; cat /tmp/out; } >> "${LOGS:-/dev/null}"
  find /tmp/work -mindepth 1 -delete
done
