/**
 * Goal: rules decide what becomes of packets between networks, and translate their addresses. Method: rulesets as
 * nft(8) sends them (what it sent on Linux stands beside each), and programs of three networks, two behind a router.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  AF_INET6,
  IFA_F_NODAD,
  AF_NETLINK,
  EAGAIN,
  ECONNREFUSED,
  EINPROGRESS,
  EPERM,
  IPPROTO_ICMP,
  IPPROTO_UDP,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  NETLINK_NETFILTER,
  RT_TABLE_MAIN,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_STREAM,
} from "@stratos/abi";
import { ipBytes, ipOfText, isInPrefix } from "@stratos/netstack";
import { routeRequest } from "../../testing/route-client.ts";
import { passOn, RULESETS, routed, type Station, type World } from "../../testing/network-world.ts";
import { inet, inet6 } from "../../testing/socket-task.ts";
import { addAddress } from "../interface-changes.ts";
import { makeRoute } from "../routes.ts";

function load(station: Station, name: string): void {
  send(station, RULESETS[name]!.sent);
}

function send({ user }: Station, messages: string): void {
  const fd = user.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  for (const sent of messages.split(" ")) assert.equal(user.send(fd, Buffer.from(sent, "hex")), sent.length / 2);
  assert.equal(user.receive(fd, 1000, MSG_DONTWAIT), -EAGAIN, "nothing was refused");
}

interface Ends {
  readonly world: World;
  readonly a: Station;
  readonly router: Station;
  readonly b: Station;
}

/** With a router that passes packets on. */
function open(): Ends {
  const ends = routed();
  passOn(ends.router);
  return ends;
}

function hear({ user }: Station, port: number): number {
  const fd = user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(user.bind(fd, inet("0.0.0.0", port)), 0);
  return fd;
}

const B = "10.2.0.2";

function ask({ user }: Station, to: string, port: number, words = "hello"): number {
  const fd = user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(user.connect(fd, inet(to, port)), 0);
  assert.equal(user.send(fd, words), words.length);
  return fd;
}

const take = ({ user }: Station, fd: number): string | number => user.receive(fd, 9000, MSG_DONTWAIT);

describe("a chain at the input", () => {
  it("takes what a rule takes, drops the rest, and tells the sender where a rule says so", () => {
    const { a, b } = open();
    load(b, "input");
    const seven = hear(b, 7);
    const eight = hear(b, 8);
    ask(a, B, 7);
    const silent = ask(a, B, 8);
    assert.equal(take(b, seven), "hello");
    assert.equal(take(b, eight), -EAGAIN);
    assert.equal(take(a, silent), -EAGAIN);
    assert.equal(take(a, ask(a, B, 9)), -ECONNREFUSED);
  });

  it("lets answers in to what was asked", () => {
    const { a, b } = open();
    load(b, "input");
    const five = hear(a, 5);
    const asking = ask(b, "10.1.0.2", 5);
    const got = a.user.receiveFrom(five, MSG_DONTWAIT) as { text: string; from: Uint8Array };
    assert.equal(got.text, "hello");
    assert.equal(a.user.send(five, "answer", 0, got.from), 6);
    assert.equal(take(b, asking), "answer");
  });

  it("limits how often", () => {
    const { world, a, b } = open();
    load(b, "input");
    const fd = a.user.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    // Each is a connection of its own.
    const answers = (from: number): number => {
      for (let id = from; id < from + 5; id++)
        a.user.send(fd, Uint8Array.of(8, 0, 0xf7, 0xff - id, 0, id, 0, 0), 0, inet(B, 0));
      let heard = 0;
      while (typeof a.user.receive(fd, 100, MSG_DONTWAIT) === "string") heard++;
      return heard;
    };
    assert.equal(answers(1), 2);
    world.pass(1);
    assert.equal(answers(10), 1);
  });
});

