/** AF_UNIX through the system calls, as unix(7) describes it. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import {
  AF_UNIX,
  EACCES,
  EADDRINUSE,
  EAGAIN,
  EBADF,
  ECONNREFUSED,
  ECONNRESET,
  EFAULT,
  EINVAL,
  EISCONN,
  EMSGSIZE,
  ENOENT,
  ENOTCONN,
  ENOTSOCK,
  EPERM,
  EPIPE,
  EPROTOTYPE,
  MAP_ANONYMOUS,
  MAP_PRIVATE,
  MSG_CTRUNC,
  MSG_DONTWAIT,
  MSG_NOSIGNAL,
  MSG_PEEK,
  MSG_TRUNC,
  MSG_WAITALL,
  PAGE_SIZE,
  POLLHUP,
  POLLIN,
  POLLOUT,
  POLLRDHUP,
  PROT_READ,
  PROT_WRITE,
  SCM_CREDENTIALS,
  SCM_RIGHTS,
  SHUT_RD,
  SHUT_WR,
  SIGPIPE,
  SIGUSR1,
  SI_USER,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
  SOCK_NONBLOCK,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_ACCEPTCONN,
  SO_ERROR,
  SO_PASSCRED,
  SO_PEERCRED,
  SO_PEERGROUPS,
  SO_RCVTIMEO,
  SO_SNDBUF,
  S_IFMT,
  S_IFSOCK,
} from "@stratos/abi";
import { signalInfo } from "../../signal/pending-signals.ts";
import { sendSignalToTask } from "../../signal/send-signal.ts";
import { advance } from "../../testing/fake-task.ts";
import { IdMap } from "../../security/id-map.ts";
import { INITIAL_USER_NAMESPACE, UserNamespace } from "../../security/user-namespace.ts";
import { SocketTask, unixAbstract, unixPath } from "../../testing/socket-task.ts";
import { createMemoryTask } from "../../testing/memory-task.ts";
import { call } from "../../testing/system-calls.ts";
import { mmap } from "../../mm/mmap.ts";

function pairOf(user: SocketTask, type: number = SOCK_STREAM): [number, number] {
  const pair = user.pair(type);
  assert.notEqual(typeof pair, "number");
  return pair as [number, number];
}

function listener(user: SocketTask, address: Uint8Array, backlog = 5, type: number = SOCK_STREAM): number {
  const fd = user.socket(AF_UNIX, type);
  assert.equal(user.bind(fd, address), 0);
  assert.equal(user.call("listen", fd, backlog), 0);
  return fd;
}

function fill(user: SocketTask, fd: number): number {
  let total = 0;
  for (;;) {
    const sent = user.send(fd, new Uint8Array(0x4000), MSG_DONTWAIT);
    if (sent < 0) return total;
    total += sent;
  }
}

describe("stream pairs", () => {
  it("of a machine that are full of bytes take a page each, and all again once they are read", () => {
    const {
      test: { kernel },
      user,
    } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    const usual = fill(user, one);
    assert.equal(kernel.network.inFlight.memory.bytes, usual);
    const [third, fourth] = pairOf(user);
    kernel.network.inFlight.memory.bytes += 256 << 20;
    assert.equal(fill(user, third), 4096);
    kernel.network.inFlight.memory.bytes -= 256 << 20;
    assert.equal(fill(user, third), usual - 4096);
    for (const fd of [one, other, third, fourth]) user.call("close", fd);
    assert.equal(kernel.network.inFlight.memory.bytes, 0);
  });

  it("carry bytes both ways, without borders", () => {
    const { user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    assert.equal(user.send(one, "hello"), 5);
    assert.equal(user.write(one, " world"), 6);
    assert.equal(user.receive(other, 3), "hel");
    assert.equal(user.read(other), "lo world");
    assert.equal(user.send(other, "back"), 4);
    assert.equal(user.receive(one, 100, MSG_PEEK), "back");
    assert.equal(user.receive(one), "back");
    assert.equal(user.receive(one, 10, MSG_DONTWAIT), -EAGAIN);
  });

  it("wake a reader that waits", () => {
    const { test, user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    const child = new SocketTask(test.kernel, user);
    child.task.files = user.task.files.copy();
    const reading = child.startReceive(other);
    assert.ok(reading.isBlocked);
    user.send(one, "now");
    assert.equal(reading.resume(), 3);
    assert.equal(child.received(3), "now");
  });

  it("end with the bytes that were sent before", () => {
    const { user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    user.send(one, "last");
    user.call("close", one);
    assert.equal(user.poll(other) & (POLLIN | POLLHUP | POLLRDHUP), POLLIN | POLLHUP | POLLRDHUP);
    assert.equal(user.receive(other), "last");
    assert.equal(user.receive(other), "");
    assert.equal(user.send(other, "x", MSG_NOSIGNAL), -EPIPE);
    assert.equal(user.task.pending.set.has(SIGPIPE), false);
    assert.equal(user.send(other, "x"), -EPIPE);
    assert.ok(user.task.pending.set.has(SIGPIPE));
  });

  it("are reset by a close with unread bytes", () => {
    const { user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    user.send(one, "never read");
    user.send(other, "read first");
    user.call("close", other);
    assert.equal(user.receive(one), "read first");
    assert.equal(user.receive(one), -ECONNRESET);
    assert.equal(user.receive(one), "");
  });

  it("block a writer when full, and let all of a write through as the reader reads", () => {
    const { test, user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    const total = fill(user, one);
    assert.ok(total >= 0x4000);
    assert.equal(user.poll(one) & POLLOUT, 0);
    const child = new SocketTask(test.kernel, user);
    child.task.files = user.task.files.copy();
    const writing = child.startSend(one, new Uint8Array(0x5000).fill(7));
    assert.ok(writing.isBlocked);
    let seen = 0;
    while (writing.resume() === null) seen += (user.receive(other, 0x1000) as string).length;
    assert.equal(writing.result, 0x5000);
    for (;;) {
      const more = user.receive(other, 0x4000, MSG_DONTWAIT);
      if (typeof more === "number") break;
      seen += more.length;
    }
    assert.equal(seen, total + 0x5000);
  });

  it("give a signal's handler the count of what was written", () => {
    const { test, user } = SocketTask.createMachine();
    const [one] = pairOf(user);
    user.setInt(one, SOL_SOCKET, SO_SNDBUF, 4096);
    const child = new SocketTask(test.kernel, user);
    child.task.files = user.task.files.copy();
    const writing = child.startSend(one, new Uint8Array(0x5000));
    assert.ok(writing.isBlocked);
    assert.deepEqual(child.task.syscallState, { kind: "socket", transferred: 8192, deadlineNs: Infinity, messages: 0 });
    child.task.group.actions.set(SIGUSR1, { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
    sendSignalToTask(child.task, signalInfo(SIGUSR1, SI_USER));
    assert.equal(child.task.wakeReason, "signal");
  });

  it("wait for everything with MSG_WAITALL", () => {
    const { test, user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    const child = new SocketTask(test.kernel, user);
    child.task.files = user.task.files.copy();
    const reading = child.startReceive(other, 6, MSG_WAITALL);
    user.send(one, "abc");
    assert.equal(reading.resume(), null);
    user.send(one, "defgh");
    assert.equal(reading.resume(), 6);
    assert.equal(child.received(6), "abcdef");
    assert.equal(user.receive(other), "gh");
  });

  it("stop waiting after SO_RCVTIMEO", () => {
    const { test, user } = SocketTask.createMachine();
    const [one] = pairOf(user);
    const timeval = new Uint8Array(16);
    new DataView(timeval.buffer).setUint32(8, 50_000, true);
    assert.equal(user.setBytes(one, SOL_SOCKET, SO_RCVTIMEO, timeval), 0);
    const reading = user.startReceive(one);
    advance(test, 49);
    assert.equal(reading.resume(), null);
    advance(test, 2);
    assert.equal(reading.resume(), -EAGAIN);
  });

  it("shut each direction down on both sides", () => {
    const { user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    assert.equal(user.call("shutdown", one, SHUT_WR), 0);
    assert.equal(user.receive(other), "");
    assert.equal(user.send(one, "x", MSG_NOSIGNAL), -EPIPE);
    assert.equal(user.send(other, "still"), 5);
    assert.equal(user.receive(one), "still");
    assert.equal(user.call("shutdown", one, SHUT_RD), 0);
    assert.equal(user.send(other, "x", MSG_NOSIGNAL), -EPIPE);
    assert.equal(user.call("shutdown", one, 3), -EINVAL);
  });
});

describe("names and connections", () => {
  it("connect through a path that is a socket file", () => {
    const { user } = SocketTask.createMachine();
    const server = listener(user, unixPath("/tmp.sock"));
    const stat = user.stat("/tmp.sock");
    assert.equal(typeof stat === "number" ? stat : stat.mode, S_IFSOCK | 0o755);
    const client = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.connect(client, unixPath("/tmp.sock")), 0);
    assert.equal(user.poll(server) & POLLIN, POLLIN);
    const accepted = user.call("accept4", server, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert.ok(accepted > 0);
    user.send(client, "through a path");
    assert.equal(user.receive(accepted), "through a path");
    assert.deepEqual(user.name(client, "getpeername"), unixPath("/tmp.sock"));
    assert.deepEqual(user.name(accepted), unixPath("/tmp.sock"));
    assert.deepEqual(user.name(accepted, "getpeername"), Uint8Array.of(AF_UNIX, 0));
    assert.equal(user.connect(client, unixPath("/tmp.sock")), -EISCONN);
    assert.equal(user.getInt(server, SOL_SOCKET, SO_ACCEPTCONN), 1);
  });

  it("refuse what isn't there, isn't a socket, doesn't listen or may not be written", () => {
    const { test, user } = SocketTask.createMachine();
    const client = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.connect(client, unixPath("/none")), -ENOENT);
    user.put("/file", "");
    assert.equal(user.connect(client, unixPath("/file")), -ECONNREFUSED);
    const bound = user.socket(AF_UNIX, SOCK_STREAM);
    user.bind(bound, unixPath("/bound"));
    assert.equal(user.connect(client, unixPath("/bound")), -ECONNREFUSED);
    assert.equal(user.bind(bound, unixPath("/other")), -EINVAL);
    assert.equal(user.bind(client, unixPath("/bound")), -EADDRINUSE);
    user.call("listen", bound, 1);
    const datagram = user.socket(AF_UNIX, SOCK_DGRAM);
    assert.equal(user.connect(datagram, unixPath("/bound")), -EPROTOTYPE);
    const stranger = new SocketTask(test.kernel, user);
    stranger.becomeUser(1000);
    assert.equal(stranger.connect(stranger.socket(AF_UNIX, SOCK_STREAM), unixPath("/bound")), -EACCES);
    user.call("close", bound);
    assert.equal(user.connect(client, unixPath("/bound")), -ECONNREFUSED);
  });

  it("keep abstract names while the socket lives", () => {
    const { user } = SocketTask.createMachine();
    const server = listener(user, unixAbstract("name"));
    const second = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.bind(second, unixAbstract("name")), -EADDRINUSE);
    user.call("close", server);
    assert.equal(user.bind(second, unixAbstract("name")), 0);
    const unnamed = user.socket(AF_UNIX, SOCK_DGRAM);
    assert.equal(user.bind(unnamed, Uint8Array.of(AF_UNIX, 0)), 0);
    const name = user.name(unnamed) as Uint8Array;
    assert.equal(name.length, 8);
    assert.match(String.fromCharCode(...name.subarray(3)), /^[0-9a-f]{5}$/);
  });

  it("have abstract names for each type", () => {
    const { user } = SocketTask.createMachine();
    listener(user, unixAbstract("name"));
    const datagrams = user.socket(AF_UNIX, SOCK_DGRAM);
    assert.equal(user.connect(datagrams, unixAbstract("name")), -ECONNREFUSED);
    assert.equal(user.bind(datagrams, unixAbstract("name")), 0);
    assert.equal(user.connect(user.socket(AF_UNIX, SOCK_DGRAM), unixAbstract("name")), 0);
    assert.equal(user.connect(user.socket(AF_UNIX, SOCK_STREAM), unixAbstract("name")), 0);
  });

  it("wait for room in the backlog", () => {
    const { test, user } = SocketTask.createMachine();
    const server = listener(user, unixAbstract("busy"), 0);
    assert.equal(user.connect(user.socket(AF_UNIX, SOCK_STREAM), unixAbstract("busy")), 0);
    assert.equal(user.connect(user.socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK), unixAbstract("busy")), -EAGAIN);
    const child = new SocketTask(test.kernel, user);
    const waiting = child.startWith("connect", child.socket(AF_UNIX, SOCK_STREAM), unixAbstract("busy"));
    assert.ok(waiting.isBlocked);
    assert.ok(user.call("accept", server, 0, 0) > 0);
    assert.equal(waiting.resume(), 0);
  });

  it("reset connections that nobody accepted when the listener closes", () => {
    const { user } = SocketTask.createMachine();
    const server = listener(user, unixAbstract("closing"));
    const client = user.socket(AF_UNIX, SOCK_STREAM);
    user.connect(client, unixAbstract("closing"));
    user.call("close", server);
    assert.equal(user.getInt(client, SOL_SOCKET, SO_ERROR), ECONNRESET);
    assert.equal(user.receive(client), "");
  });

  it("say what an unconnected socket can't do", () => {
    const { user } = SocketTask.createMachine();
    const fd = user.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(user.receive(fd), -EINVAL);
    assert.equal(user.send(fd, "x"), -ENOTCONN);
    assert.equal(user.name(fd, "getpeername"), -ENOTCONN);
    assert.equal(user.call("listen", fd, 1), -EINVAL);
    assert.equal(user.call("accept", fd, 0, 0), -EINVAL);
    assert.equal(user.call("accept", 99, 0, 0), -EBADF);
    user.put("/file", "");
    assert.equal(user.call("listen", user.open("/file"), 1), -ENOTSOCK);
    assert.equal(user.poll(fd) & (POLLHUP | POLLOUT), POLLHUP | POLLOUT);
    const status = user.fstat(fd);
    assert.equal(typeof status === "number" ? status : status.mode & S_IFMT, S_IFSOCK);
  });

  it("tell who is on the other side", () => {
    const { test, user } = SocketTask.createMachine();
    const server = listener(user, unixAbstract("who"));
    const child = new SocketTask(test.kernel, user);
    child.becomeUser(1000);
    const client = child.socket(AF_UNIX, SOCK_STREAM);
    assert.equal(child.connect(client, unixAbstract("who")), 0);
    const accepted = user.call("accept", server, 0, 0);
    const ints = (bytes: Uint8Array | number): number[] => [...new Int32Array((bytes as Uint8Array).buffer)];
    assert.deepEqual(ints(user.getBytes(accepted, SOL_SOCKET, SO_PEERCRED)), [child.task.pid, 1000, 1000]);
    assert.deepEqual(ints(child.getBytes(client, SOL_SOCKET, SO_PEERCRED)), [user.task.pid, 0, 0]);
    assert.deepEqual(ints(user.getBytes(server, SOL_SOCKET, SO_PEERCRED)), [user.task.pid, 0, 0]);
  });
});

describe("messages with borders", () => {
  for (const type of [SOCK_DGRAM, SOCK_SEQPACKET]) {
    it(`stay apart and are cut to the buffer (type ${type})`, () => {
      const { user } = SocketTask.createMachine();
      const [one, other] = pairOf(user, type);
      user.send(one, "first");
      user.send(one, "");
      user.send(one, "second one");
      assert.equal(user.receive(other), "first");
      assert.equal(user.receive(other), "");
      const cut = user.receiveMessage(other, { count: 6 });
      assert.equal(cut.text, "second");
      assert.equal(cut.flags & MSG_TRUNC, MSG_TRUNC);
      user.send(one, "whole length");
      assert.equal(user.startReceive(other, 2, MSG_TRUNC).result, 12);
      assert.equal(user.setInt(one, SOL_SOCKET, SO_SNDBUF, 4096), 0);
      assert.equal(user.send(one, new Uint8Array(9000)), -EMSGSIZE);
    });
  }

  it("carry the sender's name", () => {
    const { user } = SocketTask.createMachine();
    const server = user.socket(AF_UNIX, SOCK_DGRAM);
    user.bind(server, unixAbstract("dgram"));
    const client = user.socket(AF_UNIX, SOCK_DGRAM);
    assert.equal(user.send(client, "?"), -ENOTCONN);
    assert.equal(user.send(client, "anonymous", 0, unixAbstract("dgram")), 9);
    assert.deepEqual(user.receiveFrom(server), { text: "anonymous", from: new Uint8Array(0) });
    user.bind(client, unixAbstract("me"));
    user.connect(client, unixAbstract("dgram"));
    user.send(client, "named");
    assert.deepEqual(user.receiveFrom(server), { text: "named", from: unixAbstract("me") });
    user.call("close", server);
    assert.equal(user.send(client, "gone"), -ECONNREFUSED);
    assert.equal(user.send(client, "gone"), -ENOTCONN);
  });

  it("hold back senders of a full receiver, and only peers reach a connected one", () => {
    const { user } = SocketTask.createMachine();
    const server = user.socket(AF_UNIX, SOCK_DGRAM);
    user.bind(server, unixAbstract("full"));
    const client = user.socket(AF_UNIX, SOCK_DGRAM);
    user.connect(client, unixAbstract("full"));
    for (let count = 0; count < 11; count++) assert.equal(user.send(client, "x", MSG_DONTWAIT), 1);
    assert.equal(user.send(client, "x", MSG_DONTWAIT), -EAGAIN);
    assert.equal(user.poll(client) & POLLOUT, 0);
    user.receive(server);
    assert.equal(user.poll(client) & POLLOUT, POLLOUT);
    assert.equal(user.send(client, "x", MSG_DONTWAIT), 1);
    user.bind(client, unixAbstract("client"));
    user.connect(server, unixAbstract("client"));
    assert.equal(user.send(user.socket(AF_UNIX, SOCK_DGRAM), "x", 0, unixAbstract("full")), -EPERM);
  });
});

describe("files and credentials in messages", () => {
  it("files arrive as new descriptors of the same description", () => {
    const { user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    user.put("/f", "content");
    const file = user.open("/f");
    assert.equal(user.sendMessage(one, "with file", SCM_RIGHTS, [file]), 9);
    user.call("close", file);
    const { text, control, flags } = user.receiveMessage(other);
    assert.equal(text, "with file");
    assert.equal(flags & MSG_CTRUNC, 0);
    assert.equal(control.length, 1);
    assert.equal(control[0]!.type, SCM_RIGHTS);
    const fd = new Int32Array(control[0]!.data.buffer)[0]!;
    assert.equal(user.read(fd), "content");
    assert.equal(user.task.kernel.network.inFlight.total, 0);
  });

  it("a read goes on to the end of bytes with files, and no further", () => {
    const { user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    user.send(one, "before");
    user.sendMessage(one, "with", SCM_RIGHTS, [one]);
    user.send(one, "after");
    const message = user.receiveMessage(other);
    assert.equal(message.text, "beforewith");
    assert.equal(message.control.length, 1);
    assert.equal(user.receive(other), "after");
  });

  it("files without room are closed and reported", () => {
    const { user } = SocketTask.createMachine();
    const [one, other] = pairOf(user, SOCK_SEQPACKET);
    const before = user.task.files.openCount;
    user.sendMessage(one, "x", SCM_RIGHTS, [one, one]);
    const message = user.receiveMessage(other, { room: 20 });
    assert.equal(message.flags & MSG_CTRUNC, MSG_CTRUNC);
    assert.equal(message.control[0]!.data.length, 4);
    assert.equal(user.task.files.openCount, before + 1);
    user.sendMessage(one, "x", SCM_RIGHTS, [one]);
    assert.equal(user.receive(other), "x");
    assert.equal(user.task.files.get(one)!.references, 2);
    assert.equal(user.sendMessage(one, "x", SCM_RIGHTS, [99]), -EBADF);
    assert.equal(user.sendMessage(one, "x", 77, [1]), -EINVAL);
  });

  it("sockets that only their own messages hold are collected", () => {
    const { test, user } = SocketTask.createMachine();
    const { network } = test.kernel;
    const [one, other] = pairOf(user);
    // Each lies in the other's queue.
    user.sendMessage(one, "a", SCM_RIGHTS, [one, other]);
    user.sendMessage(other, "b", SCM_RIGHTS, [one]);
    assert.equal(network.inFlight.total, 3);
    user.call("close", one);
    assert.equal(network.inFlight.total, 3);
    user.call("close", other);
    assert.equal(network.inFlight.total, 0);
    assert.equal(network.unixSockets.size, 0);
  });

  it("a socket in the queue of one that lives is kept", () => {
    const { test, user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    const [three, four] = pairOf(user);
    user.sendMessage(one, "a", SCM_RIGHTS, [three]);
    user.sendMessage(four, "b", SCM_RIGHTS, [four]);
    user.call("close", three);
    user.call("close", four);
    assert.equal(test.kernel.network.unixSockets.size, 4);
    const received = user.receiveMessage(other);
    const fd = new Int32Array(received.control[0]!.data.buffer)[0]!;
    const inner = user.receiveMessage(fd);
    assert.equal(inner.text, "b");
  });

  it("credentials are checked, and told to who asks", () => {
    const { test, user } = SocketTask.createMachine();
    const [one, other] = pairOf(user);
    user.setInt(other, SOL_SOCKET, SO_PASSCRED, 1);
    user.send(one, "plain");
    const plain = user.receiveMessage(other);
    assert.deepEqual([...new Int32Array(plain.control[0]!.data.buffer)], [user.task.pid, 0, 0]);
    assert.equal(plain.control[0]!.type, SCM_CREDENTIALS);
    const child = new SocketTask(test.kernel, user);
    child.task.files = user.task.files.copy();
    child.becomeUser(1000);
    assert.equal(child.sendMessage(one, "lie", SCM_CREDENTIALS, [1, 0, 0]), -EPERM);
    assert.equal(child.sendMessage(one, "own", SCM_CREDENTIALS, [child.task.pid, 1000, 1000]), 3);
    user.send(one, "root's");
    const own = user.receiveMessage(other);
    assert.equal(own.text, "own");
    assert.deepEqual([...new Int32Array(own.control[0]!.data.buffer)], [child.task.pid, 1000, 1000]);
    assert.equal(user.receiveMessage(other).text, "root's");
  });
});

it("an interrupted wait is told", () => {
  const { user } = SocketTask.createMachine();
  const [one] = pairOf(user);
  const reading = user.startReceive(one);
  user.task.group.actions.set(SIGUSR1, { handler: 0x1000, flags: 0, restorer: 0, maskLow: 0, maskHigh: 0 });
  sendSignalToTask(user.task, signalInfo(SIGUSR1, SI_USER));
  assert.equal(reading.isBlocked, true);
  assert.equal(user.task.wakeReason, "signal");
});

it("a peer's groups are told as the asker's user namespace names them", () => {
  const { user } = SocketTask.createMachine();
  user.become({ groups: [5, 70000] });
  const [one] = pairOf(user);
  const groups = (): number[] => {
    const value = user.getBytes(one, SOL_SOCKET, SO_PEERGROUPS) as Uint8Array;
    return [...new Uint32Array(value.buffer)];
  };
  assert.deepEqual(groups(), [5, 70000]);
  const creator = { uid: 0, gid: 0, mayMapRoot: true };
  const userNamespace = new UserNamespace(INITIAL_USER_NAMESPACE, { ino: 1, counts: null }, creator);
  userNamespace.gids = new IdMap([{ first: 100, kernelFirst: 0, count: 10 }]);
  user.become({ userNamespace });
  assert.deepEqual(groups(), [105, 65534], "one without a name is nobody's");
});

it("a nonblocking accept finds nobody (EAGAIN); of a listener that is shut who would wait is told (EINVAL)", () => {
  const { user } = SocketTask.createMachine();
  const shutListener = (flags: number, name: string): number => {
    const fd = user.socket(AF_UNIX, SOCK_STREAM | flags);
    user.bind(fd, unixAbstract(name));
    user.call("listen", fd, 1);
    assert.equal(user.call("shutdown", fd, SHUT_RD), 0);
    return user.call("accept", fd, 0, 0);
  };
  assert.equal(shutListener(SOCK_NONBLOCK, "nonblocking"), -EAGAIN);
  assert.equal(shutListener(0, "waiting"), -EINVAL);
});

it("what is read to bad memory stays for the next read", () => {
  const { task } = createMemoryTask();
  const at = mmap(task, {
    address: 0,
    length: PAGE_SIZE,
    protection: PROT_READ | PROT_WRITE,
    flags: MAP_PRIVATE | MAP_ANONYMOUS,
    file: null,
    offset: 0,
  });
  assert.equal(call(task, "socketpair", AF_UNIX, SOCK_STREAM, 0, at), 0);
  const [one, other] = [task.space.loadU32(at), task.space.loadU32(at + 4)];
  assert.equal(call(task, "write", one, at, 8), 8);
  assert.equal(call(task, "read", other, at + PAGE_SIZE, 8), -EFAULT);
  assert.equal(call(task, "read", other, at, 8), 8);
});

it("of a packet that is too long what fits is told, and with MSG_TRUNC how long it was", () => {
  const { user } = SocketTask.createMachine();
  for (const type of [SOCK_SEQPACKET, SOCK_DGRAM]) {
    const [one, other] = pairOf(user, type);
    for (const [flags, expected] of [
      [0, 3],
      [MSG_TRUNC, 5],
    ] as const) {
      user.send(one, "hello");
      assert.equal(user.startReceive(other, 3, flags).result, expected, `${type} ${flags}`);
    }
  }
});
