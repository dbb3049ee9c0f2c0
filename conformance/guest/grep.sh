# grep's own tests, of the installed grep, with what their Makefile sets. Names on standard input.
. /suite/gnu-tests.sh
mkdir -p /tmp/work/src && cp -r /suite/source/tests /tmp/work && cd /tmp/work/tests || exit 1
cp /suite/get-mb-cur-max . && echo '#define HAVE_CONFIG_H 1' > ../config.h
for program in grep egrep fgrep; do ln -s "/usr/bin/$program" ../src; done
gnu_environment /tmp/work 3.11
export LOCALE_FR=fr_FR.ISO-8859-1 LOCALE_FR_UTF8=fr_FR.UTF-8 LC_ALL=C top_srcdir=.. abs_srcdir=/tmp/work/tests \
  built_programs='grep egrep fgrep' PATH="/tmp/work/src:/tmp/work/tests:$PATH"
gnu_tests GREP_TEST_NAME '' .
