# tar's own tests, all by one program; those whose numbers are on standard input run. 77: it cannot test.
mkdir -p /tmp/tar/src && cp -r /suite/build/tests /suite/source/tests/testsuite /tmp/tar && cd /tmp/tar/tests && mv ../testsuite . || exit 1
ln -s /bin/tar ../src/tar
# Where it was built, and where the source lay.
sed -i -e "s,^abs_builddir=.*,abs_builddir=/tmp/tar/tests," -e "s,^abs_top_builddir=.*,abs_top_builddir=/tmp/tar," \
  -e "s,^\(at_srcdir\|abs_srcdir\)=.*,\1=/suite/source/tests," -e "s,^\(at_top_srcdir\|abs_top_srcdir\)=.*,\1=/suite/source," atconfig
sed -i 's,^PATH=.*,PATH=/tmp/tar/tests:$PATH,' atlocal
# One of them writes ten gigabytes.
export TARTEST_SKIP_LARGE_FILES=1
timeout -k 5 "$((10 * LIMIT))" sh ./testsuite $(cat) > /tmp/out 2>&1 < /dev/null
sed -nE 's/^ *([0-9]+): .* ok$/=== \1 0/p; s/^ *([0-9]+): .* skipped .*/=== \1 77/p; s/^ *([0-9]+): .* FAILED .*/=== \1 1/p' /tmp/out
