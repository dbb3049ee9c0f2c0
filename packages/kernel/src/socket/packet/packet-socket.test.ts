/**
 * Goal: frames cross a veth pair between packet sockets (packet(7)), and interfaces come, change and go as programs ask
 * (rtnetlink(7)). Method: system calls of a task; netlink requests as iproute2 makes them.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  AF_NETLINK,
  AF_PACKET,
  EADDRNOTAVAIL,
  EAGAIN,
  EBUSY,
  ECONNREFUSED,
  EEXIST,
  EINPROGRESS,
  EINVAL,
  EMSGSIZE,
  ENETDOWN,
  ENETUNREACH,
  ENODEV,
  ENXIO,
  EOPNOTSUPP,
  EPERM,
  ESRCH,
  MSG_DONTWAIT,
  MSG_TRUNC,
  PACKET_RX_RING,
  PACKET_STATISTICS,
  PACKET_VERSION,
  POLLIN,
  SOCK_DGRAM,
  SOCK_RAW,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_PACKET,
  SO_RCVBUF,
  SOL_SOCKET,
} from "@stratos/abi";
import type { PageCache } from "../../frames/page-cache.ts";
import { inet, SocketTask } from "../../testing/socket-task.ts";
import {
  addressRequest,
  attribute,
  type NetlinkMessage,
  linkRequest,
  messagesIn,
  RouteClient,
  routeRequest,
  text,
} from "../../testing/route-client.ts";

const ETH_P_ALL = 0x0300,
  ETH_P_IP = 0x0008;
const UP = 1;

/** A machine with `veth0` and `veth1`, up; their indices. */
function machine(): { user: SocketTask; client: RouteClient; veth0: number; veth1: number } {
  const { user } = SocketTask.createMachine();
  const client = new RouteClient(user);
  assert.equal(client.makeVeth("veth0", "veth1"), 0);
  const [veth0, veth1] = [client.index("veth0"), client.index("veth1")];
  for (const index of [veth0, veth1]) assert.equal(client.setFlags(index, UP, UP), 0);
  return { user, client, veth0, veth1 };
}

function sockaddrLl(index: number, protocol = 0, destination: readonly number[] = []): Uint8Array {
  const bytes = new Uint8Array(20);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, AF_PACKET, true);
  view.setUint16(2, protocol, false);
  view.setInt32(4, index, true);
  bytes[11] = destination.length;
  bytes.set(destination, 12);
  return bytes;
}

function frame(payload: string, type = 0x88b5, to = [255, 255, 255, 255, 255, 255]): Uint8Array {
  const header = [...to, 2, 0, 0, 0, 0, 7, type >> 8, type & 255];
  return Uint8Array.from([...header, ...[...payload].map((letter) => letter.charCodeAt(0))]);
}

