# For tests as a package installs them: the loop over their names (/usr/share/installed-tests/SUITE). Names on standard
# input.
run_installed_tests() {
  while read -r name; do
    program=$(sed -n 's/^Exec=//p' "/usr/share/installed-tests/$1/$name.test")
    rm -rf /tmp/work && mkdir -p /tmp/work && cd /tmp/work || exit 1
    timeout -k 5 "$LIMIT" sh -c "exec $program" > /tmp/out 2>&1 < /dev/null
    echo "=== $name $?"
  done
}
