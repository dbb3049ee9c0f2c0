/**
 * What TCP and UDP do alike, whoever carries them: the loopback, the provider, and each that comes (tcp(7), udp(7),
 * ip(7)). Two tasks talk; `settle` lets what is under way arrive.
 */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_INET,
  EAGAIN,
  ECONNREFUSED,
  ECONNABORTED,
  ECONNRESET,
  EDESTADDRREQ,
  EINPROGRESS,
  EINVAL,
  EISCONN,
  ENOTCONN,
  EPIPE,
  FIONREAD,
  IPPROTO_IP,
  IP_ADD_MEMBERSHIP,
  IP_DROP_MEMBERSHIP,
  IP_MULTICAST_IF,
  EADDRINUSE,
  EADDRNOTAVAIL,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_OOB,
  MSG_PEEK,
  MSG_TRUNC,
  POLLERR,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLPRI,
  POLLRDHUP,
  SHUT_RD,
  SHUT_WR,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_PEEK_OFF,
  SO_ERROR,
  SO_LINGER,
} from "@stratos/abi";
import type { InetSocket } from "../socket/inet/inet-socket.ts";
import type { Call } from "./fake-task.ts";
import { inet, type SocketTask } from "./socket-task.ts";

/** Two ends that a member carries between. */
interface CarriedPair {
  readonly client: SocketTask;
  readonly server: SocketTask;
  /** Where the server is reached. */
  readonly serverIp: string;
  readonly clientIp: string;
  /** What is under way arrives. */
  settle(): void;
}

/** What a member can't have, with its reason in docs/compatibility.md. */
interface CarrierLimits {
  /** MSG_OOB is refused with EINVAL. */
  readonly hasUrgent: boolean;
  /** What is sent to a group reaches the other end. */
  readonly hasGroups: boolean;
  /** A connection is told as it was asked for, though the server's backlog is full. */
  readonly hidesBacklog: boolean;
  /** A socket without bind(2) sends from the port that it knows. */
  readonly keepsPort: boolean;
}

