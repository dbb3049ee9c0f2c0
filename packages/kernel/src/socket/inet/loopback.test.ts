/** AF_INET and AF_INET6 between sockets of one machine, with no provider: tcp(7), udp(7), ip(7), ipv6(7). */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  AF_INET6,
  AF_PACKET,
  AF_UNSPEC,
  EACCES,
  EADDRINUSE,
  EADDRNOTAVAIL,
  EAFNOSUPPORT,
  EAGAIN,
  EALREADY,
  ECONNREFUSED,
  ECONNRESET,
  EDESTADDRREQ,
  EINPROGRESS,
  EINVAL,
  EMSGSIZE,
  ENETUNREACH,
  ENOPROTOOPT,
  ENOTCONN,
  EOPNOTSUPP,
  EPERM,
  EPIPE,
  EPROTONOSUPPORT,
  ESOCKTNOSUPPORT,
  IPPROTO_ICMP,
  IPPROTO_IP,
  IPPROTO_IPV6,
  IPPROTO_TCP,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  IPV6_ADD_MEMBERSHIP,
  IPV6_DROP_MEMBERSHIP,
  IPV6_DSTOPTS,
  IPV6_HOPLIMIT,
  IPV6_HOPOPTS,
  IPV6_RECVDSTOPTS,
  IPV6_RECVHOPLIMIT,
  IPV6_RECVHOPOPTS,
  IPV6_RTHDR,
  IPV6_UNICAST_HOPS,
  IPV6_V6ONLY,
  IP_ADD_MEMBERSHIP,
  IP_PKTINFO,
  IP_RECVERR,
  IP_TTL,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDNORM,
  POLLWRNORM,
  SHUT_RD,
  SHUT_RDWR,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_RAW,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_BROADCAST,
  SO_DOMAIN,
  SO_ERROR,
  SO_KEEPALIVE,
  SO_LINGER,
  SO_PROTOCOL,
  SO_RCVBUF,
  SO_REUSEADDR,
  SO_REUSEPORT,
  SO_SNDBUF,
  SO_TIMESTAMP,
  SO_TYPE,
  TCP_CONGESTION,
  TCP_INFO,
  TCP_KEEPIDLE,
  TCP_MAXSEG,
  TCP_NODELAY,
  TcpInfo,
  UDP_CORK,
  UDP_SEGMENT,
} from "@stratos/abi";
import { BytesCursor } from "@stratos/base";
import type { Socket } from "../socket.ts";
import { inet, inet6, SocketTask } from "../../testing/socket-task.ts";

function listener(user: SocketTask, address: Uint8Array = inet("127.0.0.1", 0), backlog = 5): number {
  const fd = user.socket(address[0]!, SOCK_STREAM);
  assert.equal(user.bind(fd, address), 0);
  assert.equal(user.call("listen", fd, backlog), 0);
  return fd;
}

/** A connected pair: client, server side. */
function connection(user: SocketTask): [number, number] {
  const server = listener(user);
  const client = user.socket(AF_INET, SOCK_STREAM);
  assert.equal(user.connect(client, inet("127.0.0.1", user.port(server))), 0);
  const accepted = user.call("accept", server, 0, 0);
  assert.ok(accepted > 0);
  user.call("close", server);
  return [client, accepted];
}

describe("socket(2)", () => {
  it("says what there is not", () => {
    const { user } = SocketTask.createMachine();
    const cases: [number, number, number, number][] = [
      [AF_INET, SOCK_STREAM, IPPROTO_UDP, -EPROTONOSUPPORT],
      [AF_INET, SOCK_DGRAM, IPPROTO_TCP, -EPROTONOSUPPORT],
      [AF_INET, SOCK_SEQPACKET, 0, -ESOCKTNOSUPPORT],
      [AF_INET, SOCK_RAW, 0, -EPROTONOSUPPORT],
      [AF_INET6, SOCK_DGRAM, IPPROTO_ICMP, -EPROTONOSUPPORT],
      [AF_PACKET, SOCK_STREAM, 0, -ESOCKTNOSUPPORT],
      [AF_UNSPEC, SOCK_STREAM, 0, -EAFNOSUPPORT],
      [999, SOCK_STREAM, 0, -EAFNOSUPPORT],
      [AF_INET, 11, 0, -EINVAL],
      [AF_INET, SOCK_STREAM | 0x100, 0, -EINVAL],
      [1, SOCK_STREAM, 5, -EPROTONOSUPPORT],
      [16, SOCK_RAW, 9, -EPROTONOSUPPORT],
    ];
    for (const [family, type, protocol, expected] of cases)
      assert.equal(user.socket(family, type, protocol), expected, `${family} ${type} ${protocol}`);
    assert.equal(user.pair(SOCK_STREAM, AF_INET), -EOPNOTSUPP);
    const fd = user.socket(AF_INET6, SOCK_STREAM);
    assert.deepEqual(
      [SO_DOMAIN, SO_TYPE, SO_PROTOCOL].map((name) => user.getInt(fd, SOL_SOCKET, name)),
      [AF_INET6, SOCK_STREAM, IPPROTO_TCP],
    );
  });
});

