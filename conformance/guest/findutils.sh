# findutils' own tests that are scripts, of the installed programs, with what their Makefile sets. 77: it cannot test.
# Names on standard input.
mkdir -p /tmp/work && cp -r /suite/source/tests /suite/source/init.cfg /tmp/work && cd /tmp/work || exit 1
mkdir -p find xargs locate && ln -s /usr/bin/find find/find && ln -s /usr/bin/xargs xargs/xargs
cp /suite/test-sigusr tests/xargs && echo '#define HAVE_CONFIG_H 1' > config.h
export VERSION=4.10.0 PACKAGE_VERSION=4.10.0 LOCALE_FR=fr_FR.ISO-8859-1 LOCALE_FR_UTF8=fr_FR.UTF-8 LC_ALL=C srcdir=. top_srcdir=. built_programs='find xargs' fail=0 \
  abs_top_builddir=/tmp/work abs_top_srcdir=/tmp/work abs_srcdir=/tmp/work host_os=linux-gnu host_triplet=riscv64-unknown-linux-gnu CONFIG_HEADER=/tmp/work/config.h CC=gcc \
  AWK=gawk EGREP='grep -E' EXEEXT= MAKE=make PERL=perl SHELL=/bin/sh TMPDIR=/tmp PATH="/tmp/work/find:/tmp/work/xargs:/tmp/work/tests/xargs:$PATH"
exec 9>/dev/null
while read -r name; do
  timeout -k 5 "$LIMIT" sh "$name" > /tmp/out 2>&1 < /dev/null
  echo "=== $name $?"
done
