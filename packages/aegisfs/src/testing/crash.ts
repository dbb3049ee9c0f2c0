/** `node packages/aegisfs/src/testing/crash.ts --seconds N --seed S`: crash simulation that goes on through seeds until the time is over. */
import { simulateCrashes } from "./crash-simulation.ts";

function option(name: string, otherwise: number): number {
  const at = process.argv.indexOf(`--${name}`);
  const value = at < 0 ? otherwise : Number(process.argv[at + 1]);
  if (!Number.isFinite(value)) {
    console.error(`crash: --${name} needs a number`);
    process.exit(2);
  }
  return value;
}

const seconds = option("seconds", 10);
const first = option("seed", 1);
const end = performance.now() + seconds * 1000;
const shouldStop = (): boolean => performance.now() > end;
let states = 0;
let failed = 0;
for (let seed = first; !shouldStop() && failed === 0; seed++) {
  try {
    states += simulateCrashes({ seed, states: 1000, prefixes: 8, choices: 10, shouldStop });
  } catch (error) {
    failed++;
    console.error((error as Error).message);
    console.error(`repeat: node packages/aegisfs/src/testing/crash.ts --seconds ${seconds} --seed ${seed}`);
  }
}
console.log(`${states} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
