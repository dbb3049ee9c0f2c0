/** Goal: a dump of many is made in pieces, loses and repeats nothing, and can be kept in the midst of it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { loadState, saveState } from "@stratos/base";
import { CALL_WORK, CallWork } from "../../ground/call-work.ts";
import { NetlinkDump } from "./netlink-dump.ts";

const END = Uint8Array.of(3);
const COUNT = 10_000;

/** Messages of 100 bytes that hold their numbers; each third is looked at and not told of. */
function* numbered(): Generator<Uint8Array | null> {
  for (let i = 0; i < COUNT; i++) yield i % 3 === 0 ? null : new Uint8Array(new Uint32Array(25).fill(i).buffer);
}

/** All that is left, a call after the other. */
function rest(dump: NetlinkDump): Uint8Array[] {
  const datagrams: Uint8Array[] = [];
  while (!dump.isOver) {
    const work = new CallWork(CALL_WORK);
    for (let one = dump.next(work); one !== null; one = dump.next(work)) {
      datagrams.push(one);
      dump.take();
    }
    assert.ok(work.spent <= CALL_WORK + 3, `${work.spent} units in one call`);
  }
  return datagrams;
}

function numbersIn(datagrams: readonly Uint8Array[]): number[] {
  assert.equal(datagrams.at(-1), END);
  return datagrams.slice(0, -1).flatMap((datagram) => {
    assert.ok(datagram.length <= 8192);
    return [...new Uint32Array(datagram.slice().buffer)].filter((_, at) => at % 25 === 0);
  });
}

const TOLD = Array.from({ length: COUNT }, (_, i) => i).filter((i) => i % 3 !== 0);

test("a dump of many is made in pieces of bounded work", () => {
  assert.deepEqual(numbersIn(rest(new NetlinkDump(numbered(), END))), TOLD);
  assert.deepEqual(rest(new NetlinkDump([], END)), [END]);
});

test("it goes on in a machine that was kept in its midst, and in the one that goes on", () => {
  const dump = new NetlinkDump(numbered(), END);
  const first: Uint8Array[] = [];
  for (let i = 0; i < 3; i++) {
    first.push(dump.next(new CallWork(CALL_WORK))!);
    dump.take();
  }
  // In the midst of a datagram.
  assert.equal(dump.next(new CallWork(50)), null);

  const kept = loadState(saveState(dump, new Map()), { ports: new Map(), given: new Map() }) as NetlinkDump;
  assert.deepEqual(numbersIn([...first, ...rest(kept).with(-1, END)]), TOLD);
  assert.deepEqual(numbersIn([...first, ...rest(dump)]), TOLD);
});
