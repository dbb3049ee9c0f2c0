# Debian: dnsmasq python3
set -euo pipefail
dnsmasq -p 7013 --listen-address=127.0.0.1 --bind-interfaces --address=/x.test/10.1.2.3 --no-resolv --user=root
sleep 1
python3 - <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.settimeout(20)
s.sendto(b"\x12\x34\x01\x00\0\1\0\0\0\0\0\0\1x\4test\0\0\1\0\1", ("127.0.0.1", 7013))
assert bytes([10, 1, 2, 3]) in s.recv(512)
END
