/**
 * Records what recorders of other makers fail on, and replays it again and again: output and status are those of the
 * recorded run (`replay` itself compares the number of instructions), and a recording with another byte is refused.
 *
 *     npm run determinism:recorders -- [--rounds N] [--only PART-OF-A-NAME] [--seed S]
 *
 * Each program is recorded once and replayed N times (100). The last line is `N passed, N failed`.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { ensureImage, ensureTestImage, TEST_IMAGE } from "../support/test-image.ts";
import { compareReplays, MORE_PROGRAMS, RECORDED_PROGRAMS } from "./recorded-programs.ts";
import { refuseUnknown } from "../support/known-names.ts";

const MORE_IMAGE = "recorders-1";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "100" },
    only: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
  },
});
refuseUnknown(
  [values.only],
  RECORDED_PROGRAMS.map(({ name }) => name),
);
const folder = mkdtempSync(join(tmpdir(), "stratos-recorders-"));
const random = new SeededRandom(Number(values.seed));
let passed = 0,
  failed = 0;
try {
  for (const program of RECORDED_PROGRAMS.filter(({ name }) => name.includes(values.only))) {
    const needsMore = program.needs !== undefined;
    await (needsMore ? ensureImage(MORE_IMAGE, MORE_PROGRAMS) : ensureTestImage());
    const image = needsMore ? MORE_IMAGE : TEST_IMAGE;
    const rounds = Number(values.rounds);
    // Hours on a busy computer: who ends it knows how far it was.
    const onRound = (round: number, same: number): void =>
      void (round % 10 === 0 && process.stderr.write(`${program.name}: ${same} of ${round} replays the same\n`));
    const failures = await compareReplays(program, { image, folder, rounds, random, flips: 10, onRound });
    for (const failure of failures) console.log(`FAILED ${program.name}: ${failure}`);
    if (failures.length === 0) {
      passed++;
      console.log(`${program.name}: ${rounds} replays, the same`);
    } else failed++;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