describe("a chain at the output", () => {
  it("drops and refuses what a program sends", () => {
    const { world, a } = open();
    load(a, "output");
    const fd = a.user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(a.user.send(fd, "x", 0, inet(B, 10)), -EPERM);
    assert.equal(a.user.send(fd, "x", 0, inet(B, 11)), 1);
    assert.equal(a.user.connect(fd, inet(B, 9)), 0);
    assert.equal(a.user.send(fd, "x"), -EPERM);
    world.pass(1);
    assert.equal(take(a, fd), -ECONNREFUSED, "told as if from there");
    const stream = a.user.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    assert.equal(a.user.connect(stream, inet(B, 81)), -EINPROGRESS);
    world.pass(1);
    assert.equal(a.user.send(stream, "x", MSG_NOSIGNAL), -ECONNREFUSED, "reset");
    load(a, "flush");
    assert.equal(a.user.send(fd, "x", 0, inet(B, 10)), 1);
  });

  it("sees what raw sockets send to this machine, of any protocol", () => {
    const { a } = open();
    load(a, "output");
    const raw = a.user.socket(AF_INET, SOCK_RAW, IPPROTO_UDP);
    const datagram = (port: number): Uint8Array => Uint8Array.of(0, 5, 0, port, 0, 9, 0, 0, 120);
    const twelve = hear(a, 12);
    assert.equal(a.user.send(raw, datagram(10), 0, inet("127.0.0.1", 0)), -EPERM);
    assert.equal(a.user.send(raw, datagram(12), 0, inet("127.0.0.1", 0)), 9);
    assert.equal(take(a, twelve), "x", "whom it is for hears it, too");
    assert.equal((take(a, raw) as string).length, 29);
    assert.equal(take(a, raw), -EAGAIN, "once");
  });
});

