/**
 * Goal: a disturbed network loses, doubles and delays what one call sends, or is cut between two ends for a while, and
 * nothing else changes. Method: sockets of a kernel without a processor; one call goes by way of a disturber, others do
 * not.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AF_INET, EAGAIN, MSG_DONTWAIT, SOCK_DGRAM, SOCK_STREAM, SYSCALL_NUMBERS } from "@stratos/abi";
import { socketCalls } from "../syscall/socket-calls.ts";
import { advance, asCurrent } from "../testing/fake-task.ts";
import { inet, SocketTask } from "../testing/socket-task.ts";
import { Disturber } from "./disturber.ts";
import type { FaultKind } from "./fault-kinds.ts";

const DATA = 0x9000;
const PLACE = inet("127.0.0.1", 7000);

/** A call that the fault meets. @returns its result; null: it met nothing */
function meet(
  user: SocketTask,
  fault: readonly [FaultKind, number],
  name: string,
  fd: number,
  text = "",
): number | null {
  const [kind, amount] = fault;
  const { task } = user;
  const disturber = new Disturber({ list: [{ tid: task.tid, at: "call", n: 1, kind, amount }] });
  user.memory.u8.set(Buffer.from(text), DATA);
  const args = { a0: fd, a1: DATA, a2: text.length, a3: 0, a4: 0, a5: 0 };
  task.syscallState = null;
  const result = asCurrent(task, () => disturber.call(socketCalls[name]!, task, SYSCALL_NUMBERS.get(name)!, args));
  return disturber.applied.length === 0 ? null : result;
}

/** Two sockets of UDP that are connected with each other. */
function datagrams(): {
  machine: ReturnType<typeof SocketTask.createMachine>;
  user: SocketTask;
  ends: [number, number];
} {
  const machine = SocketTask.createMachine();
  const { user } = machine;
  const [one, other] = [user.socket(AF_INET, SOCK_DGRAM), user.socket(AF_INET, SOCK_DGRAM)];
  user.bind(other, PLACE);
  user.connect(one, PLACE);
  user.connect(other, inet("127.0.0.1", user.port(one)));
  return { machine, user, ends: [one, other] };
}

/** All that waits there. */
function waiting(user: SocketTask, fd: number): string[] {
  const texts: string[] = [];
  for (;;) {
    const text = user.receive(fd, 100, MSG_DONTWAIT);
    if (typeof text === "number") {
      assert.equal(text, -EAGAIN);
      return texts;
    }
    texts.push(text);
    if (text === "") return texts;
  }
}

function connection(): {
  machine: ReturnType<typeof SocketTask.createMachine>;
  user: SocketTask;
  ends: [number, number];
} {
  const machine = SocketTask.createMachine();
  const { user } = machine;
  const listener = user.socket(AF_INET, SOCK_STREAM);
  user.bind(listener, PLACE);
  user.call("listen", listener, 1);
  const client = user.socket(AF_INET, SOCK_STREAM);
  assert.equal(user.connect(client, PLACE), 0);
  return { machine, user, ends: [client, user.call("accept", listener, 0, 0)] };
}

test("a datagram is lost, or comes twice; its sender does not see it, and the next one comes once", () => {
  const { user, ends } = datagrams();
  const [from, to] = ends;
  assert.equal(meet(user, ["loss", 0], "sendto", from, "one"), 3);
  assert.deepEqual(waiting(user, to), []);
  assert.equal(meet(user, ["double", 0], "sendto", from, "two"), 3);
  user.send(from, "three");
  assert.deepEqual(waiting(user, to), ["two", "two", "three"]);
  user.call("close", to);
  assert.equal(meet(user, ["double", 0], "sendto", from, "nobody"), 6);
});

test("a datagram that is late is overtaken, and comes though its sender is closed, if anybody is there", () => {
  const { machine, user, ends } = datagrams();
  const [from, to] = ends;
  const { udpMemory } = user.task.network;
  assert.equal(meet(user, ["delay", 5e6], "sendto", from, "late"), 4);
  user.send(from, "next");
  assert.deepEqual(waiting(user, to), ["next"]);
  user.call("close", from);
  advance(machine.test, 4);
  assert.deepEqual(waiting(user, to), []);
  advance(machine.test, 2);
  assert.deepEqual(waiting(user, to), ["late"]);
  assert.equal(meet(user, ["delay", 5e6], "sendto", to, "back"), 4);
  assert.equal(udpMemory.bytes, 4);
  advance(machine.test, 6);
  assert.equal(udpMemory.bytes, 0);
});

test("a network that is cut brings nothing between its two ends, and all to others, until it is mended", () => {
  const { machine, user, ends } = datagrams();
  const [from, to] = ends;
  const third = user.socket(AF_INET, SOCK_DGRAM);
  const fourth = user.socket(AF_INET, SOCK_DGRAM);
  user.bind(fourth, inet("127.0.0.1", 7001));
  assert.equal(meet(user, ["partition", 50e6], "sendto", from, "cut"), 3);
  assert.equal(user.send(to, "back"), 4);
  assert.equal(user.send(third, "other", 0, inet("127.0.0.1", 7001)), 5);
  advance(machine.test, 49);
  user.send(from, "still cut");
  assert.deepEqual([waiting(user, from), waiting(user, to), waiting(user, fourth)], [[], [], ["other"]]);
  advance(machine.test, 2);
  user.send(from, "mended");
  user.send(to, "back");
  assert.deepEqual([waiting(user, from), waiting(user, to)], [["back"], ["mended"]]);
});

test("what a connection brings late comes in order, its end as well; what comes back is not late", () => {
  const { machine, user, ends } = connection();
  const [from, to] = ends;
  user.send(from, "early ");
  assert.equal(meet(user, ["delay", 5e6], "sendto", from, "late "), 5);
  user.send(from, "later");
  user.call("shutdown", from, 1);
  user.send(to, "back");
  assert.deepEqual([waiting(user, to), waiting(user, from)], [["early "], ["back"]]);
  advance(machine.test, 6);
  assert.deepEqual(waiting(user, to), ["late later", ""]);
});

test("a connection whose network is cut goes on when it is mended, both ways, though one end was closed", () => {
  const { machine, user, ends } = connection();
  const [from, to] = ends;
  assert.equal(meet(user, ["partition", 30e9], "sendto", from, "there"), 5);
  user.send(to, "back");
  assert.deepEqual([waiting(user, from), waiting(user, to)], [[], []]);
  advance(machine.test, 29_000);
  assert.deepEqual([waiting(user, from), waiting(user, to)], [[], []]);
  advance(machine.test, 2000);
  assert.deepEqual([waiting(user, from), waiting(user, to)], [["back"], ["there"]]);
  assert.equal(meet(user, ["delay", 5e6], "sendto", from, "last"), 4);
  user.call("close", from);
  advance(machine.test, 6);
  assert.deepEqual(waiting(user, to), ["last", ""]);
});

test("no socket meets what its protocol hides: TCP loses and doubles nothing, what is not sent is not late", () => {
  const { user, ends } = connection();
  const unnamed = user.socket(AF_INET, SOCK_DGRAM);
  assert.equal(meet(user, ["double", 0], "sendto", ends[0], "x"), null);
  assert.equal(meet(user, ["loss", 0], "sendto", ends[0], "x"), null);
  assert.equal(meet(user, ["delay", 1e6], "recvfrom", ends[1]), null);
  assert.equal(meet(user, ["delay", 1e6], "sendto", unnamed, "x"), null, "it goes nowhere");
});
