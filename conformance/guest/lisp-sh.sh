# Other shells' own tests, by a shell that is called sh: busybox' ash_test, mksh's check.t, yash' POSIX tests.
# Arguments: the suite (ash, mksh, yash), the shell. What is told: lines `=== TEST STATUS`.
# What a shell puts before a message, and the quotation marks there, are its own: they are left out on both sides.
SUITE=${SUITE:-/suite} WORK=${WORK:-/tmp/work} LIMIT=${LIMIT:-60} SHELL_TESTED=$2
unset LC_ALL LC_CTYPE
export LANG=C
cat > "/tmp/names.$$"
mkdir -p "$WORK/bin" && ln -sf "$SHELL_TESTED" "$WORK/bin/sh" || exit 1
plain() {
  grep -av '^ash: using fallback suid method$' "$1" |
    sed -E -e 's/^(\.\/)?[^ :]*(\.tests|\.sh|sh|SHELL): ((exec|eval|export|cd|shift|read|trap|unset|return|wait|kill|printf|hash): )?(line [0-9]+: )?//' -e "s/'([^']*)'/\1/g" -e 's/no such file|nonexistent directory|No such file or directory/not found/g'
}
case $1 in
ash)
  cp -r "$SUITE/source/shell/ash_test" "$WORK" && cp "$SUITE"/helpers/* "$WORK/ash_test" && cd "$WORK/ash_test" || exit 1
  export CONFIG_FEATURE_FANCY_ECHO=y THIS_SH="$WORK/bin/sh"
  export PATH="$PWD:$PATH"
  ln -s "$THIS_SH" ash
  while read -r name; do
    cd "$WORK/ash_test/${name%/*}" || exit 1
    test=${name##*/}
    timeout -k 5 "$LIMIT" "$THIS_SH" "./$test.tests" > "/tmp/out.$$" 2>&1 < /dev/null
    status=$?
    if [ "$status" -ne 77 ]; then
      plain "/tmp/out.$$" > "/tmp/ours.$$"
      plain "$test.right" > "/tmp/right.$$"
      diff -u "/tmp/right.$$" "/tmp/ours.$$" > "/tmp/diff.$$" && status=0 || status=1
    fi
    [ "$status" -ne 1 ] || { echo "=== $name"; cat "/tmp/diff.$$"; } >> "${LOGS:-/dev/null}"
    echo "=== $name $status"
  done < "/tmp/names.$$"
  ;;
mksh)
  cd "$WORK" && cp "$SUITE/source/check.pl" "$SUITE/source/check.t" . || exit 1
  timeout -k 5 "$((10 * LIMIT))" perl check.pl -s check.t -v -p "$WORK/bin/sh" -C shell:legacy-no,int:32,fastbox,pipefail \
    > "/tmp/out.$$" 2>&1 < /dev/null
  cat "/tmp/out.$$" >> "${LOGS:-/dev/null}"
  sed -n 's/^pass check\.t:\([^ ]*\).*/=== \1 0/p; s/^FAIL check\.t:\([^ ]*\).*/=== \1 1/p' "/tmp/out.$$" |
    awk 'NR == FNR { wanted[$1]; next } $2 in wanted' "/tmp/names.$$" -
  ;;
yash)
  cp -r "$SUITE/source/tests" "$WORK" && cp "$SUITE"/helpers/* "$WORK/tests" && cd "$WORK/tests" || exit 1
  while read -r name; do
    set -- ./resetsig bash --posix ./run-test.sh "$WORK/bin/sh" "$name"
    ! grep -q %REQUIRETTY% "$name" || set -- ./ptwrap "$@"
    timeout -k 5 "$((2 * LIMIT))" "$@" > /dev/null 2>&1 < /dev/null || echo "=== $name:end 1"
    cat "${name%.tst}.trs" >> "${LOGS:-/dev/null}"
    sed -n -e 's/^%%% PASSED: \([^:]*:[0-9]*\):.*/=== \1 0/p' -e 's/^%%% FAILED: \([^:]*:[0-9]*\):.*/=== \1 1/p' "${name%.tst}.trs"
  done < "/tmp/names.$$"
  ;;
esac
