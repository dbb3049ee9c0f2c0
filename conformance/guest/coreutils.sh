# coreutils' tests of installed programs, with what their Makefile sets (tests/local.mk). Names on standard input.
mkdir -p /tmp/cu && cp -r /suite/source/tests /suite/source/init.cfg /tmp/cu/ && cd /tmp/cu || exit 1
mkdir -p src lib
echo '#define HAVE_CONFIG_H 1' > lib/config.h
programs=$(sed -n 's,^/usr/s\?bin/,,p' /var/lib/dpkg/info/coreutils.list)
for program in $programs; do ln -sf "$(type -P "$program")" "src/$program"; done
ln -sf /usr/bin/install src/ginstall
cp /suite/getlimits src/
chmod -R a+rwX /tmp/cu
. ./tests/lang-default
export VERSION=9.7 PACKAGE_VERSION=9.7 LOCALE_FR=none LOCALE_FR_UTF8=none abs_top_builddir=/tmp/cu abs_top_srcdir=/tmp/cu abs_srcdir=/tmp/cu srcdir=. top_srcdir=. fail=0 \
  host_os=linux-gnu host_triplet=riscv64-unknown-linux-gnu built_programs="$programs" CONFIG_HEADER=/tmp/cu/lib/config.h CC=gcc AWK=gawk EGREP='grep -E' EXEEXT= MAKE=make PERL=perl \
  SHELL=/bin/sh TMPDIR=/tmp PATH="/tmp/cu/src:$PATH"
exec 9>/dev/null
while read -r name; do
  export CU_TEST_NAME="cu,${name//\//-}"
  case $name in
    *.pl) timeout "$LIMIT" perl -w -I./tests -MCuSkip -MCoreutils -M"CuTmpdir qw($name)" "$name" > /tmp/out 2>&1 < /dev/null ;;
    *) timeout "$LIMIT" sh "$name" > /tmp/out 2>&1 < /dev/null ;;
  esac
  echo "=== $name $?"
done
