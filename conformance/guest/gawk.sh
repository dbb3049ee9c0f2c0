# gawk's own tests, of the installed gawk: targets of their Makefile, which was made elsewhere. What differs leaves a
# file. Names on standard input.
mkdir -p /tmp/work && cp -a /suite/source /suite/build /tmp/work && cd /tmp/work/build/test || exit 1
# Only rules of tests: nothing is to be made anew.
sed -i -E 's,^(srcdir|top_srcdir|abs_srcdir|abs_top_srcdir|VPATH) *=.*,,; /^(\$\(srcdir\)\/)?Makefile(\.in)?:/,/^[^\t]/{/^\t/d}' Makefile
while read -r name; do
  rm -f "_$name"
  timeout -k 5 "$LIMIT" make -s -o Makefile srcdir=/tmp/work/source/test top_srcdir=/tmp/work/source abs_srcdir=/tmp/work/source/test abs_top_srcdir=/tmp/work/source \
    AWKPROG=/usr/bin/gawk "$name" > /tmp/out 2>&1 < /dev/null
  status=$?
  [ "$status" = 0 ] && [ -e "_$name" ] && status=1
  echo "=== $name $status"
  [ "$status" = 0 ] || { echo "$name:"; cat /tmp/out; } >> "${LOGS:-/dev/null}"
done
