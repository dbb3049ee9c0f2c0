/**
 * One seed leaves one machine behind, wherever and however it runs: what remains of two hundred programs (memory,
 * registers, kernel, clock, and what they printed) is compared between ways to run them.
 *
 *     npm run determinism:hosts -- [--only PART-OF-A-NAME] [--ways WAY,WAY…] [--every N]
 *
 * Ways: `alone` (with which all others are compared), `again` (and it is asked what runs), `kept` (translations of
 * earlier runs are used), `worker`, `busy` (beside twice as many processes as there are processors, which never rest),
 * `interpreted`, `page` (headless Chromium). Then a system is saved in Node, goes on in a page and in Node, is saved
 * there, and goes on here.
 * The last line is `N passed, N failed`.
 */
import { parseArgs } from "node:util";
import { FINAL_PROGRAMS } from "./final-programs.ts";
import { FinalStates, journeys, type Way, WAYS } from "./final-states.ts";
import { refuseUnknown } from "../support/known-names.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    ways: { type: "string", default: WAYS.join(",") },
    every: { type: "string", default: "1" },
  },
});
const ways = values.ways.split(",").map((way) => {
  if (!(WAYS as readonly string[]).includes(way)) throw new Error(`--ways: ${way} is none of ${WAYS.join(", ")}`);
  return way as Way;
});
refuseUnknown(
  [values.only],
  FINAL_PROGRAMS.map(({ name }) => name),
);
const programs = FINAL_PROGRAMS.filter(({ name }) => name.includes(values.only)).filter(
  (_, index) => index % Number(values.every) === 0,
);
let passed = 0,
  failed = 0;
function tell(name: string, differences: readonly string[]): void {
  console.log(differences.length === 0 ? `${name}: the same` : `FAILED ${name}: ${differences.join("; ")}`);
  if (differences.length === 0) passed++;
  else failed++;
}

const states = await FinalStates.open();
try {
  for (const program of programs) tell(program.name, await states.differences(program, ways));
  if (values.only === "" && ways.includes("page")) tell("saved here and there", await journeys(states));
} finally {
  await states.close();
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
