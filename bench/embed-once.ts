/**
 * `embed-once.ts MODE IMAGE [FILE]`: one figure or some of sandboxes and recordings, in a process of its own, as JSON.
 *
 * ```
 * create   milliseconds of the first and of later Sandbox.create, kept open, by isolation: one right after the other
 *          (Later, on average: two engines begin at a time, so every other one is there), or after a pause (Ready)
 * python   of python3 -c 'print(1)' in a sandbox that has run it before, and of the host's own
 * saved    of a sandbox whose python holds 256 MB: how long it stands still, and until one that goes on answers
 * back     of journeys along the recording FILE: to the end, a step back, back to the beginning
 * ```
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { openTimeline } from "@stratos/images/replay";
import { ShownOutput } from "@stratos/session";
import { stratosHome } from "@stratos/host-node";
import type * as library from "../packages/library/src/library.ts";
import { median } from "./statistics.ts";

const [mode, image, file] = process.argv.slice(2);
// As users have it, where it is built.
const built = join(import.meta.dirname, "../dist/library.mjs");
const source = join(import.meta.dirname, "../packages/library/src/library.ts");
const { Sandbox } = (await import(existsSync(built) ? built : source)) as typeof library;
const MEMORY_BYTES = 1024 ** 3;
const TIMES = 9;
/** In which an engine is made ready for the next sandbox, on a loaded machine, too. */
const PAUSE_MS = 2000;
const PYTHON = ["python3", "-c", "print(1)"];

async function timed<T>(work: () => T | Promise<T>): Promise<{ readonly value: T; readonly ms: number }> {
  const start = performance.now();
  const value = await work();
  return { value, ms: performance.now() - start };
}

async function create(): Promise<Record<string, number>> {
  const figures: Record<string, number> = {};
  for (const isolation of ["process", "worker", "shared"] as const) {
    for (const kind of ["Later", "Ready"]) {
      const all: number[] = [];
      const boxes: library.Sandbox[] = [];
      for (let count = 0; count <= TIMES; count++) {
        if (kind === "Ready") await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
        const { value, ms } = await timed(() => Sandbox.create({ image: image!, isolation, memoryBytes: 256 << 20 }));
        boxes.push(value);
        all.push(ms);
      }
      await Promise.all(boxes.map((box) => box.close()));
      if (kind === "Later") figures[`${isolation}First`] = all[0]!;
      const later = all.slice(1);
      figures[`${isolation}${kind}`] =
        kind === "Later" ? later.reduce((sum, ms) => sum + ms, 0) / TIMES : median(later);
      figures[`${isolation}${kind}Least`] = Math.min(...later);
    }
  }
  return figures;
}

async function python(): Promise<Record<string, number>> {
  const box = await Sandbox.create({ image: image!, memoryBytes: MEMORY_BYTES });
  const ours: number[] = [];
  const native: number[] = [];
  for (let count = 0; count < 2 * TIMES; count++) {
    const { value, ms } = await timed(() => box.run(PYTHON, { check: true }));
    if (value.stdout !== "1\n") throw new Error(value.stderr);
    ours.push(ms);
    native.push((await timed(() => spawnSync(PYTHON[0]!, PYTHON.slice(1)))).ms);
  }
  await box.close();
  // The first ones are translated.
  const later = ours.slice(TIMES);
  const least = { oursLeast: Math.min(...later), nativeLeast: Math.min(...native) };
  return { ours: median(later), native: median(native), ...least };
}

/** Says the longest time between two of its steps since it was asked last. */
const HOLDER = `
import sys, time, select
heap = bytearray(256 << 20)
for at in range(0, len(heap), 4096): heap[at] = at >> 12 & 255
print("ready", flush=True)
last, worst = time.monotonic(), 0
while True:
  now = time.monotonic()
  worst, last = max(worst, now - last), now
  if select.select([sys.stdin], [], [], 0)[0]:
    if sys.stdin.readline() == "": break
    print(worst * 1000, flush=True)
    last, worst = time.monotonic(), 0
`;

async function saved(): Promise<Record<string, number>> {
  const box = await Sandbox.create({ image: image!, memoryBytes: MEMORY_BYTES });
  const holder = await box.spawn(["python3", "-c", HOLDER]);
  const output = holder.stdout[Symbol.asyncIterator]();
  const line = async (): Promise<string> => {
    const { value, done } = await output.next();
    if (done === true) throw new Error("the program has ended");
    return new TextDecoder().decode(value).trim();
  };
  await line();
  const ask = async (): Promise<number> => {
    await holder.stdin.write("\n");
    return Number(await line());
  };
  await ask();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const undisturbed = await ask();
  const saving = await timed(() => box.save());
  const stopBySave = await ask();
  const forking = await timed(() => box.fork());
  const stopByFork = await ask();
  await forking.value[0]!.close();
  // What goes on is what was saved: the one that it was saved of has ended.
  await box.close();
  const loading = await timed(async () => {
    const loaded = await Sandbox.create({ image: image!, memoryBytes: MEMORY_BYTES, state: saving.value });
    await loaded.run("true", { check: true });
    return loaded;
  });
  await loading.value.close();
  const stateMib = saving.value.length / 2 ** 20;
  return { undisturbed, stopBySave, stopByFork, save: saving.ms, fork: forking.ms, load: loading.ms, stateMib };
}

async function back(): Promise<Record<string, number>> {
  const stream = {
    write: (_bytes: Uint8Array, _at: number, count: number) => count,
    room: 1 << 16,
    isBroken: false,
    onWritable: () => {},
    drain: () => Promise.resolve(),
  };
  const output = new ShownOutput([stream, stream]);
  const { timeline, close } = await openTimeline(file!, { home: stratosHome(), output });
  const nothing = { breakpoints: new Set<number>(), watches: [] };
  const first = { ...nothing, breakpoints: new Set([timeline.position.pc]) };
  const end = await timed(() => timeline.seekEnd());
  const { instructions, tid } = timeline.position;
  const thread = tid < 0 ? timeline.firstPid : tid;
  const steps: number[] = [];
  for (let count = 0; count < TIMES; count++) steps.push((await timed(() => timeline.stepBack(thread))).ms);
  const reverse = await timed(() => timeline.backward(first));
  if (reverse.value.kind !== "stop" && reverse.value.kind !== "begin") throw new Error(reverse.value.kind);
  if (timeline.position.instructions > instructions / 2) throw new Error("it did not go back");
  close();
  return { instructions, end: end.ms, firstStep: steps[0]!, step: median(steps), reverse: reverse.ms };
}

const MODES = { create, python, saved, back };
console.log(JSON.stringify(await MODES[mode as keyof typeof MODES]()));
process.exit();
