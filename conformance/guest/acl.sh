# acl's own tests, as users and groups of their passwd and group files (there a library between them and the C library
# gives them), by a sh that is bash. Names on standard input.
export LC_ALL=C
tests=/tmp/acl/test
mkdir -p /tmp/acl && cp -r /suite/source/test "$tests"
for kind in passwd group; do
  names=$(cut -d: -f1 "$tests/test.$kind" | paste -sd'|')
  grep -vE "^($names):" /etc/$kind > /tmp/others
  cat "$tests/test.$kind" /tmp/others > /etc/$kind
done
ln -sf bash /bin/sh
mkdir -p /var/acl-tests && cd /var/acl-tests || exit 1
while read -r name; do
  rm -rf ./*
  srcdir=/tmp/acl timeout "$LIMIT" perl "$tests/run" "$tests/$name.test" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
