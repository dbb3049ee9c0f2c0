/** Goal: the loop's calls come in order, never too early, and not once they are taken back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NodeEventLoop } from "./event-loop.ts";

test("later is never too early, whatever the fraction, and events of the host come in between", async () => {
  const loop = new NodeEventLoop();
  for (const delayMs of [0, 0.05, 0.3, 0.9, 1, 1.4, 2.01, 2.6, 7.3]) {
    const startMs = performance.now();
    let turns = 0;
    const count = (): void => void (++turns, (turning = setImmediate(count)));
    let turning = setImmediate(count);
    await new Promise<void>((resolve) => void loop.callLater(delayMs, resolve));
    clearImmediate(turning);
    assert.ok(performance.now() - startMs >= delayMs, `${delayMs} ms`);
    assert.ok(turns >= 1, `${delayMs} ms`);
  }
});

test("what is taken back does not come, before its timer and in the last moment of the wait", async () => {
  const loop = new NodeEventLoop();
  let calls = 0;
  let takenBack = 0;
  // In what is left of each wait when it is taken back, on a host that may hold this thread up for longer than that.
  for (const [delayMs, leftMs] of Array.from(
    { length: 30 },
    (_, n) =>
      (
        [
          [1.5, 1],
          [4, 3],
          [4, 0.7],
        ] as const
      )[n % 3]!,
  )) {
    const callsBefore = calls;
    const dueMs = performance.now() + delayMs;
    const takeBack = loop.callLater(delayMs, () => void calls++);
    while (performance.now() < dueMs - leftMs) await new Promise((resolve) => void setImmediate(resolve));
    if (calls > callsBefore) continue;
    takeBack();
    takenBack++;
    await new Promise((resolve) => void setTimeout(resolve, leftMs + 3));
    assert.equal(calls, callsBefore);
  }
  assert.ok(takenBack > 0);
});

test("calls that are due together come in the order of their times, and one takes another back", async () => {
  const loop = new NodeEventLoop();
  const calls: string[] = [];
  loop.callLater(1.2, () => calls.push("third"));
  loop.callLater(0.4, () => {
    calls.push("first");
    takeBack();
  });
  loop.callLater(0.8, () => calls.push("second"));
  const takeBack = loop.callLater(0.9, () => calls.push("taken back"));
  for (const endMs = performance.now() + 3; performance.now() < endMs;);
  await new Promise((resolve) => void setTimeout(resolve, 5));
  assert.deepEqual(calls, ["first", "second", "third"]);
});

test("a call that throws keeps no other from coming", async () => {
  const { execFileSync } = await import("node:child_process");
  const script = `
    import { NodeEventLoop } from ${JSON.stringify(new URL("./event-loop.ts", import.meta.url).href)};
    process.on("uncaughtException", () => {});
    const loop = new NodeEventLoop();
    loop.callLater(0.5, () => { throw new Error("defect"); });
    loop.callLater(100, () => console.log("later"));
    loop.callLater(0.6, () => console.log("soon after"));
    for (const endMs = performance.now() + 1.5; performance.now() < endMs;);`;
  const told = execFileSync(process.execPath, ["--no-warnings", "--input-type=module", "-e", script], {
    encoding: "utf8",
  });
  assert.equal(told, "soon after\nlater\n");
});
