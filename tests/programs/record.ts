/**
 * Asks the judge each script of this folder, and keeps its answers in `answers.json`: an image with the same packages
 * is not judged again, on whatever machine. With `--check` it writes nothing, and names the scripts that answer
 * otherwise than is kept.
 *
 * npm run programs:record [-- --check]
 */
import { isDeepStrictEqual } from "node:util";
import { askJudge, isWhole, keyOf } from "../support/compare.ts";
import { recordAnswers, recordedAnswers } from "../support/judge.ts";
import { PROGRAM_CASES } from "./cases.ts";

const { answers, end } = await askJudge(PROGRAM_CASES);
if (!isWhole(end)) throw new Error(`the judge ended with status ${end.status}: ${end.stderr}`);
if (!process.argv.includes("--check")) recordAnswers(Object.fromEntries(answers));
else {
  const kept = recordedAnswers();
  const others = PROGRAM_CASES.filter((one) => !isDeepStrictEqual(kept[keyOf(one)], answers.get(keyOf(one))));
  for (const { name } of others) console.error(`${name}: answers otherwise than is kept`);
  if (others.length > 0) process.exitCode = 1;
}
