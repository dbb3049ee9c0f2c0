/**
 * Goal: packets are of one flow for symhash where they are on Linux. Method: packets of many kinds in groups; which are
 * in one was recorded from Linux 6.18, by rules that wrote the hash of each into a set. (Its values are none that could
 * be compared: Linux draws their key anew at each start.)
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import {
  IPPROTO_AH,
  IPPROTO_DCCP,
  IPPROTO_DSTOPTS,
  IPPROTO_ESP,
  IPPROTO_FRAGMENT,
  IPPROTO_GRE,
  IPPROTO_HOPOPTS,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_IGMP,
  IPPROTO_IPIP,
  IPPROTO_IPV6,
  IPPROTO_ROUTING,
  IPPROTO_SCTP,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
} from "@stratos/abi";
import { PacketView } from "../track/packet-view.ts";
import { readFlow } from "./flow.ts";
import { scaled } from "./hash.ts";

const NEW = 253;

interface How {
  /** As it stands in the header, with its flags. */
  readonly fragment?: number;
  readonly options?: readonly number[];
}

function v4(source: number, target: number, protocol: number, body: readonly number[], how: How = {}): number[] {
  const { fragment = 0, options = [] } = how;
  const header = [0x45 + options.length / 4, 0, 0, 20 + options.length + body.length, 0, 7, fragment >> 8];
  header.push(fragment & 255, 64, protocol, 0, 0, 127, 0, 0, source, 127, 0, 0, target);
  return [...header, ...options, ...body];
}

function v6(source: number, target: number, next: number, body: readonly number[], label = 0): number[] {
  const address = (last: number): number[] => [...new Array<number>(15).fill(0), last];
  return [0x60, 0, 0, label, 0, body.length, next, 64, ...address(source), ...address(target), ...body];
}

/** Of any protocol: two ports and then `rest`. */
function ports(source: number, target: number, rest: readonly number[] = [0, 8, 0, 0]): number[] {
  return [source >> 8, source & 255, target >> 8, target & 255, ...rest, 0, 0, 0, 0, 0, 0, 0, 0];
}

const gre = (flags: number, type: number, packet: readonly number[]): number[] => {
  const fields = [0x80, 0x20, 0x10].filter((flag) => (flags & flag) !== 0).flatMap(() => [9, 9, 9, 9]);
  return [flags, 0, type >> 8, type & 255, ...fields, ...packet];
};

function flowOf(bytes: readonly number[]): string {
  const packet = new PacketView();
  packet.begin(Uint8Array.from(bytes), 0, bytes.length);
  return Buffer.from(readFlow(packet)).toString("hex");
}

/** Packets of one list are of one flow, those of two lists never. */
function assertGroups(groups: readonly (readonly number[][])[]): void {
  const flows = groups.map((group) => new Set(group.map(flowOf)));
  for (const [index, flow] of flows.entries())
    assert.equal(flow.size, 1, `the group ${index} is of ${flow.size} flows`);
  assert.equal(new Set(flows.flatMap((flow) => [...flow])).size, groups.length);
}

const ab = ports(1000, 2000);
const udp = v4(1, 2, IPPROTO_UDP, ab);

it("both directions are one flow; addresses and ports are ordered each for themselves", () => {
  assertGroups([
    [
      udp,
      v4(2, 1, IPPROTO_UDP, ports(2000, 1000)),
      v4(1, 2, IPPROTO_UDP, ports(2000, 1000)),
      v4(1, 2, IPPROTO_UDP, ab, { options: [1, 1, 1, 0] }),
    ],
    [v4(1, 2, IPPROTO_UDP, ports(1000, 2001))],
    [v4(1, 1, IPPROTO_UDP, ab), v4(1, 1, IPPROTO_UDP, ports(2000, 1000))],
    [v4(1, 2, IPPROTO_TCP, ab), v4(2, 1, IPPROTO_TCP, ports(2000, 1000))],
    [v6(1, 2, IPPROTO_UDP, ab), v6(2, 1, IPPROTO_UDP, ports(2000, 1000)), v6(1, 2, IPPROTO_UDP, ab, 5)],
  ]);
});

