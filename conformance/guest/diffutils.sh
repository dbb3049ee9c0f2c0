# diffutils' own tests, of the installed programs, with what their Makefile sets. 77: it cannot test. Names on standard
# input.
mkdir -p /tmp/work/src && cp -r /suite/source/tests /tmp/work && cd /tmp/work/tests || exit 1
for program in cmp diff diff3 sdiff; do ln -s "/usr/bin/$program" ../src; done
export VERSION=3.10 PACKAGE_VERSION=3.10 LOCALE_FR=fr_FR.ISO-8859-1 LOCALE_FR_UTF8=fr_FR.UTF-8 AWK=gawk LC_ALL=C srcdir=. top_srcdir=.. built_programs='cmp diff diff3 sdiff' \
  abs_top_builddir=/tmp/work abs_top_srcdir=/tmp/work abs_srcdir=/tmp/work/tests host_triplet=riscv64-unknown-linux-gnu CC=gcc MAKE=make PERL=perl SHELL=/bin/sh \
  PREFERABLY_POSIX_SHELL=/bin/sh TMPDIR=/tmp PATH="/tmp/work/src:$PATH"
exec 9>/dev/null
while read -r name; do
  export DIFFUTILS_TEST_NAME="$name"
  timeout -k 5 "$LIMIT" sh "./$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