export function inetConformance(name: string, make: () => CarriedPair, limits: CarrierLimits): void {
  const finish = (pair: CarriedPair, call: Call): number => {
    for (let turn = 0; turn < 10 && call.isBlocked; turn++) {
      pair.settle();
      call.resume();
    }
    assert.notEqual(call.result, null, "the call ends");
    return call.result!;
  };
  const listen = (pair: CarriedPair, backlog = 5): number => {
    const { server } = pair;
    const fd = server.socket(AF_INET, SOCK_STREAM);
    assert.equal(server.bind(fd, inet("0.0.0.0", 8080)), 0);
    assert.equal(finish(pair, server.start("listen", fd, backlog)), 0);
    return fd;
  };
  const connect = (pair: CarriedPair, port = 8080): { fd: number; result: number } => {
    const fd = pair.client.socket(AF_INET, SOCK_STREAM);
    return { fd, result: finish(pair, pair.client.startWith("connect", fd, inet(pair.serverIp, port))) };
  };
  /** Client's and server's descriptor of a connection. */
  const connected = (pair: CarriedPair): [number, number] => {
    const listener = listen(pair);
    const { fd, result } = connect(pair);
    assert.equal(result, 0);
    pair.settle();
    const accepted = pair.server.call("accept", listener, 0, 0);
    assert.ok(accepted > 0, `accept: ${accepted}`);
    pair.server.call("close", listener);
    return [fd, accepted];
  };
  const bound = (pair: CarriedPair, port: number): number => {
    const { server } = pair;
    const fd = server.socket(AF_INET, SOCK_DGRAM);
    assert.equal(finish(pair, server.startWith("bind", fd, inet("0.0.0.0", port))), 0);
    return fd;
  };
  const resetOnClose = (user: SocketTask, fd: number): void => {
    assert.equal(user.setBytes(fd, SOL_SOCKET, SO_LINGER, Uint8Array.of(1, 0, 0, 0, 0, 0, 0, 0)), 0);
    user.call("close", fd);
  };

  describe(`TCP over ${name}`, () => {
    it("connects, talks, names both ends, and ends each direction", () => {
      const pair = make();
      const { client, server, settle } = pair;
      const [fd, peer] = connected(pair);
      assert.deepEqual(server.name(peer, "getpeername"), client.name(fd));
      assert.deepEqual(client.name(fd, "getpeername"), inet(pair.serverIp, 8080));
      assert.equal(client.send(fd, "request"), 7);
      settle();
      assert.equal(server.poll(peer) & POLLIN, POLLIN);
      assert.equal(server.receive(peer), "request");
      const waiting = client.startReceive(fd);
      assert.ok(waiting.isBlocked);
      server.send(peer, "answer");
      assert.equal(finish(pair, waiting), 6);
      client.call("shutdown", fd, SHUT_WR);
      settle();
      assert.equal(server.poll(peer) & (POLLIN | POLLRDHUP | POLLHUP), POLLIN | POLLRDHUP);
      assert.equal(server.receive(peer), "");
      assert.equal(server.send(peer, "after the end"), 13);
      settle();
      assert.equal(client.receive(fd), "after the end");
      server.call("close", peer);
      settle();
      assert.equal(client.receive(fd), "");
      assert.equal(client.poll(fd) & POLLHUP, POLLHUP);
      assert.equal(client.send(fd, "x", MSG_NOSIGNAL), -EPIPE);
    });

    it("refuses where nobody listens, to who waits and to who polls", () => {
      const pair = make();
      const { client } = pair;
      assert.equal(connect(pair, 81).result, -ECONNREFUSED);
      const fd = client.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
      assert.equal(client.connect(fd, inet(pair.serverIp, 81)), -EINPROGRESS);
      pair.settle();
      const failed = POLLERR | POLLHUP | POLLOUT;
      assert.equal(client.poll(fd) & failed, failed);
      assert.equal(client.getInt(fd, SOL_SOCKET, SO_ERROR), ECONNREFUSED);
      assert.equal(client.getInt(fd, SOL_SOCKET, SO_ERROR), 0);
    });

    it("connects without blocking in three steps", () => {
      const pair = make();
      const { client } = pair;
      listen(pair);
      const to = inet(pair.serverIp, 8080);
      const fd = client.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
      assert.equal(client.connect(fd, to), -EINPROGRESS);
      pair.settle();
      assert.equal(client.poll(fd) & (POLLOUT | POLLERR | POLLHUP), POLLOUT);
      assert.equal(client.connect(fd, to), 0);
      assert.equal(client.connect(fd, to), -EISCONN);
      assert.equal(client.receive(fd, 1), -EAGAIN);
    });

    it("gives connections out in the order they came, and wakes who waits for one", () => {
      const pair = make();
      const { client, server } = pair;
      const listener = listen(pair, 0);
      const accepting = server.start("accept", listener, 0, 0);
      assert.ok(accepting.isBlocked);
      assert.equal(server.poll(listener) & POLLIN, 0);
      const first = connect(pair);
      assert.equal(first.result, 0);
      const child = finish(pair, accepting);
      assert.ok(child > 0);
      client.send(first.fd, "first");
      pair.settle();
      assert.equal(server.receive(child), "first");
      const second = client.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
      const third = client.socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK);
      for (const fd of [second, third]) client.connect(fd, inet(pair.serverIp, 8080));
      pair.settle();
      assert.equal(client.poll(second) & POLLOUT, POLLOUT);
      if (!limits.hidesBacklog) assert.equal(client.poll(third) & POLLOUT, 0, "the backlog is full");
      assert.deepEqual(server.call("accept", listener, 0, 0) > 0 && client.poll(third) & POLLHUP, 0);
      pair.settle();
      assert.equal(client.connect(third, inet(pair.serverIp, 8080)), 0);
    });

    it("holds writers back until the other side has read", () => {
      const pair = make();
      const { client, server } = pair;
      const [fd, peer] = connected(pair);
      let total = 0;
      for (;;) {
        const sent = client.send(fd, new Uint8Array(0x5000), MSG_DONTWAIT);
        if (sent < 0) break;
        total += sent;
        pair.settle();
      }
      assert.equal(client.send(fd, "x", MSG_DONTWAIT), -EAGAIN);
      assert.equal(client.poll(fd) & POLLOUT, 0);
      const writing = client.startSend(fd, "tail");
      assert.ok(writing.isBlocked);
      let seen = 0;
      while (seen < total) {
        seen += (server.receive(peer, 0x5000) as string).length;
        pair.settle();
      }
      if (writing.isBlocked) finish(pair, writing);
      assert.equal(writing.result, 4);
      assert.equal(client.poll(fd) & POLLOUT, POLLOUT);
      pair.settle();
      assert.equal(server.receive(peer), "tail");
    });

    it("is reset by SO_LINGER 0, and then has no peer", () => {
      const pair = make();
      const { client, server } = pair;
      const [fd, peer] = connected(pair);
      resetOnClose(server, peer);
      pair.settle();
      assert.equal(client.poll(fd) & (POLLERR | POLLHUP | POLLIN), POLLERR | POLLHUP | POLLIN);
      assert.equal(client.receive(fd), -ECONNRESET);
      assert.equal(client.name(fd, "getpeername"), -ENOTCONN);
      assert.equal(client.receive(fd), "");
      assert.equal(client.send(fd, "x", MSG_NOSIGNAL), -EPIPE);
    });

    it("is ended from outside with an error, and reset at the other end", () => {
      const pair = make();
      const { client, server } = pair;
      const [fd, peer] = connected(pair);
      const socket = client.task.files.get(fd) as InetSocket;
      assert.equal(socket.destroy(ECONNABORTED), 0);
      assert.equal(client.poll(fd) & (POLLERR | POLLHUP | POLLIN), POLLERR | POLLHUP | POLLIN);
      assert.equal(client.receive(fd), -ECONNABORTED);
      assert.equal(client.name(fd, "getpeername"), -ENOTCONN);
      assert.equal(client.send(fd, "x", MSG_NOSIGNAL), -EPIPE);
      pair.settle();
      assert.equal(server.receive(peer), -ECONNRESET);
      client.call("close", fd);
    });

    it("takes what is written to who has gone, once", () => {
      const pair = make();
      const { client, server } = pair;
      const [fd, peer] = connected(pair);
      server.call("close", peer);
      pair.settle();
      assert.equal(client.send(fd, "lost"), 4);
      pair.settle();
      assert.ok(client.send(fd, "x", MSG_NOSIGNAL) < 0);
    });

    it("peeks, counts and discards", () => {
      const pair = make();
      const { client, server } = pair;
      const [fd, peer] = connected(pair);
      client.send(fd, "abcdef");
      pair.settle();
      assert.equal(server.receive(peer, 3, MSG_PEEK), "abc");
      assert.equal(server.task.files.get(peer)!.ioctl(server.task, FIONREAD, 0x7000), 0);
      assert.equal(server.memory.view.getUint32(0x7000, true), 6);
      assert.equal(server.startReceive(peer, 4, MSG_TRUNC).result, 4);
      assert.equal(server.receive(peer), "ef");
      assert.equal(server.receive(peer, 1, MSG_DONTWAIT), -EAGAIN);
    });

    it("peeks behind what was peeked (SO_PEEK_OFF), and back by what is read", () => {
      const pair = make();
      const { client, server } = pair;
      const [fd, peer] = connected(pair);
      client.send(fd, "abcdef");
      pair.settle();
      server.setInt(peer, SOL_SOCKET, SO_PEEK_OFF, 1);
      const peeked = [2, 2, 9, 9].map((count) => server.receive(peer, count, MSG_PEEK | MSG_DONTWAIT));
      assert.deepEqual(peeked, ["bc", "de", "f", -EAGAIN]);
      assert.equal(server.receive(peer, 4), "abcd");
      client.send(fd, "gh");
      pair.settle();
      assert.equal(server.receive(peer, 9, MSG_PEEK), "gh");
      assert.equal(client.call("shutdown", fd, SHUT_WR), 0);
      pair.settle();
      assert.equal(server.receive(peer, 9, MSG_PEEK), "");
      assert.equal(server.receive(peer, 9), "efgh");
      server.setInt(peer, SOL_SOCKET, SO_PEEK_OFF, 70000);
      assert.equal(server.receive(peer, 9, MSG_PEEK), "");
    });

    it("reads nothing more after SHUT_RD, and says so at once", () => {
      const pair = make();
      const { client } = pair;
      const [fd] = connected(pair);
      assert.equal(client.call("shutdown", fd, SHUT_RD), 0);
      assert.equal(client.poll(fd) & (POLLIN | POLLRDHUP), POLLIN | POLLRDHUP);
      assert.equal(client.receive(fd), "");
    });

    it(limits.hasUrgent ? "carries an urgent byte beside the stream" : "refuses urgent data by name", () => {
      const pair = make();
      const { client, server } = pair;
      const [fd, peer] = connected(pair);
      if (!limits.hasUrgent) {
        assert.equal(client.send(fd, "!", MSG_OOB), -EINVAL);
        return;
      }
      assert.equal(client.send(fd, "ab!", MSG_OOB), 3);
      assert.equal(server.poll(peer) & POLLPRI, POLLPRI);
      assert.equal(server.receive(peer, 1, MSG_OOB), "!");
      assert.equal(server.receive(peer, 1, MSG_OOB), -EINVAL);
      assert.equal(server.receive(peer), "ab");
    });
  });

  describe(`UDP over ${name}`, () => {
    it("carries datagrams with their sender, one at a time, empty ones too", () => {
      const pair = make();
      const { client, server } = pair;
      const fd = bound(pair, 5353);
      const out = client.socket(AF_INET, SOCK_DGRAM);
      assert.equal(client.send(out, "x"), -EDESTADDRREQ);
      const to = inet(pair.serverIp, 5353);
      for (const text of ["question", "", "third"]) assert.equal(client.send(out, text, 0, to), text.length);
      pair.settle();
      assert.equal(server.poll(fd) & POLLIN, POLLIN);
      const first = server.receiveFrom(fd) as { text: string; from: Uint8Array };
      const port = limits.keepsPort ? client.port(out) : (first.from[2]! << 8) | first.from[3]!;
      assert.deepEqual(first, { text: "question", from: inet(pair.clientIp, port) });
      assert.deepEqual([server.receive(fd), server.receive(fd)], ["", "third"]);
      assert.equal(server.receive(fd, 1, MSG_DONTWAIT), -EAGAIN);
      server.send(fd, "answer", 0, first.from);
      pair.settle();
      assert.equal(client.receive(out), "answer");
    });

    it("cuts what is longer than the room, and tells the length to who asks", () => {
      const pair = make();
      const { client, server } = pair;
      const fd = bound(pair, 5353);
      const out = client.socket(AF_INET, SOCK_DGRAM);
      const to = inet(pair.serverIp, 5353);
      for (const text of ["0123456789", "abcdef", "next"]) client.send(out, text, 0, to);
      pair.settle();
      assert.equal(server.receive(fd, 4, MSG_PEEK), "0123");
      const message = server.receiveMessage(fd, { count: 4 });
      assert.deepEqual([message.text, message.flags & MSG_TRUNC], ["0123", MSG_TRUNC]);
      assert.equal(server.startReceive(fd, 2, MSG_TRUNC).result, 6);
      assert.equal(server.receive(fd), "next");
      assert.equal(client.send(out, new Uint8Array(0x5000), 0, inet(pair.serverIp, 0)), -EINVAL);
    });

    it("peeks behind what was peeked (SO_PEEK_OFF), across datagrams", () => {
      const pair = make();
      const { client, server } = pair;
      const fd = bound(pair, 5353);
      const out = client.socket(AF_INET, SOCK_DGRAM);
      const to = inet(pair.serverIp, 5353);
      for (const text of ["abc", "", "defg"]) client.send(out, text, 0, to);
      pair.settle();
      server.setInt(fd, SOL_SOCKET, SO_PEEK_OFF, 1);
      const peeked = [9, 9, 2, 9, 9].map((count) => server.receive(fd, count, MSG_PEEK | MSG_DONTWAIT));
      assert.deepEqual(peeked, ["bc", "", "de", "fg", -EAGAIN]);
      for (const text of ["abc", "", "defg"]) assert.equal(server.receive(fd, 9, MSG_DONTWAIT), text);
      client.send(out, "next", 0, to);
      pair.settle();
      assert.equal(server.receive(fd, 9, MSG_PEEK), "next");
    });

    it("hears its peer alone once it is connected, and learns that nobody is there", () => {
      const pair = make();
      const { client, server } = pair;
      const fd = bound(pair, 5353);
      const out = client.socket(AF_INET, SOCK_DGRAM);
      assert.equal(client.connect(out, inet(pair.serverIp, 5353)), 0);
      assert.deepEqual(client.name(out), inet(pair.clientIp, client.port(out)));
      client.send(out, "hello");
      pair.settle();
      const { from } = server.receiveFrom(fd) as { from: Uint8Array };
      const stranger = bound(pair, 5354);
      server.send(stranger, "who?", 0, from);
      server.send(fd, "peer", 0, from);
      pair.settle();
      assert.equal(client.receive(out), "peer");
      assert.equal(client.receive(out, 1, MSG_DONTWAIT), -EAGAIN);
      const alone = client.socket(AF_INET, SOCK_DGRAM);
      client.connect(alone, inet(pair.serverIp, 54));
      assert.equal(client.send(alone, "x"), 1);
      pair.settle();
      assert.equal(client.poll(alone) & POLLERR, POLLERR);
      assert.equal(client.receive(alone), -ECONNREFUSED);
    });

    it("joins and leaves groups", () => {
      const pair = make();
      const { client, server } = pair;
      const fd = bound(pair, 5353);
      // A sockaddr_in has the address at byte 4.
      const addressOf = (ip: string): Uint8Array => inet(ip, 0).slice(4, 8);
      const group = [224, 0, 0, 251, ...addressOf(pair.serverIp)];
      const change = (option: number): number => server.setBytes(fd, IPPROTO_IP, option, Uint8Array.from(group));
      assert.equal(change(IP_DROP_MEMBERSHIP), -EADDRNOTAVAIL);
      assert.equal(change(IP_ADD_MEMBERSHIP), 0);
      assert.equal(change(IP_ADD_MEMBERSHIP), -EADDRINUSE);
      if (limits.hasGroups) {
        const out = client.socket(AF_INET, SOCK_DGRAM);
        assert.equal(client.setBytes(out, IPPROTO_IP, IP_MULTICAST_IF, addressOf(pair.clientIp)), 0);
        client.send(out, "to all", 0, inet("224.0.0.251", 5353));
        pair.settle();
        assert.equal(server.receive(fd), "to all");
      }
      assert.equal(change(IP_DROP_MEMBERSHIP), 0);
    });
  });
}
