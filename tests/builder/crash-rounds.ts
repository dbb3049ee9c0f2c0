/**
 * `npm run crash:builder -- [--rounds N] [--seed S] [--home FOLDER]`: builds that are killed with SIGKILL at random
 * moments, while layers are made, too. After each: no process and no mount of it is left, and every layer that has a
 * name is sound; after all, a build that nobody disturbs gives the same package as the first one. The last line is
 * `N passed, N failed`.
 */
import { spawn, spawnSync, type SpawnSyncReturns } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { launcher } from "../support/stratos.ts";
import { TEST_HOME } from "../support/test-image.ts";
import { writeSource } from "./sample-source.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "20" },
    seed: { type: "string", default: "1" },
    home: { type: "string", default: TEST_HOME },
  },
});
const random = new SeededRandom(Number(values.seed));
const folder = mkdtempSync(join(tmpdir(), "stratos-builder-crash-"));
const [node, ...rest] = launcher;
const environment = { ...process.env, STRATOS_HOME: values.home };
/** Long enough to be met at any moment; of this run alone, so that what is left of it is known. */
const MARK = `0.7${String(process.pid).padStart(7, "0")}`;
const source = writeSource(folder, {
  name: "crashing",
  fields: "Build-Depends: gettext-base",
  script: `sleep ${MARK}`,
});
const PACE_MS = 6000;

function builder(args: readonly string[]): SpawnSyncReturns<string> {
  return spawnSync(node!, [...rest, "builder", ...args], { env: environment, encoding: "utf8", maxBuffer: 1 << 28 });
}

/** Of this home alone. */
function remains(): string[] {
  const work = join(values.home, "builder");
  const mounts = readFileSync("/proc/self/mounts", "utf8")
    .split("\n")
    .filter((line) => line.includes(work));
  return [...mounts, ...processesWith((words) => words.includes(MARK) || words.includes(`${work}/`))];
}

function processesWith(isMeant: (words: string) => boolean): string[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        const words = readFileSync(`/proc/${pid}/cmdline`, "latin1").replaceAll("\0", " ");
        return isMeant(words) ? [`${pid} ${words.slice(0, 80)}`] : [];
      } catch {
        return [];
      }
    });
}

function kill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended.
  }
}

const TOLD_EVERY = 20;
let passed = 0,
  failed = 0;
try {
  process.stdout.write(`seed ${values.seed}, as ${process.getuid!() === 0 ? "root" : "an ordinary user"}\n`);
  const first = builder(["build", source, "-o", join(folder, "first")]);
  if (first.status !== 0) throw new Error(first.stderr);
  for (let round = 0; round < Number(values.rounds); round++) {
    // Now and then the layer goes first, so that making it is met, too.
    const listed = builder(["root", "ls", "--json"]);
    if (listed.status !== 0) throw new Error(`the builder itself fails: ${listed.stderr}`);
    const layers = JSON.parse(listed.stdout) as { key: string; kind: string }[];
    if (random.below(2) === 0)
      for (const { key } of layers.filter(({ kind }) => kind === "deps")) builder(["root", "rm", key]);
    const afterMs = 200 + random.below(PACE_MS);
    const child = spawn(node!, [...rest, "builder", "build", source, "-o", join(folder, "out")], {
      env: environment,
      stdio: "ignore",
    });
    await new Promise((resolve) => setTimeout(resolve, afterMs));
    // The builder itself, and nothing of what it has started.
    for (const pid of processesWith((words) => words.includes(`builder build ${source}`)))
      kill(Number(pid.split(" ")[0]));
    kill(child.pid!);
    let left: string[] = [];
    for (let tries = 0; tries < 50 && (left = remains()).length > 0; tries++)
      await new Promise((resolve) => setTimeout(resolve, 100));
    const scrub = builder(["root", "scrub"]);
    if (round % TOLD_EVERY === TOLD_EVERY - 1) process.stdout.write(`${round + 1} of ${values.rounds}\n`);
    const isSound = left.length === 0 && scrub.status === 0;
    if (isSound) passed++;
    else {
      failed++;
      process.stdout.write(
        `round ${round}, killed after ${afterMs} ms: ${left.join("; ")} ${scrub.stdout}${scrub.stderr}\n`,
      );
    }
  }
  const last = builder(["build", source, "-o", join(folder, "last")]);
  const deb = (name: string): string =>
    readdirSync(join(folder, name))
      .filter((one) => one.endsWith(".deb"))
      .map((one) => readFileSync(join(folder, name, one), "base64"))
      .join();
  if (last.status === 0 && deb("first") === deb("last")) passed++;
  else {
    failed++;
    process.stdout.write(`the last build: ${last.stderr}\n`);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
process.stdout.write(`${passed} passed, ${failed} failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
