# Debian: mercurial
set -euo pipefail
mkdir /tmp/r
cd /tmp/r
hg init
echo a > a
hg add -q a
hg ci -m x -u me
hg log | grep 'summary:     x'
