/** Goal: links inside the machine behave as a wire with two ends. Method: both ends, driven by hand. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, EINVAL, EMSGSIZE, ENETDOWN } from "@stratos/abi";
import { type Link, LINK_FRAMES_MAX } from "./link.ts";
import { makeLinkPair, makeLoopbackLink } from "./memory-link.ts";

const end = (last: number, mtu = 1500) => ({ address: Uint8Array.of(2, 0, 0, 0, 0, last), mtu });
const frame = (text: string): Uint8Array => Uint8Array.from(`destinsource..${text}`, (c) => c.charCodeAt(0));
const send = (link: Link, bytes: Uint8Array): number => link.send(bytes, 0, bytes.length);

function received(link: Link): string | number {
  const into = new Uint8Array(2000);
  const length = link.receive(into);
  return length < 0 ? length : String.fromCharCode(...into.subarray(14, length));
}

function upPair(): [Link, Link] {
  const pair = makeLinkPair(end(1), end(2));
  for (const link of pair) link.setUp(true);
  return pair;
}

test("what one end sends the other receives, in order, and each end its own", () => {
  const [one, other] = upPair();
  const bytes = frame("first");
  assert.equal(send(one, bytes), 0);
  bytes.fill(0);
  send(one, frame("second"));
  send(other, frame("back"));
  assert.deepEqual([received(other), received(other), received(other)], ["first", "second", -EAGAIN]);
  assert.equal(received(one), "back");
});

test("frames move while both ends are up, and carrier tells of the other", () => {
  const [one, other] = makeLinkPair(end(1), end(2));
  let changes = 0;
  other.setEvents({ linkChanged: () => changes++ });
  assert.equal(send(one, frame("x")), -ENETDOWN);
  one.setUp(true);
  assert.deepEqual([one.hasCarrier, other.hasCarrier, changes], [false, true, 1]);
  assert.equal(send(one, frame("lost")), 0);
  other.setUp(true);
  assert.equal(received(other), -EAGAIN);
  send(one, frame("waits"));
  other.setUp(false);
  other.setUp(true);
  assert.equal(received(other), -EAGAIN, "what waited went with the end that went down");
  one.close();
  assert.equal(other.hasCarrier, false);
  assert.equal(send(other, frame("into the void")), 0);
});

test("a frame that is too short or too long is refused", () => {
  const [one, other] = upPair();
  assert.equal(send(one, new Uint8Array(13)), -EINVAL);
  assert.equal(send(one, new Uint8Array(14)), 0);
  assert.equal(send(one, new Uint8Array(1514)), 0);
  assert.equal(send(one, new Uint8Array(1515)), -EMSGSIZE);
  const small = new Uint8Array(20);
  assert.equal(other.receive(small), 14);
  assert.equal(other.receive(small), 1514, "cut to the room, its length told");
});

test("what finds no room is lost and counted", () => {
  const [one, other] = upPair();
  for (let count = 0; count < LINK_FRAMES_MAX + 3; count++) assert.equal(send(one, frame(String(count))), 0);
  assert.equal(other.dropped, 3);
  for (let count = 0; count < LINK_FRAMES_MAX; count++) assert.equal(received(other), String(count));
  assert.equal(received(other), -EAGAIN);
});

test("a loopback hears itself", () => {
  const link = makeLoopbackLink(end(0, 65536));
  assert.equal(link.hasCarrier, false);
  link.setUp(true);
  assert.equal(link.hasCarrier, true);
  send(link, frame("echo"));
  assert.equal(received(link), "echo");
});
