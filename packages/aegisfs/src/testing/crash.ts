/** `node packages/aegisfs/src/testing/crash.ts --seconds N --seed S`: crash simulation that goes on through seeds until the time is over. */
import { COMPRESS_LZ4, DEDUPE_ON, withCompression, withDedupe } from "../aegisfs.ts";
import type { FormatOptions } from "../aegisfs.ts";
import { numberOption } from "./command-options.ts";
import { simulateCrashes } from "./crash-simulation.ts";

/** Seeds take turns on kinds of volumes. */
const KINDS: readonly Partial<FormatOptions>[] = [
  {}, { properties: withCompression(0, COMPRESS_LZ4, 0) }, { copies: 2 }, { properties: withDedupe(withCompression(0, COMPRESS_LZ4, 0), DEDUPE_ON) },
];

const seconds = numberOption("seconds", 10);
const first = numberOption("seed", 1);
const end = performance.now() + seconds * 1000;
const shouldStop = (): boolean => performance.now() > end;
let states = 0;
let failed = 0;
for (let seed = first; !shouldStop() && failed === 0; seed++) {
  try {
    states += simulateCrashes({ seed, states: 1000, prefixes: 8, choices: 10, shouldStop, format: KINDS[seed % KINDS.length]! });
  } catch (error) {
    failed++;
    console.error((error as Error).message);
    console.error(`repeat: node packages/aegisfs/src/testing/crash.ts --seconds ${seconds} --seed ${seed}`);
  }
}
console.log(`${states} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