describe("TCP inside the machine", () => {
  it("refuses where nobody listens", () => {
    const { user } = SocketTask.createMachine();
    const fd = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.connect(fd, inet("127.0.0.1", 1)), -ECONNREFUSED);
    const nonblocking = user.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    assert.equal(user.connect(nonblocking, inet("127.0.0.1", 1)), -EINPROGRESS);
    assert.equal(user.poll(nonblocking) & (POLLERR | POLLHUP | POLLOUT), POLLERR | POLLHUP | POLLOUT);
    assert.equal(user.getInt(nonblocking, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
    assert.equal(user.getInt(nonblocking, SOL_SOCKET, SO_ERROR), 0);
    assert.equal(user.connect(fd, inet("192.0.2.1", 80)), -ENETUNREACH);
    assert.equal(user.connect(fd, inet6("::1", 80)), -EAFNOSUPPORT);
    assert.equal(user.connect(fd, Uint8Array.of(AF_INET, 0, 0)), -EINVAL);
  });

  it("keeps connections waiting while the backlog is full", () => {
    const { test, user } = SocketTask.createMachine();
    const server = listener(user, inet("127.0.0.1", 0), 0);
    const to = inet("127.0.0.1", user.port(server));
    assert.equal(user.connect(user.socket(AF_INET, SOCK_STREAM), to), 0);
    const nonblocking = user.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
    assert.equal(user.connect(nonblocking, to), -EINPROGRESS);
    assert.equal(user.connect(nonblocking, to), -EALREADY);
    assert.equal(user.poll(nonblocking), 0);
    const child = new SocketTask(test.kernel, user);
    const waiting = child.startWith("connect", child.socket(AF_INET, SOCK_STREAM), to);
    assert.ok(waiting.isBlocked);
    user.call("accept", server, 0, 0);
    assert.equal(user.connect(nonblocking, to), 0);
    assert.equal(waiting.resume(), null);
    user.call("accept", server, 0, 0);
    assert.equal(waiting.resume(), 0);
  });

  it("is reset by a close with unread bytes, by SO_LINGER 0, and by writing to who has gone", () => {
    const { user } = SocketTask.createMachine();
    const [client, server] = connection(user);
    user.send(client, "unread");
    user.call("close", server);
    assert.equal(user.poll(client) & (POLLERR | POLLHUP), POLLERR | POLLHUP);
    assert.equal(user.receive(client), -ECONNRESET);
    assert.equal(user.receive(client), "");

    const [second, lingering] = connection(user);
    assert.equal(user.setBytes(lingering, SOL_SOCKET, SO_LINGER, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)), 0);
    user.send(lingering, "last");
    user.call("close", lingering);
    assert.equal(user.name(second, "getpeername"), -ENOTCONN);
    assert.equal(user.receive(second), "last");
    assert.equal(user.receive(second), -ECONNRESET);

    const [third, gone] = connection(user);
    user.call("close", gone);
    assert.equal(user.send(third, "lost"), 4);
    assert.equal(user.send(third, "x", MSG_NOSIGNAL), -EPIPE);
    assert.equal(user.receive(third), "");

    const [small, closed] = connection(user);
    for (const buffer of [SO_SNDBUF, SO_RCVBUF]) assert.equal(user.setInt(small, SOL_SOCKET, buffer, 4096), 0);
    user.call("close", closed);
    assert.equal(user.send(small, new Uint8Array(20_000), MSG_NOSIGNAL), 16384, "what may be under way");
    assert.equal(user.send(small, "x", MSG_NOSIGNAL), -EPIPE);
  });

  it("serves IPv4 and IPv6 from one listener, unless IPV6_V6ONLY", () => {
    const { user } = SocketTask.createMachine();
    const server = listener(user, inet6("::", 0));
    const port = user.port(server);
    const four = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.connect(four, inet("127.0.0.1", port)), 0);
    const accepted = user.call("accept", server, 0, 0);
    const peer = user.name(accepted, "getpeername") as Uint8Array;
    assert.deepEqual([...peer.subarray(8, 24)], [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 127, 0, 0, 1]);
    const six = user.socket(AF_INET6, SOCK_STREAM);
    assert.equal(user.connect(six, inet6("::1", port)), 0);
    const mapped = user.socket(AF_INET6, SOCK_STREAM);
    assert.equal(user.connect(mapped, inet6("127.0.0.1", port)), 0);
    const other = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.bind(other, inet("127.0.0.1", port)), -EADDRINUSE);

    const only = user.socket(AF_INET6, SOCK_STREAM);
    assert.equal(user.setInt(only, IPPROTO_IPV6, IPV6_V6ONLY, 1), 0);
    assert.equal(user.bind(only, inet6("::", 0)), 0);
    assert.equal(user.call("listen", only, 1), 0);
    assert.equal(user.connect(user.socket(AF_INET, SOCK_STREAM), inet("127.0.0.1", user.port(only))), -ECONNREFUSED);
  });

  it("gives ports out as bind(2) says", () => {
    const { user } = SocketTask.createMachine();
    const one = listener(user, inet("0.0.0.0", 5000));
    const other = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.bind(other, inet("127.0.0.1", 5000)), -EADDRINUSE);
    user.setInt(other, SOL_SOCKET, SO_REUSEADDR, 1);
    assert.equal(user.bind(other, inet("127.0.0.1", 5000)), -EADDRINUSE);
    user.call("close", one);
    assert.equal(user.bind(other, inet("127.0.0.1", 5000)), 0);
    assert.equal(user.bind(other, inet("127.0.0.1", 5001)), -EINVAL);
    const third = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.bind(third, inet("192.0.2.7", 5000)), -EADDRNOTAVAIL);
    user.becomeUser(1000);
    assert.equal(user.bind(third, inet("127.0.0.1", 80)), -EACCES);
    const shared = [0, 1].map(() => {
      const fd = user.socket(AF_INET, SOCK_STREAM);
      user.setInt(fd, SOL_SOCKET, SO_REUSEPORT, 1);
      assert.equal(user.bind(fd, inet("127.0.0.1", 6000)), 0);
      return user.call("listen", fd, 1);
    });
    assert.deepEqual(shared, [0, 0]);
    const automatic = user.socket(AF_INET, SOCK_STREAM);
    user.bind(automatic, inet("0.0.0.0", 0));
    assert.ok(user.port(automatic) >= 32768);
  });

  it("stops listening at shutdown and refuses who waited at close", () => {
    const { user } = SocketTask.createMachine();
    const server = listener(user);
    const to = inet("127.0.0.1", user.port(server));
    const client = user.socket(AF_INET, SOCK_STREAM);
    user.connect(client, to);
    assert.equal(user.call("shutdown", server, SHUT_RD), 0);
    assert.equal(user.call("accept", server, 0, 0), -EINVAL);
    assert.equal(user.receive(client), -ECONNRESET);
    assert.equal(user.connect(user.socket(AF_INET, SOCK_STREAM), to), -ECONNREFUSED);
    assert.equal(user.call("shutdown", user.socket(AF_INET, SOCK_STREAM), SHUT_RDWR), -ENOTCONN);
  });

  it("says what an unconnected socket can't do", () => {
    const { user } = SocketTask.createMachine();
    const fd = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.receive(fd), -ENOTCONN);
    assert.equal(user.send(fd, "x", MSG_NOSIGNAL), -EPIPE);
    assert.equal(user.name(fd, "getpeername"), -ENOTCONN);
    assert.equal(user.call("accept", fd, 0, 0), -EINVAL);
    assert.equal(user.poll(fd) & (POLLHUP | POLLOUT), POLLHUP | POLLOUT);
    assert.deepEqual(user.name(fd), inet("0.0.0.0", 0));
  });
});

