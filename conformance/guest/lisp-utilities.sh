# busybox' tests of utilities, or onetrue-awk's, by programs of another one that is called by their names.
# Arguments: the suite (busybox, awk), the program (absent: those of the PATH). On standard input names of utilities.
# What is told: lines `=== STATUS UTILITY TEST`.
SUITE=${SUITE:-/suite} WORK=${WORK:-/tmp/work} LIMIT=${LIMIT:-30}
unset LC_ALL LC_CTYPE
export LANG=C TZ=UTC0
mkdir -p "$WORK/bin" && cat > "$WORK/names" || exit 1
[ "$1" != awk ] || echo awk > "$WORK/names"
[ -z "$2" ] || while read -r name; do ln -sf "$2" "$WORK/bin/$name"; done < "$WORK/names"
case $1 in
busybox)
  cp -r "$SUITE/source/testsuite" "$WORK" && cd "$WORK/testsuite" || exit 1
  # `busybox NAME` is the utility, not the shell's own.
  printf '#!/bin/sh\nexec "$@"\n' > "$WORK/bin/busybox" && chmod +x "$WORK/bin/busybox"
  : > "$WORK/.config"
  printf '#!/bin/bash\nbuiltin echo "$@"\n' > "$WORK/bin/echo-ne" && chmod +x "$WORK/bin/echo-ne"
  export ECHO="$WORK/bin/echo-ne" PATH="$WORK/bin:$WORK/testsuite:$PATH" bindir="$WORK" tsdir="$WORK/testsuite"
  # Whatever a test wants of an option is there.
  export OPTIONFLAGS=:$(cat *.tests | grep -oE '\b[A-Z][A-Z0-9]*_[A-Z0-9_]+\b' | sort -u | tr '\n' ':')
  while read -r name; do
    for test in "$name"/*; do
      [ -f "$test" ] || continue
      rm -rf .work && mkdir .work && cd .work || exit 1
      d=$tsdir timeout -k 5 "$LIMIT" sh -x -e "../$test" > "$WORK/out" 2>&1 < /dev/null && status=0 || status=1
      cd .. || exit 1
      [ "$status" -eq 0 ] || { echo "=== $test"; cat "$WORK/out"; } >> "${LOGS:-/dev/null}"
      echo "=== $status $name ${test#*/}"
    done
    [ -f "$name.tests" ] || continue
    VERBOSE=1 timeout -k 5 "$((2 * LIMIT))" "./$name.tests" > "$WORK/out" 2>&1 < /dev/null
    echo "=== $name.tests" >> "${LOGS:-/dev/null}"; cat "$WORK/out" >> "${LOGS:-/dev/null}"
    sed -n "s/^PASS: \(.*\)/=== 0 $name \1/p; s/^FAIL: \(.*\)/=== 1 $name \1/p" "$WORK/out"
  done < "$WORK/names"
  ;;
awk)
  cp -r "$SUITE/source/testdir" "$SUITE/source/bugs-fixed" "$WORK" && cd "$WORK/testdir" || exit 1
  export PATH="$WORK/bin:$PATH"
  # Programs whose output another awk has written down, for each the same two files; and bugs with their outcome.
  for test in t.* p.*; do
    case $test in p.*) input=test.countries ;; *) input=test.data ;; esac
    timeout -k 5 "$LIMIT" awk -f "$test" "$input" > "$WORK/out" 2> /dev/null < /dev/null
    cmp -s "$WORK/out" "$SUITE/right/$test" && status=0 || status=1
    [ "$status" -eq 0 ] || { echo "=== $test"; diff "$SUITE/right/$test" "$WORK/out"; } >> "${LOGS:-/dev/null}"
    echo "=== $status awk $test"
  done
  cd ../bugs-fixed || exit 1
  for test in *.awk; do
    name=${test%.awk}
    [ -f "$name.ok" ] || continue
    input=/dev/null
    [ ! -f "$name.in" ] || input=$name.in
    timeout -k 5 "$LIMIT" awk -f "$test" "$input" > "$WORK/out" 2> /dev/null < /dev/null
    cmp -s "$WORK/out" "$name.ok" && status=0 || status=1
    [ "$status" -eq 0 ] || { echo "=== $test"; diff "$name.ok" "$WORK/out"; } >> "${LOGS:-/dev/null}"
    echo "=== $status awk $name"
  done
  ;;
esac
