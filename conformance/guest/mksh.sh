# mksh's own tests, all by one program; those whose names are on standard input are told of.
cat > /tmp/names
cp /suite/source/check.pl /suite/source/check.t /tmp && cd /tmp || exit 1
timeout -k 5 "$((10 * LIMIT))" perl check.pl -s check.t -v -p /bin/mksh -C shell:legacy-no,int:32,fastbox \
  > /tmp/out 2>&1 < /dev/null
sed -n 's/^pass check\.t:\([^ ]*\).*/=== \1 0/p; s/^FAIL check\.t:\([^ ]*\).*/=== \1 1/p' /tmp/out |
  awk 'NR == FNR { wanted[$1]; next } $2 in wanted' /tmp/names -
