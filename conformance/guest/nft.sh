#!/bin/bash
# Tests of nftables, one after the other, by its own runner: names of them come in, `NAME STATUS` goes out, where STATUS
# is ok, skipped or failed. /source is its source; each test has a network of its own.
set -u
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
export NFT=/usr/sbin/nft DIFF=/usr/bin/diff NFT_TEST_JOBS=0 NFT_TEST_SHUFFLE_TESTS=n
# It would unload the modules of netfilter between tests, of which there are none.
ln -sf /bin/true /usr/sbin/modprobe
mkdir -p /nft/tests
cp -a /source/tests/shell /nft/tests/
cd /nft/tests/shell || exit 1
mapfile -t names
./run-tests.sh -Q -k "${names[@]}" > /tmp/log 2>&1
# "OK", "SKIPPED"; "FAILED", "DUMP FAIL" and others: what it lists afterwards is not as it should be.
sed -n 's/^.: \[\([A-Z ]*\)\] *[0-9]*\/[0-9]* testcases\/\(.*\)$/\2 \L\1/p' /tmp/log | sed '/ ok$/b; / skipped$/b; s/ .*/ failed/'
for failed in /tmp/nft-test.*/*/rc-failed; do
  [ -e "$failed" ] || continue
  folder=$(dirname "$failed")
  printf '=== %s\n' "$(cat "$folder/name")"
  tail -n 20 "$folder/testout.log"
done >&2
