# Debian: mariadb-server
set -euo pipefail
mkdir -p /run/mysqld
chown mysql /run/mysqld
mariadb-install-db --user=mysql --datadir=/tmp/my
mariadbd --user=mysql --datadir=/tmp/my --socket=/tmp/my.sock --skip-networking &
sql() { mariadb -S /tmp/my.sock -N -e "$1"; }
until sql 'select 1'; do sleep 1; done
sql 'create database d; create table d.t(a int primary key, b text) engine=innodb'
sql 'insert into d.t select seq, md5(seq) from d.seq_1_to_1000'
sql 'select sum(a) from d.t' | grep 500500
mariadb-admin -S /tmp/my.sock shutdown
wait
