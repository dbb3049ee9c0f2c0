/**
 * Goal: what a machine passes on reaches the outside by the host's sockets, and what these say comes back to whoever
 * asked. Method: a station behind a router that masquerades (rules as nft(8) sends them), whose provider is one host of
 * a simulated network, with servers on another.
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
  ECONNRESET,
  EHOSTUNREACH,
  IP_RECVERR,
  IP_TTL,
  IPPROTO_ICMP,
  IPPROTO_IP,
  MSG_DONTWAIT,
  MSG_ERRQUEUE,
  NETLINK_NETFILTER,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_STREAM,
} from "@stratos/abi";
import { type HostSocket, SimulatedNetwork, type SimulatedSocketProvider } from "@stratos/host";
import { ipBytes, ipOfText } from "@stratos/netstack";
import { echoAnswer, type EchoRequest, readEchoRequest } from "@stratos/netstack/echo-answer";
import type { Call } from "../../testing/fake-task.ts";
import { passOn, RULESETS, routed, type Station, type World } from "../../testing/network-world.ts";
import { routeRequest } from "../../testing/route-client.ts";
import { inet, inet6 } from "../../testing/socket-task.ts";
import { addAddress } from "../interface-changes.ts";

const HERE = "192.0.2.1",
  THERE = "192.0.2.2",
  THERE_V6 = "2001:db8:9::2";

interface Received {
  readonly text: string;
  readonly from: Uint8Array;
}

class Outside {
  readonly network = new SimulatedNetwork();
  readonly here: SimulatedSocketProvider;
  readonly there: SimulatedSocketProvider;
  readonly world: World;
  readonly a: Station;
  readonly router: Station;
  readonly b: Station;

  /** @param rules  without them nothing is translated */
  constructor(rules: readonly string[] = ["router", "snat6"]) {
    const here = this.network.host([
      { family: 4, address: HERE, prefixLength: 24 },
      { family: 6, address: "2001:db8:9::1", prefixLength: 64 },
    ]);
    this.here = here;
    this.there = this.network.host([
      { family: 4, address: THERE, prefixLength: 24 },
      { family: 6, address: THERE_V6, prefixLength: 64 },
    ]);
    const { world, a, router, b } = routed(here);
    this.world = world;
    this.a = a;
    this.router = router;
    this.b = b;
    passOn(router);
    passOn(router, "V6");
    this.#joinV6();
    this.setRules(rules);
  }

  setRules(names: readonly string[]): void {
    const { user } = this.router;
    const fd = user.socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER);
    for (const name of names)
      // What they say of one interface holds for the way out.
      for (const sent of RULESETS[name]!.sent.replaceAll(hexOf("to-b"), hexOf("eth0")).split(" "))
        assert.equal(user.send(fd, Buffer.from(sent, "hex")), sent.length / 2);
  }

  #joinV6(): void {
    for (const [{ user }, name, ip] of [
      [this.router, "to-a", "2001:db8:1::1"],
      [this.a, "a", "2001:db8:1::2"],
    ] as const) {
      const { network } = user.task;
      const address = { ip: ipOfText(ip)!, prefixLength: 64, broadcast: null, flags: IFA_F_NODAD };
      assert.equal(addAddress(network, network.interfaceByName(name)!, address), 0);
    }
    const gateway = [...ipBytes(ipOfText("2001:db8:1::1")!)];
    const byRouter = routeRequest(24, { prefix: new Array<number>(16).fill(0), length: 0, gateway });
    assert.equal(this.a.client.ask(byRouter), 0);
  }

  /** What is under way arrives, on both sides. */
  settle(): void {
    const { timers } = this.world.test.kernel;
    for (let turn = 0; turn < 4; turn++) {
      this.network.deliver();
      timers.expire(this.world.test.kernel.now());
    }
  }

  finish(call: Call): number {
    for (let turn = 0; turn < 200 && call.isBlocked; turn++) {
      this.settle();
      this.world.pass(0.1);
      call.resume();
    }
    assert.notEqual(call.result, null, "the call ends");
    return call.result!;
  }

  listen(port: number, address = THERE): HostSocket {
    const server = this.there.create(address === THERE ? 4 : 6, "stream", { changed() {} }) as HostSocket;
    server.bind(hostAddress(address, port), { reuseAddress: true, v6Only: true });
    server.listen(5);
    this.network.deliver();
    return server;
  }

  hear(port: number, address = THERE): HostSocket {
    const server = this.there.create(address === THERE ? 4 : 6, "datagram", { changed() {} }) as HostSocket;
    server.bind(hostAddress(address, port), { reuseAddress: true, v6Only: true });
    this.network.deliver();
    return server;
  }

  /** A listener of the router, which the host listens for. */
  publish(port: number): number {
    const { user } = this.router;
    const fd = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.bind(fd, inet("0.0.0.0", port)), 0);
    assert.equal(this.finish(user.start("listen", fd, 5)), 0);
    return fd;
  }

  /** A socket of the machine that has a port of the host. */
  hold(port: number): number {
    const { user } = this.router;
    const fd = user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(this.finish(user.startWith("bind", fd, inet("0.0.0.0", port))), 0);
    return fd;
  }

  /** A datagram from outside. */
  ask(port: number, text: string, from = this.there): HostSocket {
    const peer = from.create(4, "datagram", { changed() {} }) as HostSocket;
    say(peer, text, hostAddress(HERE, port));
    this.settle();
    return peer;
  }

  /** A connection from outside. */
  comeIn(port: number): HostSocket {
    const peer = this.there.create(4, "stream", { changed() {} });
    peer.connect(hostAddress(HERE, port));
    this.settle();
    return peer;
  }

  connect(to: Uint8Array): { fd: number; result: number } {
    const { user } = this.a;
    const fd = user.socket(to[0]!, SOCK_STREAM);
    return { fd, result: this.finish(user.startWith("connect", fd, to)) };
  }

  /** A connection of the station, with the server's end of it. */
  joined(port = 80): { fd: number; end: HostSocket } {
    const server = this.listen(port);
    const { fd, result } = this.connect(inet(THERE, port));
    assert.equal(result, 0);
    return { fd, end: server.accept({ changed() {} }) as HostSocket };
  }

  receive(fd: number): string | number {
    const call = this.a.user.startReceive(fd);
    const result = this.finish(call);
    return result < 0 ? result : this.a.user.received(result);
  }
}

