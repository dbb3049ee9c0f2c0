/**
 * Goal: what runs keep for later ones is used, changes nothing but the time, and may be damaged or removed at will.
 * Method: one program of Debian's python from one seed, without an archive, with an empty one, a filled one, and a
 * damaged one; what it prints tells its page faults and its clock, too.
 */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NODE_FLAGS } from "@stratos/engine-node/node-flags";
import { Sandbox } from "@stratos/library";
import { extendedTest } from "@stratos/base/testing";
import { stratos, stratosRun } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

const PROGRAM = `
import json, re, resource, time
words = {str(i): [i * 7919 % 1013, "word %d" % i] for i in range(9000)}
text = json.dumps(words)
print(len(json.loads(text)), len(re.findall(r"[a-z]+ \\d+", text)), sum(sorted(v[0] for v in words.values())[:99]))
print(resource.getrusage(resource.RUSAGE_SELF), time.time_ns(), open("/proc/self/smaps").read())
`;

let home = "";
before(async () => {
  await ensureTestImage();
  home = mkdtempSync(join(tmpdir(), "stratos-kept-"));
  symlinkSync(join(TEST_HOME, "images"), join(home, "images"));
});
after(() => rmSync(home, { recursive: true, force: true, maxRetries: 5 }));

const folder = (): string => join(home, "translations");
const kept = (): string[] =>
  existsSync(folder()) ? readdirSync(folder()).filter((name) => name.endsWith(".code")) : [];

interface Outcome {
  readonly output: string;
  readonly instructions: number;
  readonly keptFunctions: number;
  readonly interpreted: number;
}

async function runProgram(program = PROGRAM, ...options: string[]): Promise<Outcome> {
  const command = [...options, "--seed", "3", "--stats", "--", "python3", "-c", program];
  const result = await stratosRun(command, { env: { STRATOS_HOME: home, STRATOS_NO_CACHE: "" } });
  assert.equal(result.status, 0, result.stderr);
  const statistics = JSON.parse(result.stderr.split("\n").find((line) => line.startsWith("{"))!) as {
    instructions: number;
    interpretedInstructions: number;
    keptFunctions: number;
  };
  const { instructions, interpretedInstructions: interpreted, keptFunctions } = statistics;
  return { output: result.stdout, instructions, interpreted, keptFunctions };
}

/**
 * What a run has handed over is translated by a process of its own, which ends when nothing waits and lets all others
 * go first.
 */
async function filled(): Promise<void> {
  const isBusy = (): boolean => readdirSync(folder()).some((name) => /^\.?profile/.test(name));
  const deadline = Date.now() + 1_800_000;
  while (isBusy() || kept().length === 0) {
    assert.ok(Date.now() < deadline, `not filled: ${readdirSync(folder()).join(" ")}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

const SHORT_PROGRAM = "import json, re; print(len(re.findall('7', json.dumps(list(range(20000))))))";

extendedTest(
  "sandboxes of two processes at once leave what runs use; one without a code cache leaves nothing",
  async () => {
    const inBox = async (codeCache: boolean): Promise<string> => {
      const box = await Sandbox.create({ home, image: TEST_IMAGE, seed: 3, codeCache });
      try {
        const { stdout, stderr } = await box.run(["python3", "-c", SHORT_PROGRAM]);
        assert.equal(stderr, "");
        return stdout;
      } finally {
        await box.close();
      }
    };
    const without = await inBox(false);
    assert.equal(existsSync(folder()), false);
    assert.deepEqual(await Promise.all([inBox(true), inBox(true)]), [without, without]);
    await filled();
    assert.equal(await inBox(true), without);
    const { keptFunctions } = await runProgram(SHORT_PROGRAM);
    assert.ok(keptFunctions > 50, `${keptFunctions} functions were taken from archives`);
    await filled();
    await stratos(["cache", "prune"], { env: { STRATOS_HOME: home } });
    rmSync(folder(), { recursive: true });
  },
);

test("what programs of an image execute is translated ahead, and one that is not there is passed over", async () => {
  const program = { name: "python", needs: "/usr/bin/python3", line: `python3 -c "${SHORT_PROGRAM}"` };
  const absent = { name: "absent", needs: "/usr/bin/no-such-program", line: "exit 1" };
  const limits = { allMs: 600_000, oneMs: 600_000 };
  const request = { image: TEST_IMAGE, home, programs: [absent, program], limits };
  // In a process that is begun as the command is: machine code is for engines of the same flags.
  const script = `
    import { ownProcess } from "@stratos/host-node/home";
    import { warmCode } from "@stratos/images/warm-code";
    ownProcess();
    const progress = [];
    const written = await warmCode(${JSON.stringify(request)}, (step) => progress.push(step));
    console.log(JSON.stringify({ written, progress }));`;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...NODE_FLAGS, "--input-type=module", "--eval", script],
    { cwd: fileURLToPath(new URL("..", import.meta.url)), env: { ...process.env, STRATOS_NO_CACHE: "" } },
  );
  const { written, progress } = JSON.parse(stdout) as { written: number; progress: unknown };
  assert.ok(written >= 1, `${written} archives`);
  assert.deepEqual(progress, [
    { done: 0, total: 2, name: "absent" },
    { done: 1, total: 2, name: "python" },
  ]);
  const { keptFunctions } = await runProgram(SHORT_PROGRAM);
  assert.ok(keptFunctions > 50, `${keptFunctions} functions were taken from archives`);
  await filled();
  rmSync(folder(), { recursive: true });
});

extendedTest(
  "one seed gives one result without, with an empty and with a filled archive, and the last is used",
  async () => {
    const without = await runProgram(PROGRAM, "--no-cache");
    assert.equal(existsSync(folder()), false, "--no-cache leaves nothing");
    const first = await runProgram();
    await filled();
    const later = await runProgram();
    for (const { output, instructions } of [first, later]) {
      assert.equal(output, without.output);
      assert.equal(instructions, without.instructions);
    }
    assert.deepEqual([without.keptFunctions, first.keptFunctions], [0, 0]);
    assert.ok(later.keptFunctions > 50, `${later.keptFunctions} functions were taken from archives`);
    assert.ok(later.interpreted < first.interpreted / 2, `${later.interpreted} of ${first.interpreted} interpreted`);

    await filled();
    for (const name of kept()) {
      const bytes = readFileSync(join(folder(), name));
      for (let at = 40_000; at < bytes.length; at += 40_000) bytes[at]! ^= 4;
      writeFileSync(join(folder(), name), bytes);
    }
    const damaged = await runProgram();
    assert.equal(damaged.output, without.output);
    assert.equal(damaged.instructions, without.instructions);
    await filled();

    const env = { STRATOS_HOME: home };
    const rows = JSON.parse((await stratos(["cache", "ls", "--json"], { env })).stdout) as { sizeBytes: number }[];
    assert.ok(rows.length >= 2 && rows.every(({ sizeBytes }) => sizeBytes > 1000));
    assert.match((await stratos(["cache", "prune"], { env })).stdout, new RegExp(`^${rows.length} removed`));
    assert.deepEqual(kept(), []);
  },
);
