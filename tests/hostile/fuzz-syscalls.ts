/**
 * `npm run fuzz:syscalls -- [--seconds N] [--seed S] [--rounds N]`: random system calls with arguments of the right
 * types, a thousand to a machine, until the time is over. Ends with what was slowest, and with `N passed, N failed`:
 * a round fails when a call did more work at a time than it may, held the main thread for more than 20 ms, kept the
 * host waiting for more than 100 ms, left memory with the host, or broke an invariant.
 */
import { parseArgs } from "node:util";
import { CALL_WORK } from "@stratos/kernel";
import { CallWatch, type SlowCall } from "./call-watch.ts";
import { buildRunner, callsOf, runRound, WORK_STEP } from "./typed-round.ts";

const CALL_MS_MAX = 20;
const TURN_MS_MAX = 100;
/** What the host's heap may grow by over all rounds. */
const HEAP_BYTES_MAX = 512 << 20;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    rounds: { type: "string", default: "Infinity" },
  },
});
const firstSeed = Number(values.seed ?? Date.now() % 1_000_000_000);
const end = performance.now() + Number(values.seconds) * 1000;
const runner = buildRunner();
const watch = new CallWatch(CALL_MS_MAX, TURN_MS_MAX);
const slowest = new Map<string, SlowCall>();
let passed = 0,
  failed = 0,
  longestTurnMs = 0;
console.log(`seed ${firstSeed} (repeat the first round with --seed ${firstSeed} --rounds 1)`);

for (let round = 0; round < Number(values.rounds) && performance.now() < end; round++) {
  const seed = firstSeed + round;
  const complaints: string[] = [];
  try {
    const { output, turnMsMax } = await runRound(runner, callsOf(seed), watch, seed);
    if (!output.endsWith("survived\n")) complaints.push(`the runner said ${JSON.stringify(output.slice(-200))}`);
    longestTurnMs = Math.max(longestTurnMs, turnMsMax);
  } catch (error) {
    complaints.push((error as Error).stack ?? String(error));
  }
  const { calls: slow, turnMs } = await watch.takeSlow();
  if (turnMs > 0) complaints.push(`a turn took ${Math.round(turnMs)} ms`);
  for (const call of slow) if ((slowest.get(call.name)?.ms ?? 0) < call.ms) slowest.set(call.name, call);
  // Slowest first: one of each name is enough.
  for (const name of new Set(slow.map((call) => call.name)))
    complaints.push(describe(slow.find((call) => call.name === name)!));
  if (watch.mostWork !== null && watch.mostWork.work > CALL_WORK + WORK_STEP)
    complaints.push(`too much work: ${describe(watch.mostWork)}`);
  watch.mostWork = null;
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  if (heapUsed > HEAP_BYTES_MAX)
    complaints.push(
      `the heap has ${Math.round(heapUsed / 2 ** 20)} MiB, buffers ${Math.round(arrayBuffers / 2 ** 20)} MiB`,
    );
  if (complaints.length === 0) passed++;
  else failed++;
  for (const complaint of complaints) console.log(`FAILED seed ${seed}: ${complaint}`);
}
watch.stop();
for (const call of [...slowest.values()].sort((a, b) => b.ms - a.ms).slice(0, 20))
  console.log(`slow: ${describe(call)}`);
console.log(
  `${watch.count} calls; longest turn ${Math.round(longestTurnMs)} ms; resident ` +
    `${Math.round(process.memoryUsage.rss() / 2 ** 20)} MiB`,
);
console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

/** Large ones are addresses and lengths: in hexadecimal. */
function argument(value: number): string {
  const size = Math.abs(value);
  return size > 4096 ? `${value < 0 ? "-" : ""}0x${size.toString(16)}` : String(value);
}

function describe(call: SlowCall): string {
  return `${call.name}(${call.arguments.map(argument).join(", ")}): ${call.ms} ms, ${call.work} units`;
}