it("only protocols that have ports are told apart by them, behind what AH has first", () => {
  const others = (protocol: number): number[][] => [v4(1, 2, protocol, ports(1001, 2000))];
  const withPorts = [IPPROTO_DCCP, IPPROTO_ESP, IPPROTO_SCTP, IPPROTO_UDPLITE].flatMap((protocol) => [
    [
      v4(1, 2, protocol, ab),
      v4(2, 1, protocol, ports(2000, 1000)),
      v4(1, 2, protocol, ports(1000, 2000, [1, 2, 3, 4])),
    ],
    others(protocol),
  ]);
  const icmp = (type: number, id: number, sequence: number): number[] => [type, 0, 17, 18, 0, id, 0, sequence];
  assertGroups([
    ...withPorts,
    [v4(1, 2, IPPROTO_AH, ab), ...others(IPPROTO_AH)],
    [v4(1, 2, IPPROTO_AH, ports(1000, 2000, [1, 2, 3, 4]))],
    [
      v4(1, 2, IPPROTO_ICMP, icmp(8, 1, 1)),
      v4(1, 2, IPPROTO_ICMP, icmp(8, 2, 9)),
      v4(2, 1, IPPROTO_ICMP, icmp(0, 1, 1)),
    ],
    [v4(1, 2, IPPROTO_IGMP, [0x16, 0, 1, 2, 3, 4]), v4(1, 2, IPPROTO_IGMP, [0x17, 0, 5, 6, 7, 8])],
    [v4(1, 2, NEW, ab), ...others(NEW)],
    [v6(1, 2, IPPROTO_ICMPV6, icmp(128, 1, 1)), v6(2, 1, IPPROTO_ICMPV6, icmp(129, 1, 2))],
  ]);
});

it("the parts of a packet are one flow, without ports", () => {
  const part = (offset: number): number[] => [IPPROTO_UDP, 0, offset >> 8, offset & 255, 0, 0, 0, 1];
  assertGroups([
    [udp],
    [
      v4(1, 2, IPPROTO_UDP, ab, { fragment: 0x2000 }),
      v4(1, 2, IPPROTO_UDP, ab, { fragment: 0x0010 }),
      v4(1, 2, IPPROTO_UDP, ports(7, 8), { fragment: 0x0010 }),
    ],
    [v6(1, 2, IPPROTO_UDP, ab)],
    [0, 1, 0x11].map((offset) => v6(1, 2, IPPROTO_FRAGMENT, [...part(offset), ...ab])),
  ]);
});

it("extension headers of IPv6 are passed over", () => {
  const [hops, routing, options] = [IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS];
  const header = (next: number): number[] => [next, 0, 1, 4, 0, 0, 0, 0];
  assertGroups([
    [
      v6(1, 2, IPPROTO_UDP, ab),
      ...[hops, routing, options].map((first) => v6(1, 2, first, [...header(IPPROTO_UDP), ...ab])),
      v6(1, 2, hops, [...header(options), ...header(IPPROTO_UDP), ...ab]),
    ],
    // One header more than is looked at.
    [v6(1, 2, options, [...new Array(15).fill(header(options)).flat(), ...header(IPPROTO_UDP), ...ab])],
  ]);
});

it("of tunnels it is the packet within that counts", () => {
  const others = v4(1, 3, IPPROTO_UDP, ab);
  assertGroups([
    [
      udp,
      v4(1, 2, IPPROTO_IPIP, udp),
      v4(2, 1, IPPROTO_IPIP, udp),
      v4(1, 2, IPPROTO_GRE, gre(0, 0x800, udp)),
      v4(1, 3, IPPROTO_GRE, gre(0xb0, 0x800, udp)),
      v6(1, 2, IPPROTO_IPIP, udp),
    ],
    [others, v4(1, 2, IPPROTO_IPIP, others), v4(1, 2, IPPROTO_GRE, gre(0, 0x800, others))],
    [v6(1, 2, IPPROTO_UDP, ab), v4(1, 2, IPPROTO_IPV6, v6(1, 2, IPPROTO_UDP, ab))],
    // With a route, or something else in it, GRE is not looked into.
    [v4(1, 2, IPPROTO_GRE, gre(0x40, 0x800, udp)), v4(1, 2, IPPROTO_GRE, gre(0, 0x806, others))],
  ]);
});

it("what ends early is of a flow, too", () => {
  for (const whole of [v4(1, 2, IPPROTO_GRE, gre(0xb0, 0x86dd, v6(1, 2, IPPROTO_HOPOPTS, [17, 0, 1, 4, 0, 0]))), udp])
    for (let size = 20; size <= whole.length; size++) assert.equal(flowOf(whole.slice(0, size)).length, 80);
});

it("hashes are scaled without rounding", () => {
  for (const word of [0, 1, 0xffff, 0x10000, 0x7fffffff, 0xfffffffe, 0xffffffff, 0xffffff01])
    for (const modulus of [1, 16, 1000003, 0x55555555, 0xfefefeff, 0xffffffff])
      assert.equal(scaled(word, modulus), Number((BigInt(word) * BigInt(modulus)) >> 32n), `${word} × ${modulus}`);
});