describe("a router that translates", () => {
  it("hides who asks by IPv6, too", () => {
    const { a, b, router } = open();
    passOn(router, "V6");
    for (const [{ user }, name, text] of [
      [a, "a", "2001:db8:1::2"],
      [router, "to-a", "2001:db8:1::1"],
      [router, "to-b", "2001:db8:2::1"],
      [b, "b", "2001:db8:2::2"],
    ] as const) {
      const { network } = user.task;
      const address = { ip: ipOfText(text)!, prefixLength: 64, broadcast: null, flags: IFA_F_NODAD };
      assert.equal(addAddress(network, network.interfaceByName(name)!, address), 0);
    }
    const gateway = [...ipBytes(ipOfText("2001:db8:1::1")!)];
    assert.equal(a.client.ask(routeRequest(24, { prefix: new Array<number>(16).fill(0), length: 0, gateway })), 0);
    load(router, "snat6");
    const there = b.user.socket(AF_INET6, SOCK_DGRAM);
    assert.equal(b.user.bind(there, inet6("::", 7)), 0);
    for (const words of ["hello", "abcdefghij".repeat(500)]) {
      const here = a.user.socket(AF_INET6, SOCK_DGRAM);
      assert.equal(a.user.connect(here, inet6("2001:db8:2::2", 7)), 0);
      assert.equal(a.user.send(here, words), words.length);
      const got = b.user.receiveFrom(there, MSG_DONTWAIT) as { text: string; from: Uint8Array };
      assert.deepEqual([got.text, [...got.from.subarray(8, 24)]], [words, [...ipBytes(ipOfText("2001:db8:2::1")!)]]);
      assert.equal(b.user.send(there, words, 0, got.from), words.length);
      assert.equal(take(a, here), words);
    }
  });

  it("hides who asks, and finds back to them", () => {
    const { a, b, router } = open();
    load(router, "router");
    const seven = hear(b, 7);
    const asking = ask(a, B, 7);
    const got = b.user.receiveFrom(seven, MSG_DONTWAIT) as { text: string; from: Uint8Array };
    assert.deepEqual([got.text, [...got.from.subarray(4, 8)]], ["hello", [10, 2, 0, 1]]);
    assert.equal(b.user.send(seven, "answer", 0, got.from), 6);
    assert.equal(take(a, asking), "answer");
  });

  it("sends on to another station, and to itself", () => {
    const { a, b, router } = open();
    load(router, "router");
    const seven = hear(b, 7);
    const own = hear(router, 7);
    const asking = ask(a, "10.1.0.1", 8080);
    const got = b.user.receiveFrom(seven, MSG_DONTWAIT) as { text: string; from: Uint8Array };
    assert.equal(got.text, "hello");
    assert.equal(b.user.send(seven, "answer", 0, got.from), 6);
    assert.equal(take(a, asking), "answer", "from where it was sent to");
    const other = ask(a, "10.1.0.1", 8081, "own");
    const heard = router.user.receiveFrom(own, MSG_DONTWAIT) as { text: string; from: Uint8Array };
    assert.equal(heard.text, "own");
    assert.equal(router.user.send(own, "mine", 0, heard.from), 4);
    assert.equal(take(a, other), "mine");
  });

  it("tells of errors as if they were about what was sent", () => {
    const { a, router } = open();
    load(router, "router");
    assert.equal(take(a, ask(a, B, 99)), -ECONNREFUSED);
    assert.equal(take(a, ask(a, "10.1.0.1", 8080)), -ECONNREFUSED);
  });

  it("keeps two who use one port apart", () => {
    const { a, b, router } = open();
    load(router, "router");
    const seven = hear(b, 7);
    const one = a.user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(a.user.bind(one, inet("10.1.0.2", 777)), 0);
    assert.equal(a.user.send(one, "a", 0, inet(B, 7)), 1);
    const first = b.user.receiveFrom(seven, MSG_DONTWAIT) as { from: Uint8Array };
    // The router's own port is the same one.
    const two = router.user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(router.user.bind(two, inet("10.2.0.1", 777)), 0);
    assert.equal(router.user.send(two, "r", 0, inet(B, 7)), 1);
    const second = b.user.receiveFrom(seven, MSG_DONTWAIT) as { from: Uint8Array };
    assert.notDeepEqual(first.from, second.from);
    assert.equal(b.user.send(seven, "to a", 0, first.from), 4);
    assert.equal(b.user.send(seven, "to r", 0, second.from), 4);
    assert.deepEqual([take(a, one), take(router, two)], ["to a", "to r"]);
  });

  it("passes on what came in parts", () => {
    const { a, b, router } = open();
    load(router, "router");
    const seven = hear(b, 7);
    const long = "abcdefghij".repeat(500);
    const fd = a.user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(a.user.send(fd, long, 0, inet(B, 7)), long.length);
    assert.equal(take(b, seven), long);
  });

  it("drops what nothing allows", () => {
    const { a, b, router } = open();
    load(router, "router");
    const five = hear(a, 5);
    ask(b, "10.1.0.2", 5);
    assert.equal(take(a, five), -EAGAIN);
  });
});