function hostAddress(address: string, port: number): { family: 4 | 6; address: string; port: number } {
  return { family: address.includes(":") ? 6 : 4, address, port };
}

function hexOf(text: string): string {
  return Buffer.from(text).toString("hex");
}

function textOf(socket: HostSocket): string | number {
  const bytes = new Uint8Array(65536);
  const count = socket.read(bytes, 0, bytes.length, false);
  return count < 0 ? count : Buffer.from(bytes.subarray(0, count)).toString("latin1");
}

function say(socket: HostSocket, text: string, to: Parameters<HostSocket["write"]>[3] = null): number {
  return socket.write(Buffer.from(text, "latin1"), 0, text.length, to);
}

describe("a connection to the outside", () => {
  it("carries bytes each way, and each end's end", () => {
    const outside = new Outside();
    const { fd, end } = outside.joined();
    assert.equal(outside.a.user.send(fd, "question"), 8);
    outside.settle();
    assert.equal(textOf(end), "question");
    assert.equal(outside.a.user.call("shutdown", fd, 1), 0);
    outside.settle();
    assert.equal(end.ended(), true);
    const answer = "0123456789".repeat(20_000);
    let [said, got] = [0, ""];
    while (got.length < answer.length) {
      const count = say(end, answer.slice(said, said + 50_000));
      if (count > 0) said += count;
      got += String(outside.receive(fd));
    }
    assert.equal(got, answer);
    end.close();
    assert.equal(outside.receive(fd), "");
    outside.world.pass(1);
    outside.settle();
    outside.a.user.call("close", fd);
    outside.settle();
    assert.equal(outside.network.openSockets, 1, "the listener alone");
  });

  it("holds the sender back as long as nobody reads outside", () => {
    const outside = new Outside();
    const { fd, end } = outside.joined();
    let [sent, got] = [0, 0];
    for (let turn = 0; turn < 60; turn++) {
      const count = outside.a.user.send(fd, "x".repeat(20_000), MSG_DONTWAIT);
      if (count > 0) sent += count;
      outside.settle();
      outside.world.pass(0.1);
    }
    assert.equal(outside.a.user.send(fd, "x", MSG_DONTWAIT), -EAGAIN);
    while (got < sent) {
      const text = textOf(end);
      if (typeof text === "string") got += text.length;
      outside.settle();
      outside.world.pass(0.1);
    }
    assert.equal(got, sent);
  });

  it("is refused as the host refuses it", () => {
    const outside = new Outside();
    assert.equal(outside.connect(inet(THERE, 81)).result, -ECONNREFUSED);
    assert.equal(outside.connect(inet("192.0.2.9", 80)).result, -EHOSTUNREACH);
    assert.equal(outside.connect(inet6(THERE_V6, 81)).result, -ECONNREFUSED);
    assert.equal(outside.network.openSockets, 0);
  });

  it("goes by IPv6 as well", () => {
    const outside = new Outside();
    const server = outside.listen(80, THERE_V6);
    const { fd, result } = outside.connect(inet6(THERE_V6, 80));
    assert.equal(result, 0);
    const end = server.accept({ changed() {} }) as HostSocket;
    say(end, "six");
    assert.equal(outside.receive(fd), "six");
  });

  it("is reset when the other side resets it, behind what it said", () => {
    const outside = new Outside();
    const { fd, end } = outside.joined();
    say(end, "last words");
    outside.settle();
    end.abort();
    outside.settle();
    outside.world.pass(1);
    assert.equal(outside.receive(fd), "last words");
    assert.equal(outside.receive(fd), -ECONNRESET);
  });

  it("ends outside when the station is gone", () => {
    const outside = new Outside();
    const { fd, end } = outside.joined();
    say(end, "unread");
    outside.settle();
    // With something unread it is a reset (RFC 2525 §2.17).
    outside.a.user.call("close", fd);
    outside.settle();
    assert.equal(end.takeError(), ECONNRESET);
  });

  it("is there again at the same ports, after it was closed", () => {
    const outside = new Outside();
    const server = outside.listen(80);
    for (const words of ["one", "two"]) {
      const { user } = outside.a;
      const fd = user.socket(AF_INET, SOCK_STREAM);
      assert.equal(user.bind(fd, inet("10.1.0.2", 7777)), 0);
      assert.equal(outside.finish(user.startWith("connect", fd, inet(THERE, 80))), 0);
      const end = server.accept({ changed() {} }) as HostSocket;
      say(end, words);
      end.close();
      assert.equal(outside.receive(fd), words);
      assert.equal(outside.receive(fd), "");
      user.call("close", fd);
      outside.world.pass(61);
      outside.settle();
    }
  });
});

