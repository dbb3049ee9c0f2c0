/** Goal: who has a port, who waits at it, and who may share it. Method: the table alone. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { EADDRINUSE, EADDRNOTAVAIL } from "@stratos/abi";
import { saveState } from "@stratos/base";
import { SimulatedRandomSource } from "@stratos/host";
import { ANY_V4, type IpAddress, LOOPBACK_V4 } from "@stratos/netstack";
import { HeldPort } from "./held-ports.ts";
import type { PortClaim } from "./port-claim.ts";
import { DeviceWeight, type Ends, PortTable } from "./port-table.ts";

const claimOf = (port: number): PortClaim => ({
  ...{ ip: ANY_V4, port, isDualStack: false, reuseAddress: false, reusePort: false, uid: 0, isListening: false },
  ...{ device: 0, isConnectBound: false, peer: null },
});
const settings = { waitingMost: 16384, waitReuse: 2, waitReuseMs: 1000 };

function heldOf({ ip, port, peer, isConnectBound }: PortClaim): HeldPort {
  const options = { reuseAddress: false, reusePort: false, boundIndex: 0 };
  return new HeldPort(ip, port, peer, options, 0, isConnectBound, false);
}

function table(): PortTable<PortClaim> {
  return new PortTable(new SimulatedRandomSource(1), DeviceWeight.afterFamily);
}

test("a port is taken while a connection has it, and for a minute after", () => {
  const ports = table();
  const one = ports.held.hold(heldOf(claimOf(80)));
  const other = ports.held.hold(heldOf(claimOf(80)));
  assert.equal(ports.claim(claimOf(80), 0), -EADDRINUSE);
  ports.held.release(one);
  assert.equal(ports.claim(claimOf(80), 0), -EADDRINUSE);
  ports.held.rest(other, 5e9, settings);
  assert.equal(ports.claim(claimOf(80), 64e9), -EADDRINUSE);
  const range = { first: 80, last: 80 };
  assert.equal(ports.claimEphemeral(range, 64e9, claimOf), -EADDRINUSE);
  const claim = claimOf(80);
  assert.equal(ports.claim(claim, 65e9), 0);
  ports.release(claim);
  assert.notEqual(ports.claimEphemeral(range, 65e9, claimOf), -EADDRINUSE);
});

test("no more than tcp_max_tw_buckets wait; who comes later does not, until one is over", () => {
  const { held } = table();
  const few = { ...settings, waitingMost: 3 };
  const all = [1, 2, 3, 4].map((port) => held.hold(heldOf(claimOf(port))));
  for (const one of all) held.rest(one, 10, few);
  assert.deepEqual([held.waiting(10), held.isFree(3, 10), held.isFree(4, 10)], [3, false, true]);
  held.release(all[0]!);
  held.rest(held.hold(heldOf(claimOf(5))), 20, few);
  assert.deepEqual([held.waiting(20), held.isFree(5, 20)], [3, false]);
  held.rest(held.hold(heldOf(claimOf(6))), 10 + 60e9, few);
  assert.deepEqual([held.waiting(10 + 60e9), held.isFree(2, 10 + 60e9), held.isFree(6, 10 + 60e9)], [2, true, false]);
});

test("what was let go before its time leaves no trace, however often", () => {
  const ports = table();
  for (let round = 0; round < 10_000; round++) {
    const one = ports.held.hold(heldOf(claimOf(7)));
    if (round % 2 === 0) ports.held.restUntilEnded(one, round, 5e9, settings);
    ports.held.rest(one, round, settings);
    ports.held.release(one);
  }
  assert.equal(ports.held.waiting(10_000), 0);
  assert.ok(saveState(ports.held, new Map()).length < 100_000);
});

test("one in FIN-WAIT-2 waits as long as it was told, and a minute from the other's end", () => {
  const { held } = table();
  const one = held.hold(heldOf(claimOf(7)));
  held.restUntilEnded(one, 0, 4e9, settings);
  assert.deepEqual([held.isFree(7, 4e9 - 1), held.isFree(7, 4e9)], [false, true]);
  const other = held.hold(heldOf(claimOf(8)));
  held.restUntilEnded(other, 0, 4e9, settings);
  held.rest(other, 3e9, settings);
  assert.deepEqual([held.isFree(8, 63e9 - 1), held.isFree(8, 63e9)], [false, true]);
  const late = held.hold(heldOf(claimOf(9)));
  held.restUntilEnded(late, 0, 4e9, settings);
  held.rest(late, 5e9, settings);
  assert.equal(held.isFree(9, 5e9), true, "nobody knows of it any more");
});

const endsTo = (peer: number, ip: IpAddress = LOOPBACK_V4): Ends => ({
  ip,
  peer: { ip, port: peer },
  device: 0,
});
const range = { first: 80, last: 81 };

function connected(ports: PortTable<PortClaim>, ends: Ends, nowNs: number): PortClaim | number {
  const port = ports.portToConnect(range, ends, settings, nowNs);
  if (port < 0) return port;
  const claim = { ...claimOf(port), ip: ends.ip, isConnectBound: true, peer: ends.peer };
  ports.put(claim);
  return claim;
}

test("two connections share a port of the machine's choice if their peers differ, not with who chose his", () => {
  const ports = table();
  for (let count = 0; count < 2; count++) assert.ok(typeof connected(ports, endsTo(1), 0) === "object");
  assert.equal(connected(ports, endsTo(1), 0), -EADDRNOTAVAIL);
  assert.ok(typeof connected(ports, endsTo(2), 0) === "object");
  const bound = table();
  assert.equal(bound.claim({ ...claimOf(80), ip: LOOPBACK_V4 }, 0), 0);
  bound.held.hold(heldOf({ ...claimOf(81), ip: LOOPBACK_V4 }));
  assert.equal(connected(bound, endsTo(1), 0), -EADDRNOTAVAIL);
});

test("who waits gives way after a second, over the loopback, and at once to who bound himself", () => {
  for (const [ip, settled, isGiven] of [
    [LOOPBACK_V4, settings, true],
    [LOOPBACK_V4, { ...settings, waitReuse: 0 }, false],
    [Uint32Array.of(0, 0, 0xffff, 0x0a000001), settings, false],
    [Uint32Array.of(0, 0, 0xffff, 0x0a000001), { ...settings, waitReuse: 1 }, true],
  ] as const) {
    const ports = table();
    const ends = endsTo(1, ip);
    for (const port of [80, 81]) {
      const claim = { ...claimOf(port), ip, isConnectBound: true, peer: ends.peer };
      ports.held.rest(ports.held.hold(heldOf(claim)), 0, settled);
    }
    assert.equal(ports.portToConnect(range, ends, settled, 1e9), -EADDRNOTAVAIL);
    assert.equal(ports.portToConnect(range, ends, settled, 1e9 + 1) > 0, isGiven);
    assert.equal(ports.held.waiting(1e9), isGiven ? 1 : 2);
    const own = { ...claimOf(80), ip };
    assert.equal(ports.takePair(own, ends, settled, 5), 0);
    assert.equal(ports.held.isFree(80, 5), true);
  }
  const half = table();
  const one = half.held.hold(heldOf({ ...claimOf(80), ip: LOOPBACK_V4, isConnectBound: true, peer: endsTo(1).peer }));
  half.held.restUntilEnded(one, 0, 60e9, settings);
  const narrow = { first: 80, last: 80 };
  assert.equal(half.portToConnect(narrow, endsTo(1), settings, 5e9), -EADDRNOTAVAIL, "its other side lives");
});

test("where no port is free bind(2) gets one that has another address", () => {
  const ports = table();
  for (const port of [80, 81]) ports.put({ ...claimOf(port), ip: LOOPBACK_V4 });
  const other = Uint32Array.of(0, 0, 0xffff, 0x7f000002);
  const make = (ip: IpAddress) => (port: number) => ({ ...claimOf(port), ip });
  assert.equal(ports.claimBeside(range, 0, make(LOOPBACK_V4)), -EADDRINUSE);
  assert.ok(typeof ports.claimBeside(range, 0, make(other)) === "object");
});

test("one of many at a port is let go without the others", () => {
  const { held } = table();
  const all = Array.from({ length: 6 }, () => held.hold(heldOf(claimOf(7))));
  for (const [index, left] of [2, 5, 0, 0, 3, 1, 4].entries()) {
    held.release(all[left]!);
    const expected = 6 - new Set([2, 5, 0, 0, 3, 1, 4].slice(0, index + 1)).size;
    assert.equal(held.at(7, 0).length, expected);
    held.at(7, 0).forEach((one, at) => assert.equal(one.index, at));
  }
});