describe("UDP inside the machine", () => {
  it("carries datagrams with their sender", () => {
    const { user } = SocketTask.createMachine();
    const server = user.socket(AF_INET, SOCK_DGRAM);
    user.bind(server, inet("0.0.0.0", 0));
    const to = inet("127.0.0.1", user.port(server));
    const client = user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(user.send(client, "x"), -EDESTADDRREQ);
    assert.equal(user.send(client, "ping", 0, to), 4);
    assert.deepEqual(user.receiveFrom(server), { text: "ping", from: inet("127.0.0.1", user.port(client)) });
    assert.equal(user.connect(client, to), 0);
    assert.deepEqual(user.name(client), inet("127.0.0.1", user.port(client)));
    user.send(client, "again");
    user.send(client, "");
    assert.equal(user.receive(server, 2), "ag");
    assert.equal(user.receive(server), "");
    assert.equal(user.receive(server, 1, MSG_DONTWAIT), -EAGAIN);
    const stranger = user.socket(AF_INET, SOCK_DGRAM);
    user.send(stranger, "stranger", 0, inet("127.0.0.1", user.port(client)));
    user.send(server, "reply", 0, inet("127.0.0.1", user.port(client)));
    assert.equal(user.receive(client), "reply");
  });

  it("tells a connected sender that nobody is there", () => {
    const { user } = SocketTask.createMachine();
    const fd = user.socket(AF_INET, SOCK_DGRAM);
    assert.equal(user.send(fd, "x", 0, inet("127.0.0.1", 9)), 1);
    assert.equal(user.receive(fd, 1, MSG_DONTWAIT), -EAGAIN);
    user.connect(fd, inet("127.0.0.1", 9));
    assert.equal(user.send(fd, "x"), 1);
    assert.equal(user.poll(fd) & POLLERR, POLLERR);
    assert.equal(user.receive(fd), -ECONNREFUSED);
    assert.equal(user.connect(fd, Uint8Array.of(0, 0)), 0);
    assert.equal(user.name(fd, "getpeername"), -ENOTCONN);
    assert.equal(user.send(fd, "x", 0, inet("127.0.0.1", 0)), -EINVAL);
    assert.equal(user.send(fd, "x", 0, inet("192.0.2.1", 53)), -ENETUNREACH);
    assert.equal(user.setInt(fd, SOL_SOCKET, SO_BROADCAST, 1), 0);
    assert.equal(user.send(fd, "x", 0, inet("255.255.255.255", 53)), -ENETUNREACH);
  });

  it("crosses from IPv4 to a dual-stack socket", () => {
    const { user } = SocketTask.createMachine();
    const server = user.socket(AF_INET6, SOCK_DGRAM);
    user.bind(server, inet6("::", 0));
    const client = user.socket(AF_INET, SOCK_DGRAM);
    user.send(client, "four", 0, inet("127.0.0.1", user.port(server)));
    const got = user.receiveFrom(server);
    assert.deepEqual(got, { text: "four", from: inet6("127.0.0.1", user.port(client)) });
    user.send(server, "back", 0, (got as { from: Uint8Array }).from);
    assert.equal(user.receive(client), "back");
  });

  it("loses what has no room, and refuses what is too long", () => {
    const { user } = SocketTask.createMachine();
    const server = user.socket(AF_INET, SOCK_DGRAM);
    user.bind(server, inet("127.0.0.1", 0));
    user.setInt(server, SOL_SOCKET, SO_RCVBUF, 4096);
    const to = inet("127.0.0.1", user.port(server));
    const client = user.socket(AF_INET, SOCK_DGRAM);
    for (let count = 0; count < 10; count++) assert.equal(user.send(client, new Uint8Array(3000), 0, to), 3000);
    let received = 0;
    while (typeof user.receive(server, 4000, MSG_DONTWAIT) === "string") received++;
    assert.equal(received, 2);
    const sender = user.task.files.get(client) as Socket;
    assert.equal(
      sender.sendWaiting(user.task, new BytesCursor(new Uint8Array(65508)), { address: to, ancillary: null }, 0),
      -EMSGSIZE,
    );
  });

  it("tells the receiver where a datagram was sent to, and when it came", () => {
    const { user } = SocketTask.createMachine();
    const server = user.socket(AF_INET, SOCK_DGRAM);
    user.bind(server, inet("0.0.0.0", 0));
    user.setInt(server, IPPROTO_IP, IP_PKTINFO, 1);
    user.setInt(server, SOL_SOCKET, SO_TIMESTAMP, 1);
    user.send(user.socket(AF_INET, SOCK_DGRAM), "x", 0, inet("127.0.0.1", user.port(server)));
    const { control } = user.receiveMessage(server);
    assert.deepEqual(
      control.map(({ level, type }) => [level, type]),
      [
        [IPPROTO_IP, IP_PKTINFO],
        [SOL_SOCKET, SO_TIMESTAMP],
      ],
    );
    assert.deepEqual([...control[0]!.data], [1, 0, 0, 0, 127, 0, 0, 1, 127, 0, 0, 1]);
  });
});