describe("datagrams to the outside", () => {
  it("are answered, however long, and refused", () => {
    const outside = new Outside();
    for (const [address, family, port] of [
      [THERE, AF_INET, 53],
      [THERE_V6, AF_INET6, 63],
    ] as const) {
      const server = outside.hear(port, address);
      const { user } = outside.a;
      const make = family === AF_INET ? inet : inet6;
      for (const words of ["question", "abcdefghij".repeat(500)]) {
        const fd = user.socket(family, SOCK_DGRAM);
        assert.equal(user.connect(fd, make(address, port)), 0);
        assert.equal(user.send(fd, words), words.length);
        outside.settle();
        assert.equal(textOf(server), words);
        say(server, words.toUpperCase(), server.lastSender);
        outside.settle();
        assert.equal(user.receive(fd, 9000, MSG_DONTWAIT), words.toUpperCase());
      }
      const refused = user.socket(family, SOCK_DGRAM);
      assert.equal(user.connect(refused, make(address, port + 1)), 0);
      user.send(refused, "nobody");
      outside.settle();
      assert.equal(user.receive(refused, 9000, MSG_DONTWAIT), -ECONNREFUSED);
    }
  });

  it("leave nothing behind when nobody speaks any more", () => {
    const outside = new Outside();
    const server = outside.hear(53);
    const { user } = outside.a;
    const fd = user.socket(AF_INET, SOCK_DGRAM);
    user.send(fd, "question", 0, inet(THERE, 53));
    outside.settle();
    assert.equal(outside.network.openSockets, 2);
    outside.world.pass(140);
    assert.equal(outside.network.openSockets, 1);
    assert.equal(textOf(server), "question");
  });

  it("to too many places end what was unused for longest", () => {
    const outside = new Outside();
    const { user } = outside.a;
    const fd = user.socket(AF_INET, SOCK_DGRAM);
    for (let port = 1000; port < 2100; port++) user.send(fd, "x", 0, inet(THERE, port));
    assert.equal(outside.network.openSockets, 1024);
  });
});

