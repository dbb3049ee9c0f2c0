/**
 * Scripts whose standard output, standard error and exit status are to be qemu-user's. All of a list run in one
 * machine, and in one run of the judge, since a start is most of what a short script costs; each has a bash and a
 * folder of its own.
 */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { judge } from "./judge.ts";
import { stratosRun, type Result } from "./stratos.ts";

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

/** One test for each case. */
export function compareWithJudge(cases: readonly ProgramCase[]): void {
  let ours: Result[] = [];
  let theirs: Result[] = [];
  let ends: readonly Result[] = [];
  before(
    async () => {
      const pairs = cases.flatMap(({ script, stdin = "" }) => [
        `mkdir /tmp/work && cd /tmp/work && { ${script}\n}`,
        stdin,
      ]);
      const command = ["bash", "-c", DRIVER, "bash", ...pairs];
      const input = { timeoutMs: TIMEOUT_MS };
      const results = await Promise.all([stratosRun(["--", ...command], input), judge(command, input)]);
      [ours, theirs] = results.map(parseResults) as [Result[], Result[]];
      ends = results;
    },
    { timeout: TIMEOUT_MS },
  );
  cases.forEach(({ name }, index) => {
    test(name, () => {
      assert.notEqual(theirs[index], undefined, `the judge did not come to an end: ${theirs.at(-1)?.stderr}`);
      assert.deepEqual(ours[index], theirs[index]);
    });
  });
  test("all scripts came to their end, and nothing else was said", () => {
    for (const { stderr, status } of ends) assert.deepEqual({ stderr, status }, { stderr: "", status: 0 });
    assert.deepEqual([ours.length, theirs.length], [cases.length, cases.length]);
  });
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
