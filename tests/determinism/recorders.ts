/**
 * Records what recorders of other makers fail on, and replays it again and again: output and status are those of the
 * recorded run (`replay` itself compares the number of instructions), and a recording with another byte is refused.
 *
 *     npm run determinism:recorders -- [--rounds N] [--only PART-OF-A-NAME] [--seed S]
 *
 * Each program is recorded once and replayed N times (100), with translations kept as a user's are: the first replays
 * translate, later ones take what those have left, and all must be the same. The last line is `N passed, N failed`.
 */
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { ensureImage, ensureTestImage, TEST_HOME, TEST_IMAGE } from "../support/test-image.ts";
import { compareReplays, MORE_PROGRAMS, RECORDED_PROGRAMS } from "./recorded-programs.ts";
import { refuseUnknown } from "../support/known-names.ts";

const MORE_IMAGE = "recorders-1";

/** With the tests' images and translations of its own: half of a replay, where all of it would be translated anew. */
function keepingHome(): string {
  const home = join(TEST_HOME, "recorders");
  mkdirSync(home, { recursive: true });
  if (!existsSync(join(home, "images"))) symlinkSync("../images", join(home, "images"));
  return home;
}

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
const env = { STRATOS_HOME: keepingHome(), STRATOS_NO_CACHE: "" };
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
    const failures = await compareReplays(program, { image, env, folder, rounds, random, flips: 10, onRound });
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
