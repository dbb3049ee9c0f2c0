# Debian: git
set -euo pipefail
cd /tmp
git init -q --bare g.git
git clone -q g.git c
cd c
git config user.email a@b
git config user.name a
echo x > x
git add x
git commit -qm x
git push -q origin HEAD
git daemon --base-path=/tmp --export-all --reuseaddr --port=7022 --detach
sleep 1
git clone -q git://127.0.0.1:7022/g.git /tmp/c2
test -f /tmp/c2/x
git gc -q
git fsck
