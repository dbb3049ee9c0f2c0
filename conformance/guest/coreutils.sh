# coreutils' tests of installed programs, with what their Makefile sets (tests/local.mk). Names on standard input.
. /suite/gnu-tests.sh
mkdir -p /tmp/cu && cp -r /suite/source/tests /suite/source/init.cfg /tmp/cu/ && cd /tmp/cu || exit 1
mkdir -p src lib
echo '#define HAVE_CONFIG_H 1' > lib/config.h
programs=$(sed -n 's,^/usr/s\?bin/,,p' /var/lib/dpkg/info/coreutils.list)
for program in $programs; do ln -sf "$(type -P "$program")" "src/$program"; done
ln -sf /usr/bin/install src/ginstall
cp /suite/getlimits src/
chmod -R a+rwX /tmp/cu
. ./tests/lang-default
gnu_environment /tmp/cu 9.7
export LOCALE_FR=none LOCALE_FR_UTF8=none fail=0 host_os=linux-gnu built_programs="$programs" CONFIG_HEADER=/tmp/cu/lib/config.h \
  EGREP='grep -E' EXEEXT= PATH="/tmp/cu/src:$PATH"
gnu_tests CU_TEST_NAME cu, ./tests