describe("packet sockets on a veth pair", () => {
  it("send a frame that the other end receives, with where it came from", () => {
    const { user, client, veth0, veth1 } = machine();
    const sender = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    const receiver = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    assert.equal(user.bind(sender, sockaddrLl(veth0)), 0);
    assert.equal(user.bind(receiver, sockaddrLl(veth1)), 0);
    assert.equal(user.send(sender, frame("hello")), 19);
    assert.equal(user.poll(receiver) & POLLIN, POLLIN);
    const got = user.receiveFrom(receiver) as { text: string; from: Uint8Array };
    assert.equal(got.text.slice(14), "hello");
    const view = new DataView(got.from.buffer, got.from.byteOffset);
    assert.deepEqual(
      [view.getUint16(2, false), view.getInt32(4, true), view.getUint16(8, true), got.from[10], got.from[11]],
      [0x88b5, veth1, 1, 1, 6],
      "type, interface, Ethernet, broadcast, length",
    );
    assert.deepEqual([...got.from.subarray(12, 18)], [2, 0, 0, 0, 0, 7]);
    assert.equal(user.receive(sender, 100, MSG_DONTWAIT), -EAGAIN, "who sends doesn't hear it");
    assert.deepEqual(
      [client.statistic("veth0", "sent"), client.statistic("veth1", "received")],
      [
        { packets: 1, bytes: 19 },
        { packets: 1, bytes: 19 },
      ],
    );
  });

  it("with SOCK_DGRAM carry what follows the header, of one type", () => {
    const { user, veth0, veth1 } = machine();
    const sender = user.socket(AF_PACKET, SOCK_DGRAM, 0);
    const receiver = user.socket(AF_PACKET, SOCK_DGRAM, ETH_P_IP);
    user.bind(receiver, sockaddrLl(veth1));
    assert.equal(user.send(sender, "not for it", 0, sockaddrLl(veth0, 0x86dd, [2, 0, 0, 0, 0, 9])), 10);
    assert.equal(user.send(sender, "an IP packet", 0, sockaddrLl(veth0, 0x0800, [2, 0, 0, 0, 0, 9])), 12);
    const got = user.receiveFrom(receiver) as { text: string; from: Uint8Array };
    assert.equal(got.text, "an IP packet");
    assert.equal(got.from[10], 3, "for somebody else");
    assert.equal(user.receive(receiver, 100, MSG_DONTWAIT), -EAGAIN);
    assert.equal(user.send(sender, "x"), -ENXIO);
  });

  it("see what others send as outgoing, cut what is too long for the reader, and count what is lost", () => {
    const { user, veth0 } = machine();
    const sender = user.socket(AF_PACKET, SOCK_RAW, 0);
    const watcher = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    user.bind(watcher, sockaddrLl(veth0));
    user.send(sender, frame("0123456789"), 0, sockaddrLl(veth0));
    const message = user.receiveMessage(watcher, { count: 4 });
    assert.deepEqual([message.result, message.flags & MSG_TRUNC, message.name[10]], [4, MSG_TRUNC, 4]);
    user.setInt(watcher, SOL_SOCKET, SO_RCVBUF, 2048);
    for (let count = 0; count < 40; count++) user.send(sender, frame("x".repeat(500)), 0, sockaddrLl(veth0));
    const [seen, lost] = new Uint32Array((user.getBytes(watcher, SOL_PACKET, PACKET_STATISTICS) as Uint8Array).buffer);
    assert.equal(seen, 41);
    assert.ok(lost! > 20 && lost! < 40, `lost ${lost}`);
  });

  it("give what they hear in a ring, and tell that it is full", () => {
    const { user, veth0, veth1 } = machine();
    const sender = user.socket(AF_PACKET, SOCK_RAW, 0);
    const fd = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    user.bind(fd, sockaddrLl(veth1));
    // One page of two frames.
    const request = new Uint8Array(Uint32Array.of(4096, 1, 2048, 2).buffer);
    assert.equal(user.setBytes(fd, SOL_PACKET, PACKET_RX_RING, request), 0);
    assert.equal(user.poll(fd) & POLLIN, 0);
    for (const text of ["one", "two", "lost"]) user.send(sender, frame(text), 0, sockaddrLl(veth0));
    assert.equal(user.poll(fd) & POLLIN, POLLIN);
    assert.equal(user.receive(fd, 100, MSG_DONTWAIT), -EAGAIN, "nothing is copied");
    const file = user.task.files.get(fd)!;
    assert.equal(file.mapping(0, 8192), -EINVAL, "all of it, or nothing");
    const pages = file.mapping(0, 4096) as PageCache;
    const bytes = user.task.kernel.physical.u8.subarray(pages.peek(0) * 4096, (pages.peek(0) + 1) * 4096);
    const heard = [0, 2048].map((at) => {
      const view = new DataView(bytes.buffer, bytes.byteOffset + at);
      const [length, network] = [view.getUint32(8, true), view.getUint16(18, true)];
      return String.fromCharCode(...bytes.subarray(at + network, at + network + length - 14));
    });
    assert.deepEqual(heard, ["one", "two"]);
    const [seen, lost] = new Uint32Array((user.getBytes(fd, SOL_PACKET, PACKET_STATISTICS) as Uint8Array).buffer);
    assert.deepEqual([seen, lost], [3, 1]);
    assert.equal(user.setBytes(fd, SOL_PACKET, PACKET_VERSION, new Uint8Array(4)), -EBUSY);
    assert.equal(user.setBytes(fd, SOL_PACKET, PACKET_RX_RING, new Uint8Array(16)), 0);
    assert.equal(file.mapping(0, 4096), -EINVAL, "it is gone");
  });

  it("refuse what a link can't carry", () => {
    const { user, client, veth0, veth1 } = machine();
    const fd = user.socket(AF_PACKET, SOCK_RAW, 0);
    const to = sockaddrLl(veth0);
    assert.equal(user.send(fd, frame("x".repeat(1501)), 0, to), -EMSGSIZE);
    assert.equal(user.send(fd, "short", 0, to), -EINVAL);
    assert.equal(user.send(fd, frame("x"), 0, sockaddrLl(99)), -ENXIO);
    assert.equal(user.bind(fd, sockaddrLl(99)), -ENODEV);
    assert.equal(client.setFlags(veth0, 0, UP), 0);
    assert.equal(user.send(fd, frame("x"), 0, to), -ENETDOWN);
    assert.equal(user.send(fd, frame("x"), 0, sockaddrLl(veth1)), 15, "nobody is at the other end");
    const bound = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    assert.equal(user.bind(bound, sockaddrLl(veth1)), 0);
    assert.equal(client.setFlags(veth1, 0, UP), 0);
    assert.equal(user.receive(bound, 100, MSG_DONTWAIT), -ENETDOWN);
    user.becomeUser(1000);
    assert.equal(user.socket(AF_PACKET, SOCK_RAW, 0), -EPERM);
  });

  it("hear themselves on the loopback", () => {
    const { user } = machine();
    const fd = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    user.bind(fd, sockaddrLl(1));
    user.send(fd, frame("again", 0x0800, [0, 0, 0, 0, 0, 0]));
    const got = user.receiveFrom(fd) as { text: string; from: Uint8Array };
    assert.deepEqual([got.text.slice(14), got.from[10]], ["again", 0]);
  });
});

