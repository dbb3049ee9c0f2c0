/**
 * Scripts whose standard output, standard error and exit status are to be qemu-user's. All of a list run in one
 * machine, and in one run of the judge, since a start is most of what a short script costs; each has a bash and a
 * folder of its own. What the judge has answered is kept beside its root: the same script there is not run again. Nor
 * is it for an image of the packages of which `tests/programs/answers.json` tells (`npm run programs:record`).
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { before, test } from "node:test";
import { ensureJudgeOfImage, judge, keepAnswers, knownAnswers, recordedAnswers } from "./judge.ts";
import { stratosRun, type Result } from "./stratos.ts";
import { ensureTestImage } from "./test-image.ts";

export interface ProgramCase {
  readonly name: string;
  /** For `bash -c`, in an empty folder below /tmp. */
  readonly script: string;
  readonly stdin?: string;
}

/** Of a whole list. */
const TIMEOUT_MS = 20 * 60_000;

/** Takes pairs of a script and its standard input; prints for each what `parseResults` reads. */
const DRIVER = `
while (($#)); do
  cd /; rm -rf /tmp/work /tmp/result; mkdir /tmp/result
  { printf %s "$2" | bash -c "$1" 2>&3 | cat > /tmp/result/stdout; echo \${PIPESTATUS[1]} > /tmp/result/status; } \\
    3>&1 | cat > /tmp/result/stderr
  shift 2
  for part in stdout stderr status; do stat -c %s /tmp/result/$part; cat /tmp/result/$part; done
done`;

/**
 * One test for each case. What they need is made ready here: node:test begins the hooks of a file all at once, so
 * that no hook can count on an earlier one.
 */
export function compareWithJudge(cases: readonly ProgramCase[]): void {
  let ours: Result[] = [];
  let end: Result;
  let judged: Result | null = null;
  const theirs = new Map<string, Result>();
  before(
    async () => {
      await ensureTestImage();
      const known = { ...recordedAnswers(), ...knownAnswers() };
      for (const one of cases) {
        const answer = known[keyOf(one)];
        if (answer !== undefined) theirs.set(keyOf(one), answer);
      }
      const open = cases.filter((one) => !theirs.has(keyOf(one)));
      const asked = open.length === 0 ? null : askJudge(open);
      end = await stratosRun(["--", ...commandOf(cases)], { timeoutMs: TIMEOUT_MS });
      ours = parseResults(end);
      if (asked === null) return;
      const { answers } = await asked;
      judged = (await asked).end;
      for (const [key, answer] of answers) theirs.set(key, answer);
      if (isWhole(judged)) keepAnswers(Object.fromEntries(theirs));
    },
    { timeout: TIMEOUT_MS },
  );
  cases.forEach((one, index) => {
    test(one.name, () => {
      const expected = theirs.get(keyOf(one));
      assert.notEqual(expected, undefined, `the judge did not come to an end: ${judged?.stderr}`);
      assert.deepEqual(ours[index], expected);
    });
  });
  test("all scripts came to their end, and nothing else was said", () => {
    for (const one of [end, judged])
      if (one !== null) assert.deepEqual({ stderr: one.stderr, status: one.status }, { stderr: "", status: 0 });
    assert.deepEqual([ours.length, theirs.size], [cases.length, cases.length]);
  });
}

/** @returns what those answered that came to their end, by `keyOf`, and how all of it ended */
export async function askJudge(
  cases: readonly ProgramCase[],
): Promise<{ readonly answers: Map<string, Result>; readonly end: Result }> {
  await ensureJudgeOfImage();
  const end = await judge(commandOf(cases), { timeoutMs: TIMEOUT_MS });
  const results = parseResults(end);
  const answered = cases.flatMap((one, index): [string, Result][] =>
    results[index] === undefined ? [] : [[keyOf(one), results[index]]],
  );
  return { answers: new Map(answered), end };
}

/** All scripts came to their end, and nothing else was said. */
export function isWhole({ status, stderr }: Result): boolean {
  return status === 0 && stderr === "";
}

function commandOf(cases: readonly ProgramCase[]): string[] {
  const pairs = cases.flatMap(({ script, stdin = "" }) => [`mkdir /tmp/work && cd /tmp/work && { ${script}\n}`, stdin]);
  return ["bash", "-c", DRIVER, "bash", ...pairs];
}

/** All that an answer depends on but the judge itself, and the packages of its root. */
export function keyOf(one: ProgramCase): string {
  return createHash("sha256")
    .update(JSON.stringify(commandOf([one])))
    .digest("hex");
}

/** Of those that came to their end; then what else was said, if anything was. */
function parseResults({ stdout, stderr }: Result): Result[] {
  const results: Result[] = [];
  let at = 0;
  const part = (): string => {
    const end = stdout.indexOf("\n", at);
    const size = Number(stdout.slice(at, end));
    at = end + 1 + size;
    return stdout.slice(end + 1, at);
  };
  while (at < stdout.length) results.push({ stdout: part(), stderr: part(), status: Number(part()) });
  if (stderr !== "") results.push({ stdout: "", stderr, status: -1 });
  return results;
}
