/** Goal: the first event that differs is found, however the traces come in pieces. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Difference, TraceComparison } from "./trace-comparison.ts";

function compare(first: string, second: string, pieceLength = 3): { difference: Difference | null; events: number } {
  let at = 0;
  const comparison = new TraceComparison(() => first.slice(at, (at += pieceLength)));
  for (let from = 0; from < second.length; from += 5) comparison.write(second.slice(from, from + 5));
  return { difference: comparison.finish(), events: comparison.events };
}

const event = (position: number, text: string, registers = "ab"): string => `${position} ${registers} ${text}\n`;
const COMMON = event(1, "a") + event(2, "b");

test("equal traces have no difference", () => {
  assert.deepEqual(compare(COMMON, COMMON), { difference: null, events: 2 });
  assert.deepEqual(compare("", ""), { difference: null, events: 0 });
});

test("the first event that differs is told with the one before it", () => {
  for (const pieceLength of [1, 4, 1000])
    assert.deepEqual(
      compare(COMMON + event(3, "c") + event(4, "d"), COMMON + event(3, "x") + event(9, "d"), pieceLength),
      {
        difference: {
          event: 3,
          first: { position: 3, registers: "ab", text: "c" },
          second: { position: 3, registers: "ab", text: "x" },
          before: { position: 2, registers: "ab", text: "b" },
        },
        events: 2,
      },
    );
});

test("another position or other registers are a difference", () => {
  assert.equal(compare(event(1, "a"), event(2, "a")).difference?.second?.position, 2);
  assert.equal(compare(event(1, "a", "ab"), event(1, "a", "ac")).difference?.second?.registers, "ac");
});

test("a run that ends sooner has nothing more", () => {
  assert.equal(compare(COMMON + event(3, "c"), COMMON).difference?.second, null);
  const { difference } = compare("", event(1, "a"));
  assert.equal(difference?.first, null);
  assert.equal(difference?.before, null);
});