describe("packet sockets on the loopback", () => {
  /** What it sees of `lo`: direction, protocol, ports or type and code, payload. */
  function seen(user: SocketTask, fd: number): string[] {
    const told: string[] = [];
    for (;;) {
      const got = user.receiveFrom(fd, MSG_DONTWAIT);
      if (typeof got === "number") return told;
      const bytes = Uint8Array.from(got.text, (letter) => letter.charCodeAt(0));
      const ip = bytes.subarray(14);
      const inner = ip.subarray((ip[0]! & 15) * 4);
      const port = (at: number): number => (inner[at]! << 8) | inner[at + 1]!;
      const what =
        ip[9] === 1
          ? `icmp ${inner[0]} ${inner[1]}`
          : ip[9] === 17
            ? `udp ${port(2)} ${String.fromCharCode(...inner.subarray(8))}`
            : `tcp ${port(2) === 700 ? "to" : "from"} ${(inner[13]! & 0x3f).toString(16)}`;
      told.push(`${got.from[10] === 4 ? "out" : "in"} ${what}`);
    }
  }

  function watching(): { user: SocketTask; watcher: number } {
    const { user } = SocketTask.createMachine();
    const watcher = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    assert.equal(user.bind(watcher, sockaddrLl(1)), 0);
    return { user, watcher };
  }

  it("see datagrams, and that nobody hears one", () => {
    const { user, watcher } = watching();
    const receiver = user.socket(AF_INET, SOCK_DGRAM);
    user.bind(receiver, inet("127.0.0.1", 600));
    const sender = user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(user.send(sender, "heard", 0, inet("127.0.0.1", 600)), 5);
    assert.equal(user.receive(receiver), "heard");
    assert.deepEqual(seen(user, watcher), ["out udp 600 heard", "in udp 600 heard"]);
    assert.equal(user.connect(sender, inet("127.0.0.1", 9)), 0);
    assert.equal(user.send(sender, "lost"), 4);
    assert.equal(user.send(sender, "lost"), -ECONNREFUSED);
    assert.deepEqual(seen(user, watcher), ["out udp 9 lost", "in udp 9 lost", "out icmp 3 3", "in icmp 3 3"]);
  });

  it("see a connection from its first segment on, and an echo with its reply", () => {
    const { user, watcher } = watching();
    const listener = user.socket(AF_INET, SOCK_STREAM);
    user.bind(listener, inet("127.0.0.1", 700));
    assert.equal(user.call("listen", listener, 1), 0);
    const client = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.connect(client, inet("127.0.0.1", 700)), 0);
    const inwards = (): string[] => seen(user, watcher).filter((told) => told.startsWith("in"));
    assert.deepEqual(inwards(), ["in tcp to 2", "in tcp from 12", "in tcp to 10"]);
    user.call("close", client);
    assert.equal(inwards()[0], "in tcp to 11");
    const echo = user.socket(AF_INET, SOCK_RAW, 1);
    user.send(echo, Uint8Array.of(8, 0, 0xf7, 0xfd, 0, 1, 0, 1), 0, inet("127.0.0.1", 0));
    assert.deepEqual(inwards(), ["in icmp 8 0", "in icmp 0 0"]);
  });

  it("see nothing of it by another interface, as another type, or once they are closed", () => {
    const { user, veth0 } = machine();
    const other = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    user.bind(other, sockaddrLl(veth0));
    const arp = user.socket(AF_PACKET, SOCK_RAW, 0x0608);
    const closed = user.socket(AF_PACKET, SOCK_RAW, ETH_P_ALL);
    user.call("close", closed);
    const sender = user.socket(AF_INET, SOCK_DGRAM);
    user.bind(sender, inet("127.0.0.1", 600));
    assert.equal(user.send(sender, "x", 0, inet("127.0.0.1", 600)), 1);
    assert.equal(user.receive(sender), "x");
    assert.deepEqual([seen(user, other), seen(user, arp)], [[], []]);
  });
});

