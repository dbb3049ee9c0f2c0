# Debian: podman crun netavark aardvark-dns slirp4netns passt uidmap iproute2 curl busybox-static nftables
# Image: containers
# By root, over netavark's bridges with names by aardvark-dns and rules by nft; then by a user, over pasta and
# slirp4netns. Ports are published by both.
set -euo pipefail
# To its end: who writes would be told of a reader that is gone.
has() { grep "$@" > /dev/null; }
bash /guest/small-root.sh /tmp/root.tar
mkdir -p /etc/containers
printf '[engine]\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n' > /etc/containers/containers.conf

podman import -q /tmp/root.tar box
test "$(podman run --rm -e WORD=hello box sh -c 'echo $WORD from $(id -u)')" = 'hello from 0'
status=0; podman run --rm box sh -c 'exit 7' || status=$?; test $status = 7
podman run --rm box ip -o addr show eth0 | has 'inet 10.88.'

# Two that know each other by name.
podman network create inner
podman run -d --name web --network inner box sh -c 'echo page > /srv/index.html; echo begins; exec httpd -f -h /srv'
podman run --rm --network inner box wget -T 10 -qO- http://web/ | has -x page
podman exec web ps | has httpd
podman logs web | has -x begins
podman pause web
podman ps -a | has Paused
podman unpause web
podman stats --no-stream web | has web
podman rm -t 0 -f web

# What is published goes by translated addresses: from another network, and over the loopback.
podman run -d --name published -p 8084:80 box sh -c 'echo page > /srv/index.html; exec httpd -f -h /srv'
way=$(podman network inspect -f '{{(index .Subnets 0).Gateway}}' inner)
podman run --rm --network inner box wget -T 10 -qO- "http://$way:8084/" | has -x page
curl -fsS -m 10 http://127.0.0.1:8084/ | has -x page
podman rm -t 0 -f published

# A pod, whose containers have one network.
podman pod create --name both --infra-image box --infra-command 'sleep 1000'
podman run -d --pod both --name server box sh -c 'echo podded > /srv/index.html; exec httpd -f -h /srv'
for ((at = 0; at < 20; at++)); do podman run --rm --pod both box wget -T 5 -qO- http://127.0.0.1/ > /tmp/podded && break; done
grep -qx podded /tmp/podded
podman pod ps | has Running
podman pod rm -t 0 -f both

# Limits, and an image that is built.
podman run --rm --memory 16m box cat /sys/fs/cgroup/memory.max | has -x $((16 << 20))
status=0; podman run --rm --memory 16m box tail /dev/zero || status=$?; test $status = 137
podman run --rm --cpus 0.5 --cpuset-cpus 0 box cat /sys/fs/cgroup/cpu.max | has -x '50000 100000'
! podman run --rm --pids-limit 8 box sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait' 2> /tmp/forks
grep -q "can't fork" /tmp/forks
! podman run --rm --read-only box touch /x 2> /tmp/touch
grep -q 'Read-only file system' /tmp/touch
mkdir /tmp/context
printf 'FROM localhost/box\nRUN echo built > /built\nCMD ["cat", "/built"]\n' > /tmp/context/Dockerfile
podman build -q -t built /tmp/context
podman run --rm built | has -x built

# By a user: pasta and slirp4netns carry what is published.
useradd -m box
mkdir -m 700 /run/user-box
chown box: /run/user-box
cat > /tmp/user.sh <<'END'
set -euo pipefail
export XDG_RUNTIME_DIR=/run/user-box HOME=/home/box USER=box
cd
podman import -q /tmp/root.tar box
test "$(podman run --rm box id -u)" = 0
test "$(podman run --rm --user 7 box id -u)" = 7
for network in pasta slirp4netns; do
  podman run -d --name $network --network $network -p 8082:80 box \
    sh -c 'echo page > /srv/index.html; exec httpd -f -h /srv'
  for ((at = 0; at < 40; at++)); do curl -fsS -m 10 http://127.0.0.1:8082/ > ~/page && break; sleep 0.5; done
  grep -qx page ~/page
  rm ~/page
  podman rm -t 0 -f $network
done
END
setpriv --reuid box --regid box --init-groups --inh-caps=-all bash /tmp/user.sh
