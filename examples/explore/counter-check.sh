# After a power cut: is what was said to be saved still there? Reads what the counter had printed.
last=0
while read -r _ number; do last=$number; done
[ "$last" = 0 ] && exit 0
found=$(cat /var/tmp/counter)
[ "$found" -ge "$last" ] 2> /dev/null || {
  echo "$last was saved, found '$found'"
  exit 1
}