describe("links", () => {
  it("come in pairs, go in pairs, and are named as they were wished", () => {
    const { user, client, veth0 } = machine();
    assert.deepEqual(client.names(), ["lo", "veth1", "veth0"]);
    assert.equal(client.makeVeth("veth0", "other"), -EEXIST);
    assert.equal(client.makeVeth("a/b", "other"), -EINVAL);
    assert.equal(client.makeKind("dummy", "d%d"), 0);
    assert.deepEqual(client.names(), ["lo", "veth1", "veth0", "d0"]);
    assert.equal(client.makeKind("nosuchkind", "one"), -EOPNOTSUPP);
    assert.equal(client.ask(linkRequest(17, { index: 1 })), -EOPNOTSUPP);
    assert.equal(client.ask(linkRequest(17, { index: veth0 })), 0);
    assert.deepEqual(client.names(), ["lo", "d0"]);
    assert.equal(client.ask(linkRequest(17, { index: veth0 })), -ENODEV);
    user.becomeUser(1000);
    assert.equal(client.makeKind("dummy", "d1"), -EPERM);
  });

  it("have a carrier while both ends are up, and change name, MTU and address", () => {
    const { client, veth0, veth1 } = machine();
    const LOWER_UP = 0x10000;
    assert.equal(client.flags(veth0) & LOWER_UP, LOWER_UP);
    client.setFlags(veth1, 0, UP);
    assert.equal(client.flags(veth0) & (UP | LOWER_UP), UP);
    assert.equal(
      client.ask(linkRequest(16, { index: veth0 }, attribute(3, text("front")), attribute(4, [220, 5, 0, 0]))),
      0,
    );
    assert.deepEqual(client.names(), ["lo", "veth1", "front"]);
    assert.equal(client.ask(linkRequest(16, { index: veth0 }, attribute(4, [1, 0, 0, 0]))), -EINVAL);
    assert.equal(client.ask(linkRequest(16, { index: veth0 }, attribute(1, [1, 2, 3, 4, 5, 6]))), -EADDRNOTAVAIL);
    assert.equal(client.ask(linkRequest(16, { index: veth0 }, attribute(1, [2, 2, 3, 4, 5, 6]))), 0);
    assert.deepEqual([...client.link(veth0).attributes.get(1)!], [2, 2, 3, 4, 5, 6]);
  });
});

