/**
 * `npm run fuzz:abi -- [--seconds N] [--seed S] [--rounds N] [--calls N] [PROGRAM ...]`: the programs of random calls
 * (random-*.c), each round with another seed, on the Linux of this host and on Stratos; what differs first is shown.
 * Needs root, for namespaces of their own. Ends with `N passed, N failed`.
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { isWhole, refuseUnknown } from "../support/known-names.ts";
import { build, differences, programs, runOnLinux, transcript } from "./on-linux.ts";
import { runStatic } from "./run-static.ts";

const { values, positionals } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    rounds: { type: "string", default: "Infinity" },
    calls: { type: "string", default: "400" },
  },
  allowPositionals: true,
});
const random = programs.filter((name) => name.startsWith("random-"));
refuseUnknown(positionals, random, isWhole);
const chosen = (positionals.length > 0 ? positionals : random).map((name) => ({
  name,
  native: build(name, "gcc"),
  guest: readFileSync(build(name)),
}));
const firstSeed = Number(values.seed ?? Date.now() % 1_000_000_000);
const end = performance.now() + Number(values.seconds) * 1000;
let passed = 0,
  failed = 0;
console.log(`seed ${firstSeed} (repeat the first round with --seed ${firstSeed} --rounds 1)`);

for (let round = 0; round < Number(values.rounds) && performance.now() < end; round++) {
  const given = [String(firstSeed + round), values.calls];
  for (const { name, native, guest } of chosen) {
    const { output, status } = await runStatic(guest, { seed: 1, argv: [name, ...given] });
    const difference = differences(runOnLinux(native, given), transcript(output, status), "Stratos");
    if (difference === "") passed++;
    else failed++;
    // What follows the first one are its consequences.
    if (difference !== "") console.log(`FAILED ${name} seed ${given[0]}: ${difference.split("\n")[0]}`);
  }
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
