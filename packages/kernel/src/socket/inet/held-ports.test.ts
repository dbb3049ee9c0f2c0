/** Goal: ports that wait are free after a minute, and no more than so many wait. Method: the table alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EADDRINUSE } from "@stratos/abi";
import { SimulatedRandomSource } from "@stratos/host";
import { ANY_V4 } from "@stratos/netstack";
import type { PortClaim } from "./port-claim.ts";
import { DeviceWeight, PortTable } from "./port-table.ts";

const claimOf = (port: number): PortClaim => ({
  ...{ ip: ANY_V4, port, isDualStack: false, reuseAddress: false, reusePort: false, uid: 0, isListening: false },
  device: 0,
});

function table(): PortTable<PortClaim> {
  return new PortTable(new SimulatedRandomSource(1), DeviceWeight.afterFamily);
}

test("a port is taken while a connection has it, and for a minute after", () => {
  const ports = table();
  const one = ports.held.hold(claimOf(80));
  const other = ports.held.hold(claimOf(80));
  assert.equal(ports.claim(claimOf(80), 0), -EADDRINUSE);
  ports.held.release(one);
  assert.equal(ports.claim(claimOf(80), 0), -EADDRINUSE);
  ports.held.rest(other, 5e9);
  assert.equal(ports.claim(claimOf(80), 64e9), -EADDRINUSE);
  const range = { first: 80, last: 80 };
  assert.equal(ports.claimEphemeral(range, 64e9, claimOf), -EADDRINUSE);
  const claim = claimOf(80);
  assert.equal(ports.claim(claim, 65e9), 0);
  ports.release(claim);
  assert.notEqual(ports.claimEphemeral(range, 65e9, claimOf), -EADDRINUSE);
});

test("of more than 4096 that wait the oldest are let go, each alone", () => {
  const ports = table();
  for (let port = 1; port <= 5000; port++) ports.held.rest(ports.held.hold(claimOf(port)), port);
  const taken = (port: number): boolean => ports.claim(claimOf(port), 10_000) < 0;
  assert.deepEqual([1, 904, 905, 5000].map(taken), [false, false, true, true]);
});

test("one of many at a port is let go without the others", () => {
  const { held } = table();
  const all = Array.from({ length: 6 }, () => held.hold(claimOf(7)));
  for (const [index, left] of [2, 5, 0, 0, 3, 1, 4].entries()) {
    held.release(all[left]!);
    const expected = 6 - new Set([2, 5, 0, 0, 3, 1, 4].slice(0, index + 1)).size;
    assert.equal(held.at(7, 0).length, expected);
    held.at(7, 0).forEach((one, at) => assert.equal(one.index, at));
  }
});