describe("addresses and routes", () => {
  it("an address is this machine's, and makes its network reachable while its interface is up", () => {
    const { user, client } = machine();
    client.makeKind("dummy", "d0");
    const d0 = client.index("d0");
    const own = addressRequest(20, d0, 24, [10, 1, 0, 1]);
    assert.equal(client.ask(own), 0);
    assert.equal(client.ask(own), -EEXIST);
    const connect = (ip: string, flags = 0): number =>
      user.connect(user.socket(AF_INET, SOCK_STREAM | flags), inet(ip, 1));
    assert.equal(connect("10.1.0.1"), -ECONNREFUSED);
    assert.equal(connect("10.1.0.2"), -ENETUNREACH, "still down");
    client.setFlags(d0, UP, UP);
    assert.equal(connect("10.1.0.1"), -ECONNREFUSED);
    assert.equal(connect("10.1.0.2", SOCK_NONBLOCK), -EINPROGRESS, "what goes there is lost");
    assert.equal(connect("10.2.0.2"), -ENETUNREACH);
    assert.equal(client.ask(addressRequest(21, d0, 24, [10, 1, 0, 1])), 0);
    assert.equal(client.ask(addressRequest(21, d0, 24, [10, 1, 0, 1])), -EADDRNOTAVAIL);
    assert.equal(connect("10.1.0.1"), -ENETUNREACH);
  });

  it("routes are added, found by the longest prefix, and removed", () => {
    const { client } = machine();
    client.makeKind("dummy", "d0");
    const d0 = client.index("d0");
    client.ask(addressRequest(20, d0, 24, [10, 1, 0, 1]));
    const wide = routeRequest(24, { prefix: [10, 9, 0, 0], length: 16, gateway: [10, 1, 0, 7], out: d0 });
    assert.equal(client.ask(wide), -ENETDOWN);
    client.setFlags(d0, UP, UP);
    assert.equal(
      client.ask(routeRequest(24, { prefix: [10, 9, 0, 0], length: 16, gateway: [10, 5, 0, 7], out: d0 })),
      -ENETUNREACH,
    );
    assert.equal(client.ask(wide), 0);
    assert.equal(client.ask(wide), -EEXIST);
    assert.equal(client.ask(routeRequest(24, { prefix: [10, 9, 1, 1], length: 16, out: d0 })), -EINVAL, "bits behind");
    assert.equal(
      client.ask(routeRequest(24, { prefix: [10, 9, 8, 0], length: 24, gateway: [10, 1, 0, 8], out: d0 })),
      0,
    );
    assert.deepEqual([client.gatewayTo([10, 9, 8, 1]), client.gatewayTo([10, 9, 7, 1])], ["10.1.0.8", "10.1.0.7"]);
    assert.equal(client.ask(routeRequest(25, { prefix: [10, 9, 8, 0], length: 24 })), 0);
    assert.equal(client.ask(routeRequest(25, { prefix: [10, 9, 8, 0], length: 24 })), -ESRCH);
    assert.equal(client.gatewayTo([10, 9, 8, 1]), "10.1.0.7");
    client.setFlags(d0, 0, UP);
    client.setFlags(d0, UP, UP);
    assert.equal(client.gatewayTo([10, 9, 8, 1]), -ENETUNREACH, "routes go with the interface that goes down");
  });

  it("members of a group hear of changes, others don't", () => {
    const { user, client, veth0 } = machine();
    const monitor = user.socket(AF_NETLINK, SOCK_RAW, 0);
    const name = new Uint8Array(12);
    name.set([AF_NETLINK, 0, 0, 0, 0, 0, 0, 0, 1 | (1 << 4)]);
    assert.equal(user.bind(monitor, name), 0);
    const heard = (): NetlinkMessage[] => {
      const messages: NetlinkMessage[] = [];
      for (;;) {
        const got = user.receive(monitor, 0x4000, MSG_DONTWAIT);
        if (typeof got === "number") return messages;
        messages.push(...messagesIn(got, 16));
      }
    };
    client.setFlags(veth0, 0, UP);
    assert.ok(heard().some(({ type, payload }) => type === 16 && payload[4] === veth0 && (payload[8]! & UP) === 0));
    client.ask(addressRequest(20, veth0, 24, [10, 1, 0, 1]));
    assert.deepEqual(
      heard().map(({ type }) => type),
      [20],
    );
    user.setInt(monitor, 270, 2, 5);
    client.ask(addressRequest(21, veth0, 24, [10, 1, 0, 1]));
    assert.deepEqual(heard(), []);
    client.ask(linkRequest(17, { index: veth0 }));
    assert.deepEqual(
      heard().map(({ type }) => type),
      [17, 16, 17],
      "it goes, the peer goes down, and goes",
    );
  });
});
