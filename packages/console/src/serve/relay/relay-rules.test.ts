/** Goal: nothing of the relay's host, its neighbours or its cloud is reached unless exactly that is allowed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { SimulatedNetwork } from "@stratos/host";
import type { NetRule } from "@stratos/sdk/api";
import { PolicySockets } from "@stratos/sdk/policy-sockets";
import { relayPolicy } from "./relay-rules.ts";

const OWN = ["203.0.113.9", "2001:db8:9::9"];

function permits(address: string, allow: readonly NetRule[] = [], deny: readonly NetRule[] = [], port = 80): boolean {
  const policy = relayPolicy({ allow, deny }, OWN);
  const loop = { nowMs: () => 0, callSoon: () => {} };
  const sockets = new PolicySockets(new SimulatedNetwork().host([]), { policy, loop }, () => {});
  return sockets.permits({ family: address.includes(":") ? 6 : 4, address, port }, "tcp");
}

const INNER = [
  ...["127.0.0.1", "127.255.255.254", "0.0.0.0", "10.1.2.3", "172.31.0.1", "192.168.1.1", "100.64.0.1"],
  ...["169.254.169.254", "168.63.129.16", "100.100.100.200", "192.0.0.192", "224.0.0.251", "239.1.1.1"],
  ...["255.255.255.255", "198.18.0.1", "::", "::1", "fe80::1", "fec0::1", "fd00:ec2::254", "fc00::1", "ff02::fb"],
  // IPv4 in IPv6: mapped, compatible, by translators (RFC 6052, RFC 8215) and tunnels (6to4).
  ...["::ffff:127.0.0.1", "0:0:0:0:0:ffff:7f00:1", "::ffff:a9fe:a9fe", "::ffff:10.0.0.1", "::127.0.0.1"],
  ...["64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::7f00:1", "2002:7f00:1::", "2002:a00:1::1"],
  ...OWN,
  "::ffff:203.0.113.9",
];

test("without rules the internet is reached, and nothing else", () => {
  for (const address of INNER) assert.equal(permits(address), false, address);
  for (const address of ["192.0.2.1", "8.8.8.8", "2001:4860:4860::8888", "::ffff:8.8.8.8", "11.0.0.1"])
    assert.equal(permits(address), true, address);
});

test("neither a star nor a prefix of everything opens an inner network", () => {
  for (const allow of ["*", "0.0.0.0/0", "::/0"])
    for (const address of INNER) assert.equal(permits(address, [{ allow }]), false, `${allow}: ${address}`);
  assert.equal(permits("10.0.0.1", [{ allow: "8.0.0.0/5" }]), false);
});

test("what is allowed by itself is reached, and with rules nothing else is", () => {
  const local = [{ allow: "127.0.0.1", ports: [[8080, 8080]] as const }];
  assert.equal(permits("127.0.0.1", local, [], 8080), true);
  assert.equal(permits("::ffff:127.0.0.1", local, [], 8080), true);
  assert.equal(permits("127.0.0.1", local, [], 80), false);
  assert.equal(permits("127.0.0.2", local, [], 8080), false);
  assert.equal(permits("8.8.8.8", local), false);
  assert.equal(permits("8.8.8.8", [...local, { allow: "*" }]), true);
  assert.equal(permits("10.2.0.1", [{ allow: "10.2.0.0/16" }]), true);
  assert.equal(permits("10.3.0.1", [{ allow: "10.2.0.0/16" }]), false);
  assert.equal(permits("203.0.113.9", [{ allow: "203.0.113.9" }]), true);
});

test("what is denied is so even where something allows it", () => {
  assert.equal(permits("127.0.0.1", [{ allow: "127.0.0.0/8" }], [{ deny: "127.0.0.1" }]), false);
  assert.equal(permits("8.8.8.8", [], [{ deny: "8.8.8.0/24" }]), false);
  assert.equal(permits("8.8.4.4", [], [{ deny: "8.8.8.0/24" }]), true);
});
