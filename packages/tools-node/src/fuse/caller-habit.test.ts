/**
 * Goal: a server that sits apart from its one busy caller moves to it, and leaves it when that does not pay. Method: a
 * machine of a clock and two threads' processors, in which a message takes `apartMs` or `togetherMs`.
 */
import assert from "node:assert/strict";
import { it } from "node:test";
import { CallerHabit } from "./caller-habit.ts";

const BURST = 64;

function machine(costs: { readonly apartMs: number; readonly togetherMs: number }) {
  let nowMs = 0;
  const at = { server: 1, callers: new Map<number, number>(), moves: 0, looks: 0 };
  /** Does a move take effect by itself? */
  const later = { delay: false };
  const habit = new CallerHabit({
    nowMs: () => nowMs,
    processorOf: (thread) => {
      at.looks++;
      return at.callers.get(thread) ?? -1;
    },
    ownProcessor: () => at.server,
    moveTo: (processor) => {
      at.moves++;
      if (!later.delay) at.server = processor;
    },
  });
  const ask = (thread: number, batches: number): void => {
    for (let message = 0; message < batches * BURST; message++) {
      nowMs += at.server === at.callers.get(thread) ? costs.togetherMs : costs.apartMs;
      habit.came(thread);
    }
  };
  return { at, ask, later };
}

it("the server moves to who asks in a burst, and follows", () => {
  const { at, ask } = machine({ apartMs: 0.05, togetherMs: 0.01 });
  at.callers.set(7, 0);
  ask(7, 10);
  assert.deepEqual([at.server, at.moves], [0, 1]);
  at.callers.set(7, 1);
  ask(7, 30);
  assert.deepEqual([at.server, at.moves], [1, 2]);
});

it("it waits until it has come there, and then asks no second time", () => {
  const { at, ask, later } = machine({ apartMs: 0.05, togetherMs: 0.01 });
  at.callers.set(7, 0);
  later.delay = true;
  ask(7, 20);
  assert.deepEqual([at.server, at.moves], [1, 1]);
  at.server = 0;
  ask(7, 200);
  assert.equal(at.moves, 1);
});

it("where a move does not pay, the next one is ever further away", () => {
  const { at, ask } = machine({ apartMs: 0.012, togetherMs: 0.012 });
  at.callers.set(7, 0);
  const batches: number[] = [];
  for (let batch = 0; batch < 8000; batch++) {
    const before = at.moves;
    ask(7, 1);
    if (at.moves > before) batches.push(batch);
    // Linux parts them again some time after.
    if (batch % 8 === 7) at.server = 1;
  }
  assert.ok(batches.length >= 4 && batches.length <= 8, `moved ${batches.length} times`);
  for (let index = 2; index < batches.length; index++) {
    const [before, middle, last] = batches.slice(index - 2) as [number, number, number];
    assert.ok(last - middle > (middle - before) * 1.2, `${batches.join(", ")}`);
  }
});

it("it stays where it is when several ask, when somebody asks now and then, and when nobody says where he runs", () => {
  const several = machine({ apartMs: 0.05, togetherMs: 0.01 });
  several.at.callers.set(7, 0).set(8, 0);
  for (let turn = 0; turn < 100; turn++) several.ask(7 + (turn % 2), 1);
  assert.equal(several.at.moves, 0);

  const slow = machine({ apartMs: 1, togetherMs: 0.9 });
  slow.at.callers.set(7, 0);
  slow.ask(7, 100);
  assert.deepEqual([slow.at.moves, slow.at.looks], [0, 0]);

  const unknown = machine({ apartMs: 0.05, togetherMs: 0.01 });
  unknown.ask(7, 100);
  assert.equal(unknown.at.moves, 0);
  assert.ok(unknown.at.looks < 5, `${unknown.at.looks} looks`);

  const kernel = machine({ apartMs: 0.05, togetherMs: 0.01 });
  kernel.at.callers.set(0, 0);
  kernel.ask(0, 100);
  assert.equal(kernel.at.looks, 0);
});