describe("fields of the IP header", () => {
  it("go with one datagram, by control messages, or with all, by options", () => {
    const { user } = SocketTask.createMachine();
    const server = user.socket(AF_INET6, SOCK_DGRAM);
    user.bind(server, inet6("::1", 0));
    user.setInt(server, IPPROTO_IPV6, IPV6_RECVHOPLIMIT, 1);
    const client = user.socket(AF_INET6, SOCK_DGRAM);
    user.connect(client, inet6("::1", user.port(server)));
    const hopsOf = (): number => user.receiveMessage(server).control[0]!.data[0]!;
    user.send(client, "x");
    assert.equal(hopsOf(), 64);
    assert.equal(user.sendMessage(client, "x", IPV6_HOPLIMIT, [2], 0, IPPROTO_IPV6), 1);
    assert.equal(hopsOf(), 2);
    assert.equal(user.sendMessage(client, "x", IPV6_HOPLIMIT, [-1], 0, IPPROTO_IPV6), 1);
    assert.equal(hopsOf(), 64);
    assert.equal(user.sendMessage(client, "x", IPV6_HOPLIMIT, [256], 0, IPPROTO_IPV6), -EINVAL);
    assert.equal(user.sendMessage(client, "x", IPV6_HOPLIMIT, [2, 2], 0, IPPROTO_IPV6), -EINVAL);
    user.setInt(client, IPPROTO_IPV6, IPV6_UNICAST_HOPS, 7);
    user.send(client, "x");
    assert.equal(hopsOf(), 7);
  });

  it("UDP-Lite has ports of its own", () => {
    const { user } = SocketTask.createMachine();
    const [udp, lite] = [0, IPPROTO_UDPLITE].map((protocol) => {
      const fd = user.socket(AF_INET, SOCK_DGRAM, protocol);
      assert.equal(user.bind(fd, inet("127.0.0.1", 7000)), 0);
      return fd;
    }) as [number, number];
    user.send(user.socket(AF_INET, SOCK_DGRAM, IPPROTO_UDPLITE), "lite", 0, inet("127.0.0.1", 7000));
    assert.equal(user.receive(lite), "lite");
    assert.equal(user.receive(udp, 1, MSG_DONTWAIT), -EAGAIN);
    assert.equal(user.setInt(lite, IPPROTO_UDPLITE, 10, 4), 0);
    assert.equal(user.getInt(lite, IPPROTO_UDPLITE, 10), 8);
    assert.equal(user.setInt(udp, IPPROTO_UDPLITE, 10, 4), -ENOPROTOOPT);
  });
});