describe("what can't go out", () => {
  it("comes from addresses that nobody outside knows, and is lost", () => {
    const outside = new Outside([]);
    const server = outside.hear(53);
    const { user } = outside.a;
    user.send(user.socket(AF_INET, SOCK_DGRAM), "question", 0, inet(THERE, 53));
    outside.settle();
    assert.equal(textOf(server), -EAGAIN);
  });

  it("is an echo, which the host sends, and its answer comes back", () => {
    const outside = new Outside();
    const sent: EchoRequest[] = [];
    outside.here.echoes = (packet) => {
      const request = readEchoRequest(packet)!;
      sent.push(request);
      if (request.hops > 5) return echoAnswer(request, { kind: "reply", hops: 50 });
      return echoAnswer(request, { kind: "error", type: 11, code: 0, value: 0, from: "198.51.100.7" });
    };
    const ask = ({ user }: Station, hops: number, length = 3): Received => {
      const fd = user.socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
      user.setInt(fd, IPPROTO_IP, IP_TTL, hops);
      user.setInt(fd, IPPROTO_IP, IP_RECVERR, 1);
      user.send(fd, Uint8Array.from([8, 0, 0, 0, 0, 0, 0, 1, ...new Uint8Array(length)]), 0, inet(THERE, 0));
      outside.settle();
      return user.receiveFrom(fd, MSG_DONTWAIT | (hops > 5 ? 0 : MSG_ERRQUEUE)) as Received;
    };
    for (const [station, spent] of [
      [outside.a, 1],
      [outside.router, 0],
    ] as const) {
      assert.deepEqual([...ask(station, 64).from.subarray(4, 8)], [192, 0, 2, 2]);
      assert.equal(sent.at(-1)!.hops, 64 - spent);
      assert.equal(ask(station, 64, 4000).text.length, 4008, "in parts");
      assert.equal(ask(station, 5).text.charCodeAt(0), 8, "the request that an error is about");
    }
    assert.deepEqual(
      sent.map(({ dataLength }) => dataLength),
      [3, 4000, 3, 3, 4000, 3],
    );
  });

  it("is an echo of a connected raw socket, which hears of errors about what it sent, as traceroute -I does", () => {
    const outside = new Outside();
    outside.here.echoes = (packet) =>
      echoAnswer(readEchoRequest(packet)!, { kind: "error", type: 11, code: 0, value: 0, from: "198.51.100.7" });
    const { user } = outside.router;
    const raw = (to: string): number => {
      const fd = user.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
      assert.equal(user.connect(fd, inet(to, 0)), 0);
      user.setInt(fd, IPPROTO_IP, IP_RECVERR, 1);
      return fd;
    };
    const [sender, stranger] = [raw(THERE), raw("192.0.2.77")];
    user.send(sender, Uint8Array.of(8, 0, 0xf7, 0xfe, 0, 1, 0, 0));
    outside.settle();
    const told = user.receiveFrom(sender, MSG_DONTWAIT | MSG_ERRQUEUE) as Received;
    assert.equal(told.text.charCodeAt(0), 8, "the request");
    assert.equal(user.receiveFrom(stranger, MSG_DONTWAIT | MSG_ERRQUEUE), -EAGAIN);
  });

  it("is an echo, which is answered by its refusal where the host sends none", () => {
    const outside = new Outside();
    const { user } = outside.a;
    const fd = user.socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
    user.send(fd, Uint8Array.of(8, 0, 0xf7, 0xfe, 0, 1, 0, 0), 0, inet(THERE, 0));
    outside.settle();
    const got = user.receiveFrom(fd, MSG_DONTWAIT) as { text: string; from: Uint8Array };
    // Behind the header of IP: unreachable, by a rule of whoever is in between.
    assert.deepEqual([got.text.charCodeAt(20), got.text.charCodeAt(21)], [3, 13]);
    assert.deepEqual([...got.from.subarray(4, 8)], [192, 0, 2, 2]);
    assert.ok(outside.world.test.kernel.notices.has("packets"), "whoever ran it is told what to do");
  });
});

