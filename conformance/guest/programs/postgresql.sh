# Debian: postgresql postgresql-contrib
# Image: large
# Parallel writers, a lost server, and what it had promised.
set -euo pipefail
bin=$(ls -d /usr/lib/postgresql/*/bin)
as() { setpriv --reuid postgres --regid postgres --init-groups env HOME=/tmp PATH="$bin:$PATH" "$@"; }
cd /tmp
as initdb -D /tmp/data > log.init
as pg_ctl -D /tmp/data -w -l /tmp/log -o '-k /tmp' start
sql() { as psql -h /tmp -X -A -t -q "$@"; }
as createdb -h /tmp bench
as pgbench -h /tmp -i -q bench
as pgbench -h /tmp -c 4 -t 50 bench | grep 'actually processed: 200/200'
test "$(sql -d bench -c 'select sum(abalance) = (select sum(delta) from pgbench_history) from pgbench_accounts')" = t
sql -d bench -c "create table words (id serial primary key, word text unique, at jsonb)"
sql -d bench -c "insert into words (word, at) select 'w' || i, jsonb_build_object('n', i) from generate_series(1, 5000) i"
sql -d bench -c "explain select * from words where word = 'w77'" | grep 'Index Scan'
test "$(sql -d bench -c "select at->>'n' from words where word = 'w77'")" = 77
head -1 data/postmaster.pid | xargs kill -QUIT
for ((at = 0; at < 100; at++)); do [ -e data/postmaster.pid ] || break; sleep 0.1; done
as pg_ctl -D /tmp/data -w -l /tmp/log -o '-k /tmp' start
test "$(sql -d bench -c 'select count(*) from words')" = 5000
as pg_ctl -D /tmp/data -w -m fast stop