describe("options", () => {
  it("are kept and told back, with Linux's limits", () => {
    const { user } = SocketTask.createMachine();
    const fd = user.socket(AF_INET, SOCK_STREAM);
    assert.equal(user.setInt(fd, SOL_SOCKET, SO_SNDBUF, 50000), 0);
    assert.equal(user.getInt(fd, SOL_SOCKET, SO_SNDBUF), 100000);
    user.setInt(fd, SOL_SOCKET, SO_RCVBUF, 1);
    assert.equal(user.getInt(fd, SOL_SOCKET, SO_RCVBUF), 2304);
    for (const [level, name] of [
      [SOL_SOCKET, SO_KEEPALIVE],
      [IPPROTO_TCP, TCP_NODELAY],
      [IPPROTO_IP, IP_RECVERR],
    ] as const) {
      assert.equal(user.getInt(fd, level, name), 0);
      assert.equal(user.setInt(fd, level, name, 5), 0);
      assert.equal(user.getInt(fd, level, name), 1);
    }
    assert.equal(user.getInt(fd, IPPROTO_IP, IP_TTL), 64);
    assert.equal(user.setInt(fd, IPPROTO_IP, IP_TTL, 300), -EINVAL);
    assert.equal(user.setInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, 0), -EINVAL);
    assert.equal(user.setInt(fd, IPPROTO_TCP, TCP_KEEPIDLE, 10), 0);
    assert.equal(user.getInt(fd, IPPROTO_TCP, TCP_MAXSEG), 536);
    assert.equal(
      String.fromCharCode(...(user.getBytes(fd, IPPROTO_TCP, TCP_CONGESTION, 16) as Uint8Array).subarray(0, 5)),
      "cubic",
    );
    assert.equal((user.getBytes(fd, IPPROTO_TCP, TCP_INFO) as Uint8Array)[0], 7);
    assert.equal(user.setInt(fd, SOL_SOCKET, 9999, 1), -ENOPROTOOPT);
    assert.equal(user.setInt(fd, 9999, 1, 1), -ENOPROTOOPT);
    assert.equal(user.setBytes(fd, SOL_SOCKET, SO_KEEPALIVE, new Uint8Array(2)), -EINVAL);
    assert.equal(user.setBytes(fd, IPPROTO_IP, IP_ADD_MEMBERSHIP, new Uint8Array(8)), -EINVAL);
  });
});

