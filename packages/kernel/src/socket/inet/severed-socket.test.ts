/** Goal: what stands in for a host's connection keeps the port's contract (HostSocket). Method: one of a fake. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EAGAIN, ECONNRESET, EPIPE } from "@stratos/abi";
import { severedSocketFor } from "./severed-socket.ts";

test("a connection that stayed behind has broken, which is an error, told once, and no end", () => {
  const original = { takeError: 0, lastSender: 0, localAddress: () => null, peerAddress: () => null };
  const severed = severedSocketFor(original)!;
  const seen = [severed.ended(), severed.connected(), severed.read(), severed.write(), severed.readable()];
  assert.deepEqual(seen, [false, false, -EAGAIN, -EPIPE, true]);
  assert.deepEqual([severed.takeError(), severed.takeError(), severed.ended()], [ECONNRESET, 0, false]);
});
