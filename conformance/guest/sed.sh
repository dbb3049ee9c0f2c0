# sed's own tests, of the installed sed, with what their Makefile sets. 77: it cannot test. Names on standard input.
mkdir -p /tmp/work/sed && cp -r /suite/source/testsuite /suite/source/init.cfg /tmp/work && cd /tmp/work || exit 1
cp /suite/get-mb-cur-max /suite/test-mbrtowc testsuite && echo '#define HAVE_CONFIG_H 1' > config.h
ln -s /usr/bin/sed sed/sed
export VERSION=4.9 PACKAGE_VERSION=4.9 LOCALE_FR=fr_FR.ISO-8859-1 LOCALE_FR_UTF8=fr_FR.UTF-8 LOCALE_JA=ja_JP.EUC-JP AWK=gawk LC_ALL=C srcdir=. top_srcdir=. built_programs=sed \
  abs_top_builddir=/tmp/work abs_top_srcdir=/tmp/work abs_srcdir=/tmp/work host_triplet=riscv64-unknown-linux-gnu CC=gcc CONFIG_HEADER=/tmp/work/config.h \
  MAKE=make PERL=perl SHELL=/bin/sh TMPDIR=/tmp PATH="/tmp/work/sed:/tmp/work/testsuite:$PATH"
exec 9>/dev/null
while read -r name; do
  export SED_TEST_NAME="${name//\//-}"
  case $name in
    *.pl) timeout -k 5 "$LIMIT" perl -w -I./testsuite -MCuSkip -MCoreutils -M"CuTmpdir qw($name)" "$name" > /tmp/out 2>&1 < /dev/null ;;
    *) timeout -k 5 "$LIMIT" sh "$name" > /tmp/out 2>&1 < /dev/null ;;
  esac
  echo "=== $name $?"
done