describe("what comes in where there are rules", () => {
  it("is led by them to who is meant, past who only holds the port", () => {
    const outside = new Outside();
    outside.publish(8080);
    const { user } = outside.b;
    const server = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.bind(server, inet("10.2.0.2", 80)), 0);
    assert.equal(user.call("listen", server, 5), 0);
    const peer = outside.comeIn(8080);
    assert.ok(peer.connected());
    const end = user.call("accept", server, 0, 0);
    assert.deepEqual([...(user.name(end, "getpeername") as Uint8Array).subarray(4, 8)], [192, 0, 2, 2]);
    say(peer, "hello");
    outside.settle();
    assert.equal(user.receive(end), "hello");
    assert.equal(user.send(end, "x".repeat(3000)), 3000);
    assert.equal(user.call("close", end), 0);
    outside.settle();
    assert.equal((textOf(peer) as string).length, 3000);
    assert.ok(peer.ended());
  });

  it("reaches who listens in the machine, and hears of refusals", () => {
    const outside = new Outside(["input"]);
    const open = outside.publish(80);
    outside.publish(81);
    const peer = outside.comeIn(80);
    const { user } = outside.router;
    const end = user.call("accept", open, 0, 0);
    say(peer, "hello");
    outside.settle();
    assert.equal(user.receive(end), "hello");
    assert.equal(outside.comeIn(81).takeError(), ECONNRESET);
  });

  it("comes as it is where there are none, and to a station of the host's own as a stand-in's where there are", () => {
    for (const [rules, from] of [
      [[], HERE],
      [["input"], "192.0.0.8"],
    ] as const) {
      const outside = new Outside(rules);
      const open = outside.publish(80);
      outside.here.create(4, "stream", { changed() {} }).connect(hostAddress(HERE, 80));
      outside.settle();
      const { user } = outside.router;
      const end = user.call("accept", open, 0, 0);
      assert.equal([...(user.name(end, "getpeername") as Uint8Array).subarray(4, 8)].join("."), from);
    }
  });

  it("is still there when it waited for its program as the rules came", () => {
    const outside = new Outside([]);
    const open = outside.publish(80);
    const peer = outside.comeIn(80);
    outside.setRules(["input"]);
    const { user } = outside.router;
    const end = user.call("accept", open, 0, 0);
    say(peer, "hello");
    outside.settle();
    assert.equal(user.receive(end), "hello");
  });

  it("is a datagram that is led to who is meant, and the answer goes out where the question came in", () => {
    const outside = new Outside();
    const holder = outside.hold(8080);
    const { user } = outside.b;
    const server = user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(user.bind(server, inet("10.2.0.2", 7)), 0);
    const peer = outside.ask(8080, "question");
    const got = user.receiveFrom(server, MSG_DONTWAIT) as Received;
    assert.equal(got.text, "question");
    assert.deepEqual([...got.from.subarray(4, 8)], [192, 0, 2, 2]);
    assert.equal(outside.router.user.receive(holder, 100, MSG_DONTWAIT), -EAGAIN, "who holds the port gets nothing");
    user.send(server, "answer".repeat(1000), 0, got.from);
    outside.settle();
    assert.equal(textOf(peer), "answer".repeat(1000));
    assert.deepEqual([peer.lastSender?.address, peer.lastSender?.port], [HERE, 8080]);
    say(peer, "another", hostAddress(HERE, 8080));
    outside.settle();
    assert.equal(user.receive(server, 100, MSG_DONTWAIT), "another");
    outside.router.user.call("close", holder);
    say(peer, "nobody holds the port", hostAddress(HERE, 8080));
    outside.settle();
    assert.equal(user.receive(server, 100, MSG_DONTWAIT), -EAGAIN);
  });

  it("is a datagram for a socket of the machine, which answers those that rules let through, stand-ins too", () => {
    const outside = new Outside(["input"]);
    const { user } = outside.router;
    const [open, shut] = [outside.hold(7), outside.hold(8)];
    outside.ask(8, "dropped");
    assert.equal(user.receive(shut, 100, MSG_DONTWAIT), -EAGAIN);
    for (const [from, seen] of [
      [outside.there, THERE],
      [outside.here, "192.0.0.8"],
    ] as const) {
      const peer = outside.ask(7, "question", from);
      const got = user.receiveFrom(open, MSG_DONTWAIT) as Received;
      assert.deepEqual([got.text, [...got.from.subarray(4, 8)].join(".")], ["question", seen]);
      user.send(open, "answer", 0, got.from);
      outside.settle();
      assert.equal(textOf(peer), "answer");
    }
  });

  it("is no datagram that answers what a socket has asked first, which no rule would know", () => {
    const outside = new Outside(["input"]);
    const server = outside.hear(53);
    const { user } = outside.router;
    const fd = outside.hold(5353);
    user.send(fd, "question", 0, inet(THERE, 53));
    outside.settle();
    assert.equal(textOf(server), "question");
    say(server, "answer", server.lastSender);
    outside.ask(5353, "of somebody else");
    say(server, "and more", server.lastSender);
    outside.settle();
    assert.equal(user.receive(fd, 100, MSG_DONTWAIT), "answer");
    outside.settle();
    assert.equal(user.receive(fd, 100, MSG_DONTWAIT), "and more", "what a rule drops is not there");
    assert.equal(user.receive(fd, 100, MSG_DONTWAIT), -EAGAIN);
  });
});
