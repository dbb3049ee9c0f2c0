# Debian: bird2 iproute2
# Image: servers
# Its routes become the kernel's, and go with it.
set -euo pipefail
mkdir -p /run/bird
cat > /tmp/bird.conf <<'END'
router id 1.1.1.1;
protocol device {}
protocol kernel { ipv4 { export all; }; }
protocol static { ipv4; route 10.77.0.0/16 blackhole; route 10.78.0.0/16 unreachable; route 10.79.0.0/16 via "lo"; }
END
bird -c /tmp/bird.conf
for route in 'blackhole 10.77.0.0/16' 'unreachable 10.78.0.0/16' '10.79.0.0/16 dev lo'; do
  until ip route | grep "^$route proto bird" > /dev/null; do sleep 0.5; done
done
birdc show route | grep 10.77.0.0/16
birdc down
while ip route | grep bird > /dev/null; do sleep 0.5; done
