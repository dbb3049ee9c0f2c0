# grep's own tests, of the installed grep, with what their Makefile sets. 77: it cannot test. Names on standard input.
mkdir -p /tmp/work/src && cp -r /suite/source/tests /tmp/work && cd /tmp/work/tests || exit 1
cp /suite/get-mb-cur-max . && echo '#define HAVE_CONFIG_H 1' > ../config.h
for program in grep egrep fgrep; do ln -s "/usr/bin/$program" ../src; done
export VERSION=3.11 PACKAGE_VERSION=3.11 LOCALE_FR=fr_FR.ISO-8859-1 LOCALE_FR_UTF8=fr_FR.UTF-8 AWK=gawk LC_ALL=C srcdir=. top_srcdir=.. built_programs='grep egrep fgrep' \
  abs_top_builddir=/tmp/work abs_top_srcdir=/tmp/work abs_srcdir=/tmp/work/tests host_triplet=riscv64-unknown-linux-gnu CC=gcc CONFIG_HEADER=/tmp/work/config.h \
  MAKE=make PERL=perl SHELL=/bin/sh TMPDIR=/tmp PATH="/tmp/work/src:/tmp/work/tests:$PATH"
exec 9>/dev/null
while read -r name; do
  export GREP_TEST_NAME="$name"
  case $name in
    *.pl) timeout -k 5 "$LIMIT" perl -w -I. -MCuSkip -MCoreutils -M"CuTmpdir qw($name)" "$name" > /tmp/out 2>&1 < /dev/null ;;
    *) timeout -k 5 "$LIMIT" sh "./$name" > /tmp/out 2>&1 < /dev/null ;;
  esac
  echo "=== $name $?"
done
