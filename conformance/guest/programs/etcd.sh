# Debian: etcd-server etcd-client
# Image: servers
set -euo pipefail
etcd --data-dir /tmp/etcd > /tmp/etcd.log 2>&1 &
until etcdctl endpoint health > /dev/null 2>&1; do sleep 0.5; done
etcdctl put key one
etcdctl watch key > /tmp/watched &
sleep 1
etcdctl put key two
[ "$(etcdctl get key --print-value-only)" = two ]
until grep two /tmp/watched > /dev/null; do sleep 0.5; done
kill %2 %1
wait %1 || true
etcd --data-dir /tmp/etcd > /tmp/etcd.log 2>&1 &
until etcdctl endpoint health > /dev/null 2>&1; do sleep 0.5; done
[ "$(etcdctl get key --print-value-only)" = two ]
