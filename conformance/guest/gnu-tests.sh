# What GNU's suites of installed programs have in common (coreutils, grep, sed). Sourced; names of tests on standard
# input. 77: a test cannot test.

# gnu_environment FOLDER VERSION: what their Makefiles set, for a suite that lies in the folder.
gnu_environment() {
  export VERSION=$2 PACKAGE_VERSION=$2 AWK=gawk CC=gcc MAKE=make PERL=perl SHELL=/bin/sh TMPDIR=/tmp srcdir=. top_srcdir=. \
    abs_top_builddir="$1" abs_top_srcdir="$1" abs_srcdir="$1" host_triplet=riscv64-unknown-linux-gnu CONFIG_HEADER="$1/config.h"
}

# gnu_tests VARIABLE PREFIX MODULES: runs each in a process of its own. The variable names a test for its own messages;
# the modules of those in Perl lie in the last folder.
gnu_tests() {
  local name path
  exec 9>/dev/null
  while read -r name; do
    export "$1=$2${name//\//-}"
    path=$name
    [ "$name" != "${name##*/}" ] || path=./$name
    case $name in
      *.pl) timeout -k 5 "$LIMIT" perl -w "-I$3" -MCuSkip -MCoreutils -M"CuTmpdir qw($name)" "$name" > /tmp/out 2>&1 < /dev/null ;;
      *) timeout -k 5 "$LIMIT" sh "$path" > /tmp/out 2>&1 < /dev/null ;;
    esac
    echo "=== $name $?"
  done
}
