# Debian: dnsmasq-base busybox isc-dhcp-client dhcpcd-base iproute2 iputils-ping net-tools
# Image: network
set -euo pipefail
ip netns add server; ip netns add client
ip link add s0 netns server type veth peer name c0 netns client
ip -n server addr add 10.5.0.1/24 dev s0; ip -n server addr add fd05::1/64 dev s0 nodad
ip -n server link set s0 up; ip -n client link set c0 up
client() { timeout 60 ip netns exec client "$@"; }
leased() { ip -n client -4 addr show c0 | grep -q 'inet 10\.5\.0\.5[0-9]/24'; client ping -c1 -W5 10.5.0.1 > /tmp/ping; }

ip netns exec server dnsmasq --no-daemon --conf-file=/dev/null --interface=s0 --bind-interfaces --user=root \
  --dhcp-range=10.5.0.50,10.5.0.59,1h --dhcp-range=fd05::50,fd05::5f,64,1h --enable-ra --leasefile-ro \
  --dhcp-option=3,10.5.0.1 2> /tmp/server &
for turn in $(seq 50); do grep -q started /tmp/server && break; sleep 0.2; done

printf '#!/bin/sh\n[ "$1" = bound ] && ip addr add "$ip/24" dev "$interface"\nexit 0\n' > /tmp/bound
chmod +x /tmp/bound
client busybox udhcpc -i c0 -n -q -s /tmp/bound; leased; ip -n client addr flush dev c0
client dhclient -1 -lf /tmp/leases -pf /tmp/pid c0; leased
client dhclient -x -lf /tmp/leases -pf /tmp/pid c0; ip -n client addr flush dev c0
client dhcpcd -4 -B -1 c0; leased
client dhcpcd -6 -B -1 c0
ip -n client -6 addr show c0 | grep -q 'inet6 fd05::5'

# What the server did for who had no address yet, by hand.
ip netns exec server arp -i s0 -s 10.5.0.99 02:00:00:00:00:63
ip netns exec server arp -n | grep -q '10\.5\.0\.99 .*02:00:00:00:00:63 *CM'
ip netns exec server arp -i s0 -d 10.5.0.99
