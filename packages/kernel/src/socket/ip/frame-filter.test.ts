/**
 * Goal: rules of devices, bridges and ARP see frames where Linux's do, flow tables take connections off the rules, and
 * rules of IP see a frame's header and echo requests over the loopback. Method: rulesets as nft(8) sends them, programs
 * of three networks, two behind a router, and frames of a packet socket through a bridge.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  AF_NETLINK,
  AF_PACKET,
  EAGAIN,
  IPPROTO_ICMP,
  MSG_DONTWAIT,
  NETLINK_EXT_ACK,
  NETLINK_NETFILTER,
  SOCK_DGRAM,
  SOCK_RAW,
  SOL_NETLINK,
} from "@stratos/abi";
import { passOn, RULESETS, routed, type Station } from "../../testing/network-world.ts";
import { attribute, linkRequest, RouteClient } from "../../testing/route-client.ts";
import { inet, SocketTask } from "../../testing/socket-task.ts";

const B = "10.2.0.2";

function load(user: SocketTask, name: string): void {
  const fd = user.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  for (const sent of RULESETS[name]!.sent.split(" "))
    assert.equal(user.send(fd, Buffer.from(sent, "hex")), sent.length / 2);
  assert.equal(user.receive(fd, 1000, MSG_DONTWAIT), -EAGAIN, "nothing was refused");
}

function open(): ReturnType<typeof routed> {
  const ends = routed();
  passOn(ends.router);
  return ends;
}

function hear({ user }: Station, port: number): number {
  const fd = user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(user.bind(fd, inet("0.0.0.0", port)), 0);
  return fd;
}

function tell({ user }: Station, to: string, port: number, from = 0): number {
  const fd = user.socket(AF_INET, SOCK_DGRAM);
  if (from !== 0) assert.equal(user.bind(fd, inet("0.0.0.0", from)), 0);
  assert.equal(user.send(fd, "hello", 0, inet(to, port)), 5);
  return fd;
}

const take = ({ user }: Station, fd: number): string | number => user.receive(fd, 9000, MSG_DONTWAIT);

describe("rules of a device", () => {
  it("drop what comes in by it, and what goes out", () => {
    const { a, b } = open();
    load(a.user, "ingress");
    const [seven, eight] = [hear(a, 7), hear(a, 8)];
    tell(b, "10.1.0.2", 7);
    tell(b, "10.1.0.2", 8);
    assert.deepEqual([take(a, seven), take(a, eight)], ["hello", -EAGAIN]);
    const six = hear(b, 6);
    tell(a, B, 6, 9);
    tell(a, B, 6, 10);
    assert.deepEqual([take(b, six), take(b, six)], ["hello", "hello"], "the rule is about another address");
    // Those of another device see nothing of it.
    const { user } = b;
    load(user, "ingress");
    tell(a, B, 8);
    const other = hear(b, 8);
    tell(a, B, 8);
    assert.equal(take(b, other), "hello");
  });
});

describe("rules of ARP", () => {
  it("drop questions that come in: nobody is found", () => {
    const { world, a, b } = open();
    load(b.user, "arp");
    const seven = hear(b, 7);
    tell(a, B, 7);
    world.pass(5);
    assert.equal(take(b, seven), -EAGAIN);
  });

  it("drop questions of one's own", () => {
    const { world, a, b, router } = open();
    load(router.user, "arp-out");
    const seven = hear(b, 7);
    tell(a, B, 7);
    world.pass(5);
    assert.equal(take(b, seven), -EAGAIN);
  });
});

describe("rules of IP", () => {
  it("see the header of a frame, and options of IP", () => {
    const { a, b } = open();
    load(b.user, "ethernet");
    const [seven, eight] = [hear(b, 7), hear(b, 8)];
    tell(a, B, 7);
    tell(a, B, 8);
    assert.deepEqual([take(b, seven), take(b, eight)], ["hello", -EAGAIN]);
    // What comes by the loopback has none.
    tell(b, "127.0.0.1", 8);
    assert.equal(take(b, eight), "hello");
  });

  it("see echo requests that stay in the machine", () => {
    const { a } = open();
    load(a.user, "echo");
    const fd = a.user.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    const asks = (to: string): void => {
      assert.equal(a.user.send(fd, Uint8Array.of(8, 0, 0xf7, 0xfe, 0, 1, 0, 0), 0, inet(to, 0)), 8);
    };
    asks("127.0.0.1");
    assert.equal(take(a, fd), -EAGAIN);
    asks("10.1.0.2");
    assert.equal(typeof take(a, fd), "string");
  });
});

it("a flow table's connections go by the rules", () => {
  const { a, b, router } = open();
  load(router.user, "flows");
  const [seven, eight] = [hear(b, 7), hear(b, 8)];
  const asking = tell(a, B, 7);
  const got = b.user.receiveFrom(seven, MSG_DONTWAIT) as { text: string; from: Uint8Array };
  assert.equal(got.text, "hello");
  assert.equal(b.user.send(seven, "answer", 0, got.from), 6);
  assert.equal(take(a, asking), "answer");
  // The third makes it one of the table's; the limit's last packet is used up by another connection.
  const count = (): number => {
    let heard = 0;
    while (take(b, seven) === "hello" || take(b, eight) === "hello") heard++;
    return heard;
  };
  for (let sent = 0; sent < 10; sent++) assert.equal(a.user.send(asking, "hello", 0, inet(B, 7)), 5);
  assert.equal(count(), 10);
  const other = tell(a, B, 8);
  for (let sent = 0; sent < 9; sent++) assert.equal(a.user.send(other, "hello", 0, inet(B, 8)), 5);
  assert.ok(count() < 3, "the rules see another one");
});

it("rules of bridges drop what is passed on, what comes in, and what the bridge itself sends", () => {
  const { user } = SocketTask.createMachine();
  const client = new RouteClient(user);
  const [NEWLINK, IFLA_MASTER, UP] = [16, 10, 1];
  assert.equal(client.makeKind("bridge", "br"), 0);
  for (const [port, end] of [
    ["p1", "e1"],
    ["p2", "e2"],
  ] as const) {
    assert.equal(client.makeVeth(port, end), 0);
    const master = attribute(IFLA_MASTER, [client.index("br"), 0, 0, 0]);
    assert.equal(client.ask(linkRequest(NEWLINK, { index: client.index(port) }, master)), 0);
    for (const name of [port, end]) assert.equal(client.setFlags(client.index(name), UP, UP), 0);
  }
  assert.equal(client.setFlags(client.index("br"), UP, UP), 0);
  const open = (name: string): number => {
    const fd = user.socket(AF_PACKET, SOCK_RAW, 0x0300);
    const address = new Uint8Array(20);
    const view = new DataView(address.buffer);
    view.setUint16(0, AF_PACKET, true);
    view.setUint16(2, 3, false);
    view.setInt32(4, client.index(name), true);
    assert.equal(user.bind(fd, address), 0);
    return fd;
  };
  const [one, other, bridge] = [open("e1"), open("e2"), open("br")];
  const frame = (from: number): Uint8Array =>
    Uint8Array.from([255, 255, 255, 255, 255, 255, 2, 0, 1, 0, 0, from, 0x88, 0xb5, 1, 2, 3]);
  const heard = (fd: number): number => {
    let count = 0;
    while (typeof user.receive(fd, 100, MSG_DONTWAIT) === "string") count++;
    return count;
  };
  load(user, "bridge");
  for (const from of [4, 5, 6]) user.send(one, frame(from));
  assert.deepEqual([heard(other), heard(bridge)], [1, 2], "5 isn't passed on, 6 doesn't come in");
  heard(one);
  user.send(bridge, frame(7));
  assert.deepEqual([heard(one), heard(other)], [0, 0]);
});

it("who asks for more than a number is told which attribute a request failed by", () => {
  const { user } = SocketTask.createMachine();
  const fd = user.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  // `delete chain ip t nowhere`, of a table that isn't there: NFTA_CHAIN_TABLE stands behind both headers.
  const batch = [
    "140000001000010000000000000000000000000a",
    "28000000050a050001000000000000000200000006000100740000000c0003006e6f776865726500",
    "140000001100010002000000000000000000000a",
  ].join("");
  const answer = (): number[] => {
    assert.equal(user.send(fd, Buffer.from(batch, "hex")), batch.length / 2);
    const got = user.receive(fd, 1000, MSG_DONTWAIT) as string;
    return [...got].map((letter) => letter.charCodeAt(0));
  };
  const plain = answer();
  assert.equal(user.setInt(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1), 0);
  const explained = answer();
  assert.deepEqual(plain.slice(16, 20), [254, 255, 255, 255], "ENOENT");
  assert.deepEqual([explained.length - plain.length, explained[7]! & 2], [8, 2], "NLM_F_ACK_TLVS");
  assert.deepEqual(explained.slice(-8), [8, 0, 2, 0, 20, 0, 0, 0], "NLMSGERR_ATTR_OFFS");
});
