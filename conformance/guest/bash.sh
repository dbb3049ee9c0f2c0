# bash's own tests: each is a script that prints how its output differs from what is right. Names on standard input.
cp -r /suite/source/tests /tmp/tests && cd /tmp/tests || exit 1
mkdir -p /tmp/build
export THIS_SH=/bin/bash BUILD_DIR=/tmp/build BASH_TSTOUT=/tmp/bash-tst PATH=.:$PATH TMPDIR=/tmp TERM=xterm
while read -r name; do
  timeout "$LIMIT" sh "./$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
  rm -f "$BASH_TSTOUT"
done
