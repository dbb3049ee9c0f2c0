# Debian: docker.io docker-cli docker-buildx docker-compose iproute2 curl busybox-static
# Image: containers
# The daemon, containerd and runc as Debian has them; the daemon makes its rules by iptables.
set -euo pipefail
# To its end: who writes would be told of a reader that is gone.
has() { grep "$@" > /dev/null; }
bash /guest/small-root.sh /tmp/root.tar
dockerd > /tmp/dockerd.log 2>&1 &
trap 'status=$?; [ $status = 0 ] || tail -n 20 /tmp/dockerd.log' EXIT
for ((at = 0; at < 120; at++)); do docker info > /tmp/info 2> /tmp/warnings && break; sleep 0.5; done
grep -q 'Cgroup Version: 2' /tmp/info
grep -q 'Storage Driver: overlay2' /tmp/info
export DOCKER_BUILDKIT=0

# What a container prints, is told and ends with.
docker import /tmp/root.tar box
test "$(docker run --rm -e WORD=hello box sh -c 'echo $WORD from $(id -u)')" = 'hello from 0'
status=0; docker run --rm box sh -c 'exit 7' || status=$?; test $status = 7
docker run --rm box ip -o addr show eth0 | has 'inet 172.17.'

# A server: its published port, other containers, the host's network, exec, logs, pause.
docker run -d --name web -p 8081:80 box sh -c 'echo page > /srv/index.html; echo begins; exec httpd -f -h /srv'
for ((at = 0; at < 40; at++)); do curl -fsS -m 10 http://127.0.0.1:8081/ > /tmp/page && break; sleep 0.5; done
grep -qx page /tmp/page
address=$(docker inspect -f '{{.NetworkSettings.IPAddress}}' web)
docker run --rm box wget -T 10 -qO- "http://$address/" | has -x page
docker run --rm --link web box wget -T 10 -qO- http://web/ | has -x page
docker run --rm --network host box wget -T 10 -qO- http://127.0.0.1:8081/ | has -x page
docker exec web ps | has httpd
docker logs web | has -x begins
docker pause web > /dev/null
docker ps | has Paused
docker unpause web > /dev/null
docker stats --no-stream web | has web
docker rm -f web > /dev/null
docker network create inner > /dev/null
docker run --rm --network inner box ip route | has '^default via 172.18.0.1'
docker run -d --name named --network inner box sh -c 'echo named > /srv/index.html; exec httpd -f -h /srv'
for ((at = 0; at < 20; at++)); do docker run --rm --network inner box wget -T 5 -qO- http://named/ > /tmp/named && break; done
grep -qx named /tmp/named
docker rm -f named > /dev/null

# Limits.
test "$(docker run --rm --memory 16m box cat /sys/fs/cgroup/memory.max)" = $((16 << 20))
status=0; docker run --name fat --memory 16m box tail /dev/zero || status=$?; test $status = 137
docker inspect -f '{{.State.OOMKilled}}' fat | has -x true
test "$(docker run --rm --pids-limit 8 box cat /sys/fs/cgroup/pids.max)" = 8
! docker run --rm --pids-limit 8 box sh -c 'for i in 1 2 3 4 5 6 7 8 9; do sleep 1 & done; wait' 2> /tmp/forks
grep -q "can't fork" /tmp/forks
! docker run --rm --read-only box touch /x 2> /tmp/touch
grep -q 'Read-only file system' /tmp/touch

# Volumes, and an image that is built.
docker run --rm -v kept:/kept box sh -c 'echo word > /kept/file'
docker run --rm -v kept:/kept box cat /kept/file | has -x word
mkdir /tmp/context
echo copied > /tmp/context/file
printf 'FROM box\nRUN echo built > /built\nCOPY file /file\nCMD ["cat", "/built", "/file"]\n' > /tmp/context/Dockerfile
docker build -q -t built /tmp/context
test "$(docker run --rm built | tr '\n' ' ')" = 'built copied '
DOCKER_BUILDKIT=1 docker build -q -t built-by-buildkit /tmp/context
test "$(docker run --rm built-by-buildkit | tr '\n' ' ')" = 'built copied '

# Two that belong together, one of which is waited for until it is healthy.
cat > /tmp/context/compose.yaml <<'END'
services:
  web:
    image: box
    command: sh -c "sleep 1; echo page > /srv/index.html; exec httpd -f -h /srv"
    ports: ["8083:80"]
    healthcheck: {test: [CMD, wget, -qO-, "http://127.0.0.1/"], interval: 1s}
  other: {image: box, command: sleep 1000, depends_on: {web: {condition: service_healthy}}}
END
cd /tmp/context
docker-compose up -d
docker-compose ps other | has Up
curl -fsS -m 10 http://127.0.0.1:8083/ | has -x page
docker-compose down -t 0
