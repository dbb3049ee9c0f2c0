/**
 * Phases. Goal: order, width, skipping, failure, time-outs and stopping are as documented, with a clock that is ours.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { GraphError, orderNodes } from "./graph.ts";
import { runGraph, type PoolOptions, type Step, type StepEvent } from "./run-graph.ts";

interface Bench {
  events: string[];
  options: PoolOptions;
  advance(milliseconds: number): Promise<void>;
}

function bench(width = 2, signal?: AbortSignal): Bench {
  let now = 0;
  const timers: { at: number; action: () => void }[] = [];
  const events: string[] = [];
  return {
    events,
    options: {
      width,
      signal,
      nowMs: () => now,
      onEvent: (event: StepEvent) => {
        events.push(
          event.kind === "start"
            ? `+${event.id}`
            : `${event.id} ${event.status}${event.reason === "" ? "" : `: ${event.reason}`}`,
        );
      },
      after: (milliseconds, action) => {
        const timer = { at: now + milliseconds, action };
        timers.push(timer);
        return () => {
          timers.splice(timers.indexOf(timer), 1);
        };
      },
    },
    async advance(milliseconds) {
      await tick();
      now += milliseconds;
      for (const timer of timers.filter(({ at }) => at <= now)) timer.action();
      await tick();
    },
  };
}

const tick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
const step = (id: string, after: string[] = [], fields: Partial<Step> = {}): Step => ({
  id,
  after,
  run: async () => {},
  ...fields,
});

test("the order holds, ties as given; a circle is told with its way around", () => {
  assert.deepEqual(
    orderNodes([step("c", ["b"]), step("a"), step("b", ["a"])]).map(({ id }) => id),
    ["a", "b", "c"],
  );
  assert.throws(
    () => orderNodes([step("x"), step("a", ["b"]), step("b", ["c"]), step("c", ["a"])]),
    new GraphError("phases wait for each other in a circle: a → b → c → a", ["a", "b", "c"]),
  );
  assert.throws(() => orderNodes([step("a", ["z"])]), /a is to wait for z, and there is no such phase; there is a/);
  assert.throws(() => orderNodes([step("a"), step("a")]), /two phases are called a/);
});

test(
  "independent steps run side by side, no more than the pool is wide; one " + "at a time gives the same results",
  async () => {
    for (const width of [1, 2, 3]) {
      let active = 0,
        most = 0;
      const work = async (): Promise<void> => {
        most = Math.max(most, ++active);
        await tick();
        active--;
      };
      const steps = [
        step("a", [], { run: work }),
        step("b", [], { run: work }),
        step("c", [], { run: work }),
        step("d", ["a", "b", "c"], { run: work }),
      ];
      const results = await runGraph(steps, bench(width).options);
      assert.equal(most, width);
      assert.deepEqual(
        results.map(({ id, status }) => `${id} ${status}`),
        ["a done", "b done", "c done", "d done"],
      );
    }
  },
);

test("a step that is left out takes those that need it with it, fails them, or lets them pass", async () => {
  for (const [onSkip, expected] of [
    ["skip", "skipped"],
    ["fail", "failed"],
    ["pass", "done"],
  ] as const) {
    const { options, events } = bench();
    await runGraph(
      [
        step("a", [], { skipReason: "--skip-phase a", onSkip }),
        step("b", ["a"]),
        step("end", ["b"], { isFinal: true }),
      ],
      options,
    );
    assert.equal(events[0], "a skipped: --skip-phase a");
    assert.ok(
      events.some((event) => event.startsWith(`b ${expected}`)),
      `${onSkip}: ${events.join(", ")}`,
    );
    assert.equal(events.at(-1), "end done");
  }
});

test("after a failure what needs it is canceled, the rest goes on, and the final step runs", async () => {
  const { options, events } = bench();
  await runGraph(
    [
      step("a", [], {
        run: async () => {
          throw new Error("no disk");
        },
      }),
      step("b", ["a"]),
      step("c", ["b"]),
      step("x"),
      step("end", ["c", "x"], { isFinal: true }),
    ],
    options,
  );
  assert.deepEqual(events.filter((event) => !event.startsWith("+")).sort(), [
    "a failed: no disk",
    "b canceled: a has not succeeded",
    "c canceled: b has not succeeded",
    "end done",
    "x done",
  ]);
});

test("a host's refusal is told in words, with its place", async () => {
  const refusal = (message: string, fields: object): Error => Object.assign(new Error(message), fields);
  for (const [error, words] of [
    [
      refusal("ENOSPC: no space left on device, write", { code: "ENOSPC", syscall: "write", path: "/out/x" }),
      "/out/x: no space left on device",
    ],
    [refusal("EIO: i/o error, read", { code: "EIO", syscall: "read" }), "i/o error"],
    [new Error("plain: words, and more"), "plain: words, and more"],
  ] as const) {
    const { options, events } = bench();
    await runGraph(
      [
        step("a", [], {
          run: async () => {
            throw error;
          },
        }),
      ],
      options,
    );
    assert.equal(events.at(-1), `a failed: ${words}`);
  }
});

test("a step whose time is over is told to end, and has failed; one that does not listen is given up", async () => {
  const { options, events, advance } = bench();
  let cleaned = false;
  const polite = step("polite", [], {
    timeoutSeconds: 2,
    run: (signal) =>
      new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          cleaned = true;
          reject(new Error("killed"));
        });
      }),
  });
  const deaf = step("deaf", [], { timeoutSeconds: 2, run: () => new Promise(() => {}) });
  const done = runGraph([polite, deaf], options);
  await advance(1999);
  assert.ok(!cleaned);
  await advance(1);
  assert.ok(cleaned);
  assert.ok(events.includes("polite failed: its time of 2 s is over"));
  await advance(15_000);
  assert.deepEqual(
    (await done).map(({ status }) => status),
    ["failed", "failed"],
  );
});

test("stopping the compose ends what runs and starts nothing more, but for the final step", async () => {
  const controller = new AbortController();
  const { options, events } = bench(1, controller.signal);
  const done = runGraph(
    [
      step("a", [], {
        run: (signal) =>
          new Promise((_, reject) => {
            signal.addEventListener("abort", () => reject(new Error("ended")));
          }),
      }),
      step("b"),
      step("end", ["a", "b"], { isFinal: true }),
    ],
    options,
  );
  await tick();
  controller.abort();
  await done;
  assert.deepEqual(events, [
    "+a",
    "a canceled: the compose was stopped",
    "b canceled: the compose was stopped",
    "+end",
    "end done",
  ]);
});

test("a step that comes to its end while the compose is being stopped is done: what it makes is there", async () => {
  const controller = new AbortController();
  const { options, events } = bench(1, controller.signal);
  const end = Promise.withResolvers<void>();
  const done = runGraph([step("a", [], { run: () => end.promise }), step("b", ["a"])], options);
  await tick();
  controller.abort();
  end.resolve();
  await done;
  assert.deepEqual(events, ["+a", "a done", "b canceled: the compose was stopped"]);
});