describe("IPv6 extension headers", () => {
  /** Pad of six bytes (RFC 8200 §4.2), behind next header and length. */
  const OPTIONS = [0, 0, 1, 4, 0, 0, 0, 0];

  it("are kept, told back, and refused as RFC 3542 and Linux say", () => {
    const { user } = SocketTask.createMachine();
    const fd = user.socket(AF_INET6, SOCK_DGRAM);
    const set = (name: number, bytes: number[]): number =>
      user.setBytes(fd, IPPROTO_IPV6, name, Uint8Array.from(bytes));
    const segments = [17, 2, 4, 0, 0, 0, 0, 0, ...new Array<number>(16).fill(1)];
    assert.equal(set(IPV6_RTHDR, segments), 0);
    assert.deepEqual(user.getBytes(fd, IPPROTO_IPV6, IPV6_RTHDR), Uint8Array.from(segments));
    assert.equal(set(IPV6_RTHDR, [17, 2, 0, 1, 0, 0, 0, 0, ...new Array<number>(16).fill(1)]), -EINVAL, "type 0");
    assert.equal(set(IPV6_RTHDR, segments.slice(0, 23)), -EINVAL);
    assert.equal(set(IPV6_RTHDR, []), 0);
    assert.deepEqual(user.getBytes(fd, IPPROTO_IPV6, IPV6_RTHDR), new Uint8Array(0));
    assert.equal(set(IPV6_HOPOPTS, OPTIONS.slice(0, 6)), -EINVAL);
    assert.equal(set(IPV6_HOPOPTS, [0, 1, ...OPTIONS.slice(2)]), -EINVAL, "longer than what was given");
    assert.equal(set(IPV6_HOPOPTS, [...OPTIONS, ...OPTIONS]), 0);
    assert.deepEqual(user.getBytes(fd, IPPROTO_IPV6, IPV6_HOPOPTS), Uint8Array.from(OPTIONS), "what follows it is cut");
    user.becomeUser(1000);
    assert.equal(set(IPV6_HOPOPTS, OPTIONS), -EPERM);
  });

  it("travel with datagrams, of the socket or beside one, to who asks for them", () => {
    const { user } = SocketTask.createMachine();
    const server = user.socket(AF_INET6, SOCK_DGRAM);
    user.bind(server, inet6("::1", 0));
    const client = user.socket(AF_INET6, SOCK_DGRAM);
    user.connect(client, inet6("::1", user.port(server)));
    user.setInt(server, IPPROTO_IPV6, IPV6_RECVHOPOPTS, 1);
    user.setInt(server, IPPROTO_IPV6, IPV6_RECVDSTOPTS, 1);
    user.setBytes(client, IPPROTO_IPV6, IPV6_HOPOPTS, Uint8Array.from(OPTIONS));
    assert.equal(user.send(client, "sticky"), 6);
    assert.equal(user.sendMessage(client, "both", IPV6_DSTOPTS, [0x04010000, 0], 0, IPPROTO_IPV6), 4);
    const first = user.receiveMessage(server);
    assert.deepEqual(
      [first.text, first.control.map(({ type, data }) => [type, data[0]])],
      ["sticky", [[IPV6_HOPOPTS, 17]]],
    );
    const second = user.receiveMessage(server);
    assert.deepEqual(
      second.control.map(({ type, data }) => [type, data[0], data.length]),
      [
        [IPV6_HOPOPTS, 60, 8],
        [IPV6_DSTOPTS, 17, 8],
      ],
    );
    assert.equal(user.sendMessage(client, "short", IPV6_DSTOPTS, [0x0100, 0], 0, IPPROTO_IPV6), -EINVAL);
    user.setBytes(client, IPPROTO_IPV6, IPV6_RTHDR, Uint8Array.from([17, 2, 4, 0, 0, 0, 0, 0, ...OPTIONS, ...OPTIONS]));
    assert.equal(user.send(client, "routed"), 6);
    assert.equal(user.receive(server, 1, MSG_DONTWAIT), -EAGAIN, "nobody takes a routing header");
  });
});

