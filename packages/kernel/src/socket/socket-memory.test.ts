/**
 * Goal: what waits in all sockets of a machine has a bound, at which datagrams are lost or refused, and streams and
 * Unix sockets go on with little; all of it comes back. Method: a task fills sockets of each kind.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  AF_INET,
  AF_UNIX,
  EAGAIN,
  ENOBUFS,
  PAGE_SIZE,
  MSG_DONTWAIT,
  MSG_MORE,
  MSG_OOB,
  POLLOUT,
  SOCK_DGRAM,
  SOCK_SEQPACKET,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_OOBINLINE,
} from "@stratos/abi";
import { inet, SocketTask } from "../testing/socket-task.ts";
import type { SocketMemory } from "./socket-memory.ts";

const BLOCK = new Uint8Array(0x4000);
/** Far beyond each bound. */
const FULL = 2 ** 40;

function udpPair(user: SocketTask): [one: number, other: number] {
  const other = user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(user.bind(other, inet("127.0.0.1", 0)), 0);
  const one = user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(user.connect(one, inet("127.0.0.1", user.port(other))), 0);
  return [one, other];
}

function tcpPair(user: SocketTask): [one: number, other: number] {
  const server = user.socket(AF_INET, SOCK_STREAM);
  assert.equal(user.bind(server, inet("127.0.0.1", 0)), 0);
  assert.equal(user.call("listen", server, 5), 0);
  const one = user.socket(AF_INET, SOCK_STREAM);
  assert.equal(user.connect(one, inet("127.0.0.1", user.port(server))), 0);
  const other = user.call("accept", server, 0, 0);
  user.call("close", server);
  return [one, other];
}

function fill(user: SocketTask, fd: number): number {
  for (let total = 0; ;) {
    const sent = user.send(fd, BLOCK, MSG_DONTWAIT);
    if (sent < 0) return total;
    total += sent;
  }
}

function whileFull(memory: SocketMemory, body: () => void, bytes = FULL): void {
  memory.bytes += bytes;
  body();
  memory.bytes -= bytes;
}

test("UDP beyond udp_mem is lost, and what is put together is refused", () => {
  const { test: machine, user } = SocketTask.createMachine();
  const { udpMemory } = machine.kernel.network;
  const [one, other] = udpPair(user);
  assert.equal(user.send(one, "before"), 6);
  assert.ok(udpMemory.bytes > 6);
  whileFull(udpMemory, () => {
    assert.equal(user.send(one, "lost"), 4);
    assert.equal(user.send(one, "x", MSG_MORE), -ENOBUFS);
  });
  assert.equal(user.send(one, "aft", MSG_MORE), 3);
  assert.equal(user.send(one, "er"), 2);
  assert.equal(user.receive(other), "before");
  assert.equal(user.receive(other), "after");
  assert.equal(user.receive(other, 10, MSG_DONTWAIT), -EAGAIN);
  assert.equal(udpMemory.bytes, 0);
  // What nobody reads, and what was never sent, goes with its socket.
  user.send(one, BLOCK);
  user.send(one, BLOCK, MSG_MORE);
  assert.ok(udpMemory.bytes > 2 * BLOCK.length);
  user.call("close", one);
  user.call("close", other);
  assert.equal(udpMemory.bytes, 0);
});

test("many sockets together hold what udp_mem says", () => {
  const { test: machine, user } = SocketTask.createMachine();
  const { udpMemory } = machine.kernel.network;
  udpMemory.limits = [100, 100, 100];
  for (let count = 0; count < 20; count++) {
    const [one] = udpPair(user);
    for (let sent = 0; sent < 20; sent++) assert.equal(user.send(one, BLOCK), BLOCK.length);
  }
  assert.ok(udpMemory.bytes < 100 * 4096 + 2 * BLOCK.length, `${udpMemory.bytes} bytes`);
});

test("a connection goes on in steps of a page when tcp_mem is used up", () => {
  const { test: machine, user } = SocketTask.createMachine();
  const { tcpMemory } = machine.kernel.network;
  const [one, other] = tcpPair(user);
  whileFull(tcpMemory, () => {
    for (let step = 0; step < 3; step++) {
      assert.equal(fill(user, one), 4096);
      assert.equal(user.poll(one) & POLLOUT, 0);
      assert.equal((user.receive(other) as string).length, 4096);
      assert.ok(user.poll(one) & POLLOUT);
    }
  });
  const usual = fill(user, one);
  assert.ok(usual > 100_000);
  assert.equal(tcpMemory.bytes, usual);
  user.call("close", other);
  user.call("close", one);
  assert.equal(tcpMemory.bytes, 0);
});

test("urgent bytes that stay in the stream find its bound", () => {
  const { user } = SocketTask.createMachine();
  const [one, other] = tcpPair(user);
  assert.equal(user.setInt(other, SOL_SOCKET, SO_OOBINLINE, 1), 0);
  assert.equal(user.send(one, "x", MSG_OOB | MSG_DONTWAIT), 1);
  fill(user, one);
  assert.equal(user.send(one, "x", MSG_OOB | MSG_DONTWAIT), -EAGAIN);
});

test("a Unix socket that has a message takes no other while the machine's sockets are full", () => {
  for (const type of [SOCK_DGRAM, SOCK_SEQPACKET]) {
    const { test: machine, user } = SocketTask.createMachine();
    const { memory } = machine.kernel.network.inFlight;
    const pair = user.pair(type, AF_UNIX);
    assert.ok(typeof pair !== "number");
    const [one, other] = pair;
    const full = memory.limits[2] * PAGE_SIZE;
    whileFull(
      memory,
      () => {
        assert.equal(user.send(one, "first"), 5);
        assert.equal(user.send(one, "second", MSG_DONTWAIT), -EAGAIN);
        const sender = user.startSend(one, "second");
        assert.ok(sender.isBlocked);
        const reader = new SocketTask(machine.kernel, user);
        reader.task.files = user.task.files;
        assert.equal(reader.receive(other), "first");
        assert.equal(sender.resume(), 6);
        assert.equal(user.receive(other), "second");
      },
      full,
    );
    whileFull(memory, () => assert.equal(user.send(one, "first"), -ENOBUFS), 2 * full);
    assert.equal(memory.bytes, 0);
    assert.ok(fill(user, one) > 16384);
    user.call("close", one);
    user.call("close", other);
    assert.equal(memory.bytes, 0);
  }
});
