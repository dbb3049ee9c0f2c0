/**
 * `node packages/aegisfs/src/testing/crash.ts --seconds N --seed S`: disks that crash, and disks that lose and misplace
 * writes, seed after seed until the time is over.
 */
import { COMPRESS_LZ4, DEDUPE_ON, withCompression, withDedupe } from "../aegisfs.ts";
import type { FormatOptions } from "../aegisfs.ts";
import { numberOption } from "./command-options.ts";
import { foldAt, NO_FOLD } from "./fold.ts";
import { simulateCrashes } from "./crash-simulation.ts";
import { simulateStrayWrites } from "./stray-writes.ts";

/** Seeds take turns on kinds of volumes. */
const KINDS: readonly Partial<FormatOptions>[] = [
  {},
  { properties: withCompression(0, COMPRESS_LZ4, 0) },
  { copies: 2 },
  { properties: withDedupe(withCompression(0, COMPRESS_LZ4, 0), DEDUPE_ON) },
];

const seconds = numberOption("seconds", 10);
const first = numberOption("seed", 1);
const end = performance.now() + seconds * 1000;
const shouldStop = (): boolean => performance.now() > end;
let states = 0;
let failed = 0;
for (let seed = first; !shouldStop() && failed === 0; seed++) {
  try {
    states += simulateCrashes({
      seed,
      states: 1000,
      prefixes: 8,
      choices: 10,
      shouldStop,
      format: KINDS[seed % KINDS.length]!,
      fold: seed % 5 === 0 ? foldAt(7 * 4096) : NO_FOLD,
    });
    for (const kind of ["one copy", "two copies", "two devices"] as const) {
      simulateStrayWrites(seed, kind);
      states++;
    }
  } catch (error) {
    failed++;
    const { message, cause } = error as Error;
    console.error(cause instanceof Error ? `${message}\n${cause.message}` : message);
    console.error(`repeat: node packages/aegisfs/src/testing/crash.ts --seconds ${seconds} --seed ${seed}`);
  }
}
console.log(`${states} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
