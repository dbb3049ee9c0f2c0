/**
 * Goal: Debian's own nft, iptables and conntrack make rules and see what comes of them; what is masqueraded reaches the
 * host's network. Method: one machine with three networks, of which the first is a router; the host's network is one
 * that the test makes. What rules are in detail is shown in packages/netfilter and by
 * packages/kernel/src/socket/ip/packet-filter.test.ts, the way out by network-uplink.test.ts there.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { launcher, run, stratos } from "./support/stratos.ts";
import { ensureImage, TEST_HOME } from "./support/test-image.ts";

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

/** An address that connections come from, and one behind it with a server that says a megabyte and listens to none. */
const HOST = `
ip link set lo up; ip addr add 198.51.100.7/32 dev lo
ip link add out type veth peer name end; ip addr add 192.0.2.10/24 dev out
ip link set out up; ip link set end up
node=$1; shift
"$node" -e 'require("net").createServer((one) => one.end("x".repeat(1e6))).listen(80, "198.51.100.7")' > /dev/null &
"$@"; status=$?
kill $!; exit $status
`;
const OUT = `
ip netns add a; ip link add to-a type veth peer name eth netns a
ip addr add 10.1.0.1/24 dev to-a; ip link set to-a up
ip -n a addr add 10.1.0.2/24 dev eth; ip -n a link set eth up; ip -n a route add default via 10.1.0.1
echo 1 > /proc/sys/net/ipv4/ip_forward
iptables -t nat -A POSTROUTING -s 10.1.0.0/24 -o eth0 -j MASQUERADE
ip netns exec a nc -w 20 198.51.100.7 80 < /dev/null | wc -c
ip netns exec a nc -vz -w 20 198.51.100.7 81 2>&1 | grep -o 'Connection refused'
ip netns exec a nc -vz -w 20 198.51.100.8 80 2>&1 | grep -o 'No route to host'
ip netns exec a ping -c1 -W5 198.51.100.7 | grep -o 'Packet filtered'
`;

extendedTest("who is behind a router that masquerades has the host's network, as rules of the run allow", async () => {
  await ensureImage(IMAGE, PACKAGES);
  const folder = mkdtempSync(join(tmpdir(), "stratos-way-out-"));
  const recording = join(folder, "recording");
  const machine = ["run", "-i", IMAGE, "--net", "host", "--deny", "198.51.100.8", "--record", recording];
  const command = [...launcher, ...machine, "--", "sh", "-c", OUT];
  const made = await run(["unshare", "-n", "sh", "-c", HOST, "sh", process.execPath, ...command], {
    env: { STRATOS_HOME: TEST_HOME },
  });
  const said = ["1000000", "Connection refused", "No route to host", "Packet filtered", ""];
  assert.deepEqual(made.stdout.split("\n"), said, made.stderr);
  assert.match(made.stderr, /denied: 198\.51\.100\.8, port 80 \(tcp\)/);
  const repeated = await stratos(["replay", recording]);
  assert.deepEqual(repeated.stdout.split("\n"), said, repeated.stderr);
  rmSync(folder, { recursive: true });
});
