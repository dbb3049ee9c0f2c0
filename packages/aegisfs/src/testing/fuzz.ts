/**
 * `node packages/aegisfs/src/testing/fuzz.ts --seconds N --seed S`: forged images, one for each seed, until the time is
 * over.
 */
import { numberOption } from "./command-options.ts";
import { surviveForgedImage } from "./forged-image.ts";

const seconds = numberOption("seconds", 10);
const end = performance.now() + seconds * 1000;
let passed = 0;
let failed = 0;
for (let seed = numberOption("seed", 1); performance.now() < end && failed === 0; seed++) {
  const began = performance.now();
  try {
    surviveForgedImage(seed);
    passed++;
    const took = performance.now() - began;
    if (took > 5000) console.error(`seed ${seed} took ${Math.round(took)} ms`);
  } catch (error) {
    failed++;
    console.error(`seed ${seed}: ${(error as Error).stack}`);
    console.error(`repeat: node packages/aegisfs/src/testing/fuzz.ts --seconds 1 --seed ${seed}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
