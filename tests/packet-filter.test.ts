/**
 * Goal: Debian's own nft, iptables and conntrack make rules and see what comes of them. Method: one machine with three
 * networks, of which the first is a router; what rules are in detail is shown in packages/netfilter and by
 * packages/kernel/src/socket/ip/packet-filter.test.ts.
 */
import assert from "node:assert/strict";
import { extendedTest } from "@stratos/base/testing";
import { stratos } from "./support/stratos.ts";
import { ensureImage } from "./support/test-image.ts";

const IMAGE = "networks-1";
const PACKAGES = ["nftables", "iptables", "conntrack", "iproute2", "iputils-ping", "netcat-openbsd"];

const SCRIPT = `
join() {
  ip netns add $1; ip link add to-$1 type veth peer name eth netns $1
  ip addr add 10.$2.0.1/24 dev to-$1; ip link set to-$1 up
  ip -n $1 addr add 10.$2.0.2/24 dev eth; ip -n $1 link set eth up; ip -n $1 route add default via 10.$2.0.1
}
join a 1; join b 2
echo 1 > /proc/sys/net/ipv4/ip_forward
reaches() { ip netns exec a ping -c1 -W2 -q 10.2.0.2 >/dev/null && echo "$1 reached" || echo "$1 not reached"; }
ip -n b route del default
reaches "without a way back:"
iptables -t nat -A POSTROUTING -s 10.1.0.0/24 -o to-b -j MASQUERADE
reaches "masqueraded:"
iptables -t nat -A PREROUTING -p tcp -m addrtype --dst-type LOCAL --dport 8080 -j DNAT --to-destination 10.2.0.2:80
ip netns exec b sh -c 'seq 30000 | nc -l -p 80 -q 0 > /dev/null &'
sleep 0.5
ip netns exec a nc -w 5 10.1.0.1 8080 < /dev/null | tail -n 1
conntrack -L -p tcp 2>/dev/null | grep -o 'sport=80 '
ip netns exec b nft -f - <<'RULES'
table inet f {
  set good { type ipv4_addr; elements = { 10.9.9.9 } }
  chain in { type filter hook input priority 0; policy drop; ip saddr @good counter accept; }
}
RULES
reaches "filtered:"
ip netns exec b nft add element inet f good { 10.2.0.1 }
reaches "allowed:"
ip netns exec b nft list ruleset | grep -c 'counter packets 1 '
iptables-save -t nat | grep -c MASQUERADE
nft delete chain ip nat NOWHERE 2>&1 | head -n 1
`;

extendedTest("Debian's iptables, nft and conntrack rule what goes between networks", async () => {
  await ensureImage(IMAGE, PACKAGES);
  const { stdout, stderr, status } = await stratos(["run", "-i", IMAGE, "--", "sh", "-c", SCRIPT]);
  assert.equal(status, 0, stderr);
  assert.deepEqual(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.trimEnd()),
    [
      "without a way back: not reached",
      "masqueraded: reached",
      "30000",
      "sport=80",
      "filtered: not reached",
      "allowed: reached",
      "1",
      "1",
      "Error: Could not process rule: No such file or directory",
    ],
  );
});