describe("the loopback", () => {
  it("is seen by rules, as all that is sent and comes in", () => {
    const { a } = open();
    load(a, "input");
    const [seven, eight] = [hear(a, 7), hear(a, 8)];
    const asking = ask(a, "127.0.0.1", 7);
    ask(a, "127.0.0.1", 8);
    const got = a.user.receiveFrom(seven, MSG_DONTWAIT) as { text: string; from: Uint8Array };
    assert.equal(got.text, "hello");
    assert.equal(a.user.send(seven, "answer", 0, got.from), 6);
    assert.equal(take(a, asking), "answer");
    assert.equal(take(a, eight), -EAGAIN);
    assert.equal(take(a, ask(a, "127.0.0.1", 9)), -ECONNREFUSED);
    // To its other addresses, too.
    ask(a, "10.1.0.2", 8);
    assert.equal(take(a, eight), -EAGAIN);
    ask(a, "10.1.0.2", 7);
    assert.equal(take(a, seven), "hello");
  });

  it("is translated, as Docker's resolver is found by containers", () => {
    const { a } = open();
    // `dnat to 127.0.0.11` at the output, in place of `dnat to 10.2.0.2` at prerouting.
    const sent = RULESETS["router"]!.sent.replaceAll("0a020002", "7f00000b").replace(
      "080001000000000008000200ffffff9c",
      "080001000000000308000200ffffff9c",
    );
    send(a, sent);
    const { user } = a;
    const seven = user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(user.bind(seven, inet("127.0.0.11", 7)), 0);
    const asking = ask(a, "127.0.0.11", 8080, "name?");
    const got = user.receiveFrom(seven, MSG_DONTWAIT) as { text: string; from: Uint8Array };
    assert.equal(got.text, "name?");
    assert.equal(user.send(seven, "address", 0, got.from), 7);
    assert.equal(take(a, asking), "address", "from where it was asked");

    const server = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.bind(server, inet("127.0.0.11", 80)), 0);
    assert.equal(user.call("listen", server, 5), 0);
    const client = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.connect(client, inet("127.0.0.11", 8080)), 0);
    const end = user.call("accept", server, 0, 0);
    assert.ok(end > 0);
    const long = "0123456789".repeat(2000);
    assert.equal(user.send(client, long), long.length);
    assert.equal(user.receive(end, long.length, MSG_DONTWAIT), long);
    assert.deepEqual(user.name(client, "getpeername"), inet("127.0.0.11", 8080));
    user.call("close", end);
    assert.equal(user.receive(client, 10, MSG_DONTWAIT), "");
    assert.equal(user.connect(user.socket(AF_INET, SOCK_STREAM), inet("127.0.0.11", 82)), -ECONNREFUSED);
  });
});

describe("marks of rules", () => {
  /** By table 100, to b; else to a. */
  function marked(): Ends {
    const ends = open();
    const { router, a, b } = ends;
    const route = (gateway: string, table: number): void => {
      const { interfaces, routes } = router.user.task.network;
      const ip = ipOfText(gateway)!;
      const out = interfaces.find((one) => one.addresses.some((each) => isInPrefix(ip, each.ip, 24)))!;
      const destination = ipOfText("198.51.100.0")!;
      routes.add(makeRoute({ destination, prefixLength: 24, out, gateway: ip, table }), false);
    };
    route("10.1.0.2", RT_TABLE_MAIN);
    route("10.2.0.2", 100);
    const rule = { ...router.user.task.network.routes.rules.v4.list[1]!, priority: 500, table: 100 };
    router.user.task.network.routes.rules.v4.add({ ...rule, mark: 5, markMask: 0xffffffff }, true);
    for (const { user } of [a, b]) {
      const [loopback] = user.task.network.interfaces;
      addAddress(user.task.network, loopback!, { ip: ipOfText("198.51.100.1")!, prefixLength: 32, broadcast: null });
    }
    return ends;
  }

  it("choose the route of what is passed on", () => {
    const { world, router, a, b } = marked();
    const c = world.station();
    world.join(router, "to-c", c, "c");
    world.address(router, "to-c", [10, 3, 0, 1]);
    world.address(c, "c", [10, 3, 0, 2]);
    assert.equal(c.client.ask(routeRequest(24, { prefix: [0, 0, 0, 0], length: 0, gateway: [10, 3, 0, 1] })), 0);
    passOn(router);
    load(router, "marks");
    const heard = [hear(a, 7), hear(b, 7), hear(a, 8), hear(b, 8)];
    ask(c, "198.51.100.1", 7);
    ask(c, "198.51.100.1", 8);
    const got = heard.map((fd, at) => take(at % 2 === 0 ? a : b, fd));
    assert.deepEqual(got, [-EAGAIN, "hello", "hello", -EAGAIN]);
  });

  it("choose that of what is sent, in chains of type route", () => {
    const { router, a, b } = marked();
    load(router, "marks");
    const heard = [hear(a, 7), hear(b, 7), hear(a, 8), hear(b, 8)];
    ask(router, "198.51.100.1", 7);
    ask(router, "198.51.100.1", 8);
    const got = heard.map((fd, at) => take(at % 2 === 0 ? a : b, fd));
    assert.deepEqual(got, [-EAGAIN, "hello", "hello", -EAGAIN]);
  });
});

