/** Goal: datagrams come one by one, whole or cut, with their senders; what there is no room for is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN } from "@stratos/abi";
import { DATAGRAM_OVERHEAD, DatagramQueue } from "./datagram-queue.ts";

const from = { family: 4, address: "192.0.2.1", port: 7 } as const;

test("a datagram is read once, looked at as often as one likes, and cut to what is asked for", () => {
  const queue = new DatagramQueue(1000);
  const bytes = new Uint8Array(8);
  assert.equal(queue.read(bytes, 0, 8, false), -EAGAIN);
  assert.equal(queue.push(Uint8Array.of(1, 2, 3), from), true);
  assert.equal(queue.push(new Uint8Array(0), { ...from, port: 8 }), true);
  assert.equal(queue.firstLength, 3);
  assert.equal(queue.read(bytes, 0, 8, true), 3);
  assert.equal(queue.read(bytes, 4, 2, false), 2);
  assert.deepEqual([...bytes], [1, 2, 3, 0, 1, 2, 0, 0]);
  assert.deepEqual([queue.lastSender, queue.lastLength], [from, 3]);
  assert.equal(queue.isReadable, true, "an empty one waits, too");
  assert.equal(queue.read(bytes, 0, 8, false), 0);
  assert.deepEqual([queue.lastSender?.port, queue.lastLength, queue.isReadable], [8, 0, false]);
});

test("what is beyond the bound is lost, and what was read makes room", () => {
  const queue = new DatagramQueue(2 * DATAGRAM_OVERHEAD + 10);
  assert.equal(queue.push(new Uint8Array(10), from), true);
  assert.equal(queue.push(new Uint8Array(1), from), false);
  assert.equal(queue.push(new Uint8Array(0), from), true);
  assert.equal(queue.push(new Uint8Array(0), from), false);
  queue.read(new Uint8Array(10), 0, 10, false);
  assert.equal(queue.push(new Uint8Array(10), from), true);
  queue.clear();
  assert.equal(queue.isReadable, false);
  assert.equal(queue.push(new Uint8Array(DATAGRAM_OVERHEAD + 10), from), true);
});