it("a connection is ready to be read once something came; TCP_INFO tells its segments", () => {
  const { user } = SocketTask.createMachine();
  const [client, accepted] = connection(user);
  assert.equal(user.poll(client), POLLOUT | POLLWRNORM);
  user.send(accepted, "x");
  assert.equal(user.poll(client), POLLIN | POLLRDNORM | POLLOUT | POLLWRNORM);
  const segment = (fd: number): number => {
    const info = user.getBytes(fd, IPPROTO_TCP, TCP_INFO, TcpInfo.size) as Uint8Array;
    return new DataView(info.buffer).getUint32(TcpInfo.offset.tcpi_snd_mss, true);
  };
  assert.ok(segment(client) > 1460, "the loopback interface's are large");
  assert.equal(segment(user.socket(AF_INET, SOCK_STREAM)), 1448, "of Ethernet, without the timestamps");
});

it("TCP goes to no group and to no broadcast address", () => {
  const { user } = SocketTask.createMachine();
  for (const ip of ["224.0.0.1", "255.255.255.255", "127.255.255.255"])
    assert.equal(user.connect(user.socket(AF_INET, SOCK_STREAM), inet(ip, 80)), -ENETUNREACH, ip);
});

it("options of UDP are those of udp(7)", () => {
  const { user } = SocketTask.createMachine();
  const fd = user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(user.setInt(fd, IPPROTO_UDP, UDP_CORK, 1), 0);
  assert.equal(user.getInt(fd, IPPROTO_UDP, UDP_CORK), 1);
  assert.equal(user.setInt(fd, IPPROTO_UDP, UDP_SEGMENT, 1), -EINVAL);
  assert.equal(user.setBytes(fd, IPPROTO_UDP, UDP_CORK, new Uint8Array(3)), -EINVAL);
  assert.equal(user.setInt(fd, IPPROTO_UDP, 77, 1), -ENOPROTOOPT);
  assert.equal(user.getInt(fd, IPPROTO_UDP, 77), -ENOPROTOOPT);
});

it("a group is left on the interface where it was joined; without one IPv6 means the first", () => {
  const { user } = SocketTask.createMachine();
  const fd = user.socket(AF_INET6, SOCK_DGRAM);
  const change = (option: number, index: number): number => {
    const request = new Uint8Array(20);
    request.set([0xff, 0x02], 0);
    request[15] = 9;
    request[16] = index;
    return user.setBytes(fd, IPPROTO_IPV6, option, request);
  };
  assert.equal(change(IPV6_ADD_MEMBERSHIP, 1), 0);
  assert.equal(change(IPV6_DROP_MEMBERSHIP, 7), -EADDRNOTAVAIL);
  assert.equal(change(IPV6_DROP_MEMBERSHIP, 0), 0);
  assert.equal(change(IPV6_DROP_MEMBERSHIP, 1), -EADDRNOTAVAIL);
});
