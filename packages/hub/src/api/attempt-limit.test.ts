/** Goal: what is wrong too often from one network waits, for a minute. Time is an argument. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { HubError } from "../store/hub-error.ts";
import { AttemptLimit } from "./attempt-limit.ts";

test("thirty a minute, for a /64 of version 6 together; then anew", () => {
  let nowMs = 0;
  const limit = new AttemptLimit(() => nowMs);
  const isOver = (address: string): boolean => {
    try {
      limit.demandRoom(address, "keys");
      return false;
    } catch (error) {
      assert.ok(error instanceof HubError && error.status === 429);
      return true;
    }
  };
  // Who has a /64 has more addresses than there are attempts.
  for (let count = 0; count < 30; count++) {
    assert.equal(isOver("2001:db8::1"), false);
    limit.count(`2001:db8::${count}`);
  }
  assert.deepEqual(["2001:db8::ffff:1", "2001:db8:0:1::1", "192.0.2.1"].map(isOver), [true, false, false]);
  nowMs += 61_000;
  assert.equal(isOver("2001:db8::1"), false);
  for (let count = 0; count < 29; count++) limit.count("2001:db8::1");
  assert.equal(isOver("2001:db8::1"), false, "what was before does not count");
});
