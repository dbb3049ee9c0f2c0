# Debian: sqlite3 lmdb-utils
set -euo pipefail
cd /tmp
sqlite3 a.db 'pragma journal_mode = wal; create table t(a); insert into t values(1), (2); select sum(a) from t' | grep 3
mkdir l
printf 'VERSION=3\nformat=bytevalue\ntype=btree\nmapsize=1048576\nHEADER=END\n 61\n 62\nDATA=END\n' | mdb_load l
mdb_dump l | grep 62