it("addresses that were seen too often are dropped, until they are quiet (iptables, recent)", () => {
  const { world, a, b } = open();
  load(b, "lists");
  const seven = hear(b, 7);
  const heard = (): (string | number)[] =>
    Array.from({ length: 4 }, () => {
      ask(a, B, 7);
      return take(b, seven);
    });
  assert.deepEqual(heard(), ["hello", "hello", -EAGAIN, -EAGAIN]);
  world.pass(31);
  assert.deepEqual(heard(), ["hello", "hello", -EAGAIN, -EAGAIN]);
});

it("sets of ipset decide, as long as their elements stay", () => {
  const { world, a, b } = open();
  const fd = b.user.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
  for (const message of RULESETS["sets of ipset"]!.sent.split(" ")) {
    b.user.send(fd, Buffer.from(message, "hex"));
    const answer = b.user.receive(fd, 1000, MSG_DONTWAIT) as string;
    assert.equal(answer.slice(16, 20), "\0\0\0\0", "done");
  }
  load(b, "rules of sets");
  const ports = [7, 8, 9].map((port) => hear(b, port));
  const heard = (from: number): (string | number)[] => {
    const socket = a.user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(a.user.bind(socket, inet("0.0.0.0", from)), 0);
    return [7, 8, 9].map((port, at) => {
      a.user.send(socket, "hello", 0, inet(B, port));
      return take(b, ports[at]!);
    });
  };
  // The port is the destination's.
  assert.deepEqual(heard(1000), [-EAGAIN, "hello", "hello"]);
  assert.deepEqual(heard(1001), [-EAGAIN, "hello", -EAGAIN], "more than one was counted");
  world.pass(61);
  assert.deepEqual(heard(1003), ["hello", "hello", -EAGAIN]);
});

it("who sends a packet decides about it (iptables, owner)", () => {
  const { a } = open();
  load(a, "lists");
  const sent = (port: number): number => a.user.send(a.user.socket(AF_INET, SOCK_DGRAM), "x", 0, inet(B, port));
  assert.deepEqual([8, 9, 10, 11].map(sent), [1, -EPERM, -EPERM, 1]);
  a.user.task.credentials = { ...a.user.task.credentials, fsuid: 1000, fsgid: 1000 };
  assert.deepEqual([8, 9, 10, 11].map(sent), [-EPERM, 1, -EPERM, 1]);
});

it("rules of iptables, as container runtimes make them, publish a port and hide who is behind", () => {
  const { a, b, router } = open();
  load(router, "iptables");
  const seven = hear(b, 7);
  const published = ask(a, "10.1.0.1", 8080, "published");
  const got = b.user.receiveFrom(seven, MSG_DONTWAIT) as { text: string; from: Uint8Array };
  assert.deepEqual([got.text, [...got.from.subarray(4, 8)]], ["published", [10, 2, 0, 1]]);
  assert.equal(b.user.send(seven, "answer", 0, got.from), 6);
  assert.equal(take(a, published), "answer");
  ask(a, B, 7, "through");
  assert.equal(take(b, seven), "through");
  const eight = hear(b, 8);
  assert.equal(take(a, ask(a, B, 8)), -ECONNREFUSED, "by REJECT");
  assert.equal(take(b, eight), -EAGAIN);
});

it("sets that packets fill decide about further ones, until they forget", () => {
  const { world, a, b } = open();
  load(b, "sets");
  const six = hear(b, 6);
  ask(a, B, 6);
  assert.equal(take(b, six), "hello");
  ask(a, B, 5000);
  ask(a, B, 6);
  assert.equal(take(b, six), -EAGAIN, "it knocked");
  world.pass(11);
  ask(a, B, 6);
  assert.equal(take(b, six), "hello");
  const [seven, eight] = [hear(b, 7), hear(b, 8)];
  ask(a, B, 7);
  ask(a, B, 8);
  assert.deepEqual([take(b, seven), take(b, eight)], ["hello", -EAGAIN]);
});
