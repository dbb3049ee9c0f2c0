/**
 * Goal: IP works between networks that a veth joins, and over bridges and routers. Method: tasks in networks of their
 * own; time is the kernel's, which each test moves.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  AF_INET6,
  EAGAIN,
  ECONNREFUSED,
  EEXIST,
  EHOSTUNREACH,
  EMSGSIZE,
  ENOENT,
  IPPROTO_ICMP,
  IPPROTO_ICMPV6,
  IPPROTO_UDP,
  MSG_DONTWAIT,
  NUD_DELAY,
  NUD_PERMANENT,
  NUD_REACHABLE,
  NUD_STALE,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
  ENETUNREACH,
  RTN_BLACKHOLE,
  RTN_UNREACHABLE,
  RTN_PROHIBIT,
  RTN_THROW,
} from "@stratos/abi";
import { attribute, linkRequest, neighbourRequest, routeRequest } from "../../testing/route-client.ts";
import { inet, inet6 } from "../../testing/socket-task.ts";
import { passOn, routed, type Station, World } from "../../testing/network-world.ts";
import { SimulatedNetwork, type SocketProvider } from "@stratos/host";
import { ipBytes, ipOfText } from "@stratos/netstack";
import { addAddress } from "../interface-changes.ts";

const UP = 1;
const ECHO = Uint8Array.of(8, 0, 0xf7, 0xff, 0, 0, 0, 0);

function pair(): { world: World; a: Station; b: Station } {
  const world = new World();
  const [a, b] = [world.first, world.station()];
  world.join(a, "left", b, "right");
  world.address(a, "left", [10, 0, 0, 1]);
  world.address(b, "right", [10, 0, 0, 2]);
  return { world, a, b };
}

describe("two networks with a veth between them", () => {
  it("exchange datagrams", () => {
    const { a, b } = pair();
    const there = b.user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(b.user.bind(there, inet("0.0.0.0", 7)), 0);
    const here = a.user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(a.user.send(here, "hello", 0, inet("10.0.0.2", 7)), 5);
    const got = b.user.receiveFrom(there, MSG_DONTWAIT) as { text: string; from: Uint8Array };
    assert.equal(got.text, "hello");
    assert.equal(b.user.send(there, "you too", 0, got.from), 7);
    assert.equal(a.user.receive(here, 100, MSG_DONTWAIT), "you too");
  });
  it("refuse what nobody hears", () => {
    const { a } = pair();
    const here = a.user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(a.user.connect(here, inet("10.0.0.2", 9)), 0);
    assert.equal(a.user.send(here, "hello"), 5);
    assert.equal(a.user.receive(here, 100, MSG_DONTWAIT), -ECONNREFUSED);
  });

  it("know who isn't there after three questions", () => {
    const { world, a } = pair();
    const here = a.user.socket(AF_INET, SOCK_DGRAM);
    a.user.setInt(here, 0, 11, 1);
    assert.equal(a.user.send(here, "hello", 0, inet("10.0.0.9", 9)), 5);
    world.pass(2);
    assert.equal(a.user.receive(here, 100, MSG_DONTWAIT), -EAGAIN);
    world.pass(2);
    assert.equal(a.user.receive(here, 100, MSG_DONTWAIT), -EHOSTUNREACH);
  });

  it("answer pings of raw and of ICMP sockets", () => {
    const { a } = pair();
    for (const type of [SOCK_RAW, SOCK_DGRAM]) {
      const fd = a.user.socket(AF_INET, type, IPPROTO_ICMP);
      assert.equal(a.user.send(fd, ECHO, 0, inet("10.0.0.2", 0)), 8);
      const got = a.user.receive(fd, 100, MSG_DONTWAIT) as string;
      assert.equal(got.charCodeAt(type === SOCK_RAW ? 20 : 0), 0, "an echo reply");
    }
  });

  it("send in parts what the link doesn't take at once", () => {
    const { a, b } = pair();
    const there = b.user.socket(AF_INET, SOCK_DGRAM);
    b.user.bind(there, inet("0.0.0.0", 7));
    const here = a.user.socket(AF_INET, SOCK_DGRAM);
    const long = "abcdefghij".repeat(600);
    assert.equal(a.user.send(here, long, 0, inet("10.0.0.2", 7)), 6000);
    assert.equal(b.user.receive(there, 7000, MSG_DONTWAIT), long);
  });
});

describe("a router between two networks", () => {
  function ping({ user }: Station, ttl = 64): string | number {
    const fd = user.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    user.setInt(fd, 0, 2, ttl);
    assert.equal(user.send(fd, ECHO, 0, inet("10.2.0.2", 0)), 8);
    return user.receive(fd, 100, MSG_DONTWAIT);
  }

  it("passes packets on when it is told to", () => {
    const { a, router } = routed();
    assert.equal(ping(a), -EAGAIN);
    passOn(router);
    const reply = ping(a) as string;
    assert.deepEqual([reply.charCodeAt(8), reply.charCodeAt(20)], [63, 0], "one hop less, an echo reply");
  });

  it("says where a packet's hops end, and that it can't be passed on whole", () => {
    const { a, router } = routed();
    passOn(router);
    const exceeded = ping(a, 1) as string;
    assert.deepEqual(
      [...exceeded].slice(12, 16).map((byte) => byte.charCodeAt(0)),
      [10, 1, 0, 1],
    );
    assert.equal(exceeded.charCodeAt(20), 11);
    const narrow = router.client.index("to-b");
    assert.equal(router.client.ask(linkRequest(16, { index: narrow }, attribute(4, [0x84, 3, 0, 0]))), 0);
    const fd = a.user.socket(AF_INET, SOCK_DGRAM);
    a.user.setInt(fd, 0, 10, 2);
    assert.equal(a.user.connect(fd, inet("10.2.0.2", 7)), 0);
    assert.equal(a.user.send(fd, "x".repeat(1200)), 1200);
    assert.equal(a.user.send(fd, "x".repeat(1200)), -EMSGSIZE, "the error that came");
    assert.equal(a.user.send(fd, "x".repeat(1200)), -EMSGSIZE, "what is known of the way");
    assert.equal(a.user.send(fd, "x".repeat(800)), 800);
  });
});

describe("IPv6 between two networks", () => {
  function pairOfV6(): { world: World; a: Station; b: Station; scope: number } {
    const { world, a, b } = pair();
    for (const [station, name, text] of [
      [a, "left", "2001:db8::1"],
      [b, "right", "2001:db8::2"],
    ] as const) {
      const { network } = station.user.task;
      const address = { ip: ipOfText(text)!, prefixLength: 64, broadcast: null };
      assert.equal(addAddress(network, network.interfaceByName(name)!, address), 0);
    }
    // Until they are known to be nobody else's.
    world.pass(3);
    return { world, a, b, scope: a.client.index("left") };
  }

  it("carries datagrams, whole and in parts, refuses, and answers pings", () => {
    const { a, b } = pairOfV6();
    const there = b.user.socket(AF_INET6, SOCK_DGRAM);
    assert.equal(b.user.bind(there, inet6("::", 7)), 0);
    const here = a.user.socket(AF_INET6, SOCK_DGRAM);
    for (const text of ["hello", "abcdefghij".repeat(600)]) {
      assert.equal(a.user.send(here, text, 0, inet6("2001:db8::2", 7)), text.length);
      assert.equal(b.user.receive(there, 7000, MSG_DONTWAIT), text);
    }
    assert.equal(a.user.connect(here, inet6("2001:db8::2", 9)), 0);
    assert.equal(a.user.send(here, "x"), 1);
    assert.equal(a.user.receive(here, 10, MSG_DONTWAIT), -ECONNREFUSED);
    const ping = a.user.socket(AF_INET6, SOCK_DGRAM, IPPROTO_ICMPV6);
    assert.equal(a.user.send(ping, Uint8Array.of(128, 0, 0, 0, 0, 0, 0, 1), 0, inet6("2001:db8::2", 0)), 8);
    assert.equal((a.user.receive(ping, 100, MSG_DONTWAIT) as string).charCodeAt(0), 129);
  });

  it("reaches a station by its address of the link, and tells by which it came", () => {
    const { a, b, scope } = pairOfV6();
    const there = b.user.socket(AF_INET6, SOCK_DGRAM);
    assert.equal(b.user.bind(there, inet6("::", 7)), 0);
    const far = b.user.task.network.interfaceByName("right")!.addresses.find(({ ip }) => ip[0] === 0xfe800000)!;
    const to = inet6("::", 7);
    to.set(ipBytes(far.ip), 8);
    to[24] = scope;
    const here = a.user.socket(AF_INET6, SOCK_DGRAM);
    assert.equal(a.user.send(here, "hello", 0, to), 5);
    const got = b.user.receiveFrom(there, MSG_DONTWAIT) as { text: string; from: Uint8Array };
    assert.deepEqual([got.text, got.from[24]], ["hello", b.client.index("right")]);
  });

  it("checks the sums of datagrams, of which IPv4 alone lets some have none", () => {
    const { world, a, b } = pairOfV6();
    world.pass(3);
    for (const [family, to, any] of [
      [AF_INET, inet("10.0.0.2", 0), inet("0.0.0.0", 7)],
      [AF_INET6, inet6("2001:db8::2", 0), inet6("::", 7)],
    ] as const) {
      const hears = b.user.socket(family, SOCK_DGRAM);
      assert.equal(b.user.bind(hears, any), 0);
      const sends = a.user.socket(family, SOCK_RAW, IPPROTO_UDP);
      const isTaken = (checksum: number): boolean => {
        const datagram = Uint8Array.of(0, 9, 0, 7, 0, 9, checksum >> 8, checksum & 255, 120);
        assert.equal(a.user.send(sends, datagram, 0, to), 9);
        world.pass(1);
        return b.user.receive(hears, 100, MSG_DONTWAIT) === "x";
      };
      assert.equal(isTaken(0), family === AF_INET);
      assert.deepEqual([isTaken(1), isTaken(0x100)], [false, false]);
      b.user.call("close", hears);
    }
  });
});

it("neighbours are known by state, for ever if a program says so, and gone when it does", () => {
  const { world, a } = pair();
  const { network } = a.user.task;
  const states = (): number[] =>
    [...network.ip.neighbours.list()].map((one) => network.ip.neighbours.stateOf(one, world.test.kernel.now()));
  const fd = a.user.socket(AF_INET, SOCK_DGRAM);
  a.user.send(fd, "x", 0, inet("10.0.0.2", 9));
  assert.deepEqual(states(), [NUD_REACHABLE]);
  world.pass(31);
  assert.deepEqual(states(), [NUD_STALE]);
  a.user.send(fd, "x", 0, inet("10.0.0.2", 9));
  assert.deepEqual(states(), [NUD_DELAY]);
  world.pass(6);
  assert.deepEqual(states(), [NUD_REACHABLE], "it was asked, and answered");
  assert.equal(a.client.ask(neighbourRequest(28, a.client.index("left"), [10, 0, 0, 3], [2, 0, 0, 0, 0, 3])), 0);
  assert.equal(a.client.ask(neighbourRequest(28, a.client.index("left"), [10, 0, 0, 3], [2, 0, 0, 0, 0, 3])), -EEXIST);
  assert.deepEqual(new Set(states()), new Set([NUD_REACHABLE, NUD_PERMANENT]));
  assert.equal(a.client.ask(neighbourRequest(29, a.client.index("left"), [10, 0, 0, 3])), 0);
  assert.equal(a.client.ask(neighbourRequest(29, a.client.index("left"), [10, 0, 0, 3])), -ENOENT);
  assert.equal(a.client.setFlags(a.client.index("left"), 0, UP), 0);
  assert.deepEqual(states(), []);
});

it("three stations on a bridge, which has an address itself, hear each other", () => {
  const world = new World();
  const hub = world.first;
  assert.equal(hub.client.makeKind("bridge", "br0"), 0);
  world.address(hub, "br0", [10, 3, 0, 100]);
  const bridge = hub.client.index("br0");
  const stations = [1, 2, 3].map((number) => {
    const station = world.station();
    world.join(hub, `port${number}`, station, "eth");
    const port = hub.client.index(`port${number}`);
    assert.equal(
      hub.client.ask(linkRequest(16, { index: port, flags: UP, change: UP }, attribute(10, [bridge, 0, 0, 0]))),
      0,
    );
    world.address(station, "eth", [10, 3, 0, number]);
    return station;
  });
  const sockets = [...stations, hub].map(({ user }) => {
    const fd = user.socket(AF_INET, SOCK_DGRAM);
    user.setInt(fd, 1, 6, 1);
    assert.equal(user.bind(fd, inet("0.0.0.0", 7)), 0);
    return { user, fd };
  });
  const heard = (): (string | number)[] => sockets.map(({ user, fd }) => user.receive(fd, 100, MSG_DONTWAIT));
  const { user, fd } = sockets[0]!;
  assert.equal(user.send(fd, "two", 0, inet("10.3.0.2", 7)), 3);
  assert.equal(user.send(fd, "hub", 0, inet("10.3.0.100", 7)), 3);
  assert.deepEqual(heard(), [-EAGAIN, "two", -EAGAIN, "hub"]);
  assert.equal(user.send(fd, "all", 0, inet("10.3.0.255", 7)), 3);
  assert.deepEqual(heard(), ["all", "all", "all", "all"]);
});

it("who is bound to a link's address asks nothing of the host, and is heard over the link", () => {
  const provider = new SimulatedNetwork().host([{ family: 4, address: "192.0.2.2", prefixLength: 24 }]);
  let created = 0;
  const create = provider.create.bind(provider);
  const counted: SocketProvider["create"] = (...asked) => {
    created++;
    return create(...asked);
  };
  Object.assign(provider, { create: counted });
  const world = new World(provider);
  const { first } = world;
  const other = world.station();
  world.join(first, "bridge", other, "far");
  world.address(first, "bridge", [10, 0, 0, 1]);
  world.address(other, "far", [10, 0, 0, 2]);
  const heard = first.user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(first.user.bind(heard, inet("10.0.0.1", 53)), 0);
  const listener = first.user.socket(AF_INET, SOCK_STREAM);
  assert.equal(first.user.bind(listener, inet("10.0.0.1", 0)), 0);
  assert.equal(first.user.call("listen", listener, 1), 0);
  assert.equal(created, 0);
  const sender = other.user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(other.user.send(sender, "question", 0, inet("10.0.0.1", 53)), 8);
  assert.equal(first.user.receive(heard, 20, MSG_DONTWAIT), "question");
});

it("a router tells what its routes say that lead nowhere; black holes say nothing", () => {
  const { a, router } = routed();
  passOn(router);
  for (const [second, kind, told] of [
    [6, RTN_BLACKHOLE, -EAGAIN],
    [7, RTN_UNREACHABLE, -EHOSTUNREACH],
    [8, RTN_PROHIBIT, -EHOSTUNREACH],
    [9, RTN_THROW, -ENETUNREACH],
  ] as const) {
    assert.equal(router.client.ask(routeRequest(24, { prefix: [10, second, 0, 0], length: 16, kind })), 0);
    const fd = a.user.socket(AF_INET, SOCK_DGRAM);
    a.user.setInt(fd, 0, 11, 1);
    assert.equal(a.user.connect(fd, inet(`10.${second}.0.1`, 9)), 0);
    assert.equal(a.user.send(fd, "hello"), 5);
    assert.equal(a.user.receive(fd, 100, MSG_DONTWAIT), told, String(kind));
  }
});
