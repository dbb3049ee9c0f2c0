# sed's own tests, of the installed sed, with what their Makefile sets. Names on standard input.
. /suite/gnu-tests.sh
mkdir -p /tmp/work/sed && cp -r /suite/source/testsuite /suite/source/init.cfg /tmp/work && cd /tmp/work || exit 1
cp /suite/get-mb-cur-max /suite/test-mbrtowc testsuite && echo '#define HAVE_CONFIG_H 1' > config.h
ln -s /usr/bin/sed sed/sed
gnu_environment /tmp/work 4.9
export LOCALE_FR=fr_FR.ISO-8859-1 LOCALE_FR_UTF8=fr_FR.UTF-8 LOCALE_JA=ja_JP.EUC-JP LC_ALL=C built_programs=sed \
  PATH="/tmp/work/sed:/tmp/work/testsuite:$PATH"
gnu_tests SED_TEST_NAME '' ./testsuite
