# Debian: subversion
set -euo pipefail
cd /tmp
svnadmin create r
svn co -q file:///tmp/r w
cd w
echo a > a
svn add -q a
svn ci -q -m x
svn up -q
svn log | grep r1
