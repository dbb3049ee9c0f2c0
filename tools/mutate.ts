/**
 * `npm run mutate -- --package NAME [--folder FOLDER] [--seed S] [--count N]`: breaks the code in one place at a time
 * and asks the nearest tests whether they notice. What they don't is printed as `SURVIVED K file:line: before → after`;
 * the same seed with `--only K,…` repeats it, and `--from K` goes on with a run that was ended. The last line is `N
 * caught, M survived`. Status 0: survivors are read by people, and some change nothing that anybody could notice.
 *
 * First each test file of the package runs once and is counted: only tests that reach a place are asked about it, its
 * own (`x.test.ts`) first, then those of its folder, then the others, the quickest first, until one fails or those for
 * `--seconds` of processor time are asked. Tests that don't end count as such. Works on a copy: nothing in the clone is
 * changed.
 */
import { spawn, type ChildProcess } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { isReached, readCoverage, type CountedFunctions } from "./mutate/coverage.ts";
import { countedAt, findMutations, type Mutation } from "./mutate/mutations.ts";

const { values: options } = parseArgs({
  options: {
    package: { type: "string" },
    folder: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "20" },
    from: { type: "string", default: "1" },
    only: { type: "string" },
    seconds: { type: "string", default: "20" },
  },
});
if (options.package === undefined) {
  console.error(
    "usage: npm run mutate -- --package NAME [--folder FOLDER] [--seed S] [--count N] [--from K] [--only K,…] " +
      "[--seconds S]",
  );
  process.exit(2);
}
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = `packages/${options.package}/src`;
if (!existsSync(join(root, source))) {
  console.error(`mutate: there is no package ${options.package}`);
  process.exit(2);
}
const copy = realpathSync(mkdtempSync(join(tmpdir(), "stratos-mutate-")));
let running: ChildProcess | null = null;
process.on("exit", () => {
  running?.kill("SIGKILL");
  rmSync(copy, { recursive: true, force: true });
});
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(130));
for (const name of ["packages", "package.json"]) cpSync(join(root, name), join(copy, name), { recursive: true });
linkPackages();

/** Loaded before a test: it tells its processor time when it ends. */
const TELL_TIME = "data:text/javascript,process.on('exit',()=>process.send(process.cpuUsage()))";

interface CountedTest {
  readonly path: string;
  readonly elapsedMs: number;
  readonly cpuMs: number;
  readonly reached: ReadonlyMap<string, CountedFunctions>;
}

const isCode = (path: string): boolean => !/\.(test|fuzz|bench)\.ts$|\/testing\//.test(path);
const files = filesBelow(join(source, options.folder), ".ts").filter(isCode);
const random = new SeededRandom(Number(options.seed));
const only = options.only?.split(",").map(Number);
const count = Math.max(Number(options.count), ...(only ?? []));
const chosen = Array.from({ length: count }, (_, index) => ({ number: index + 1, ...randomMutation() })).filter(
  ({ number }) => (only === undefined ? number >= Number(options.from) : only.includes(number)),
);
const tests = await countTests();
let caught = 0;
let survived = 0;
for (const { number, file, mutation } of chosen) {
  if (mutation === undefined) continue;
  const text = readFileSync(join(copy, file), "utf8");
  writeFileSync(join(copy, file), text.slice(0, mutation.start) + mutation.after + text.slice(mutation.end));
  const verdict = await whoNotices(file, mutation);
  writeFileSync(join(copy, file), text);
  report(number, file, mutation, verdict);
}
console.log(`${caught} caught, ${survived} survived`);

function randomMutation(): { file: string; mutation: Mutation | undefined } {
  const file = files[random.below(files.length)]!;
  const all = findMutations(readFileSync(join(copy, file), "utf8"));
  return { file, mutation: all[random.below(Math.max(1, all.length))] };
}

interface Verdict {
  /** The test file that failed; null: none did. */
  readonly who: string | null;
  readonly askedCount: number;
  readonly reachingCount: number;
}

function report(number: number, file: string, mutation: Mutation, verdict: Verdict): void {
  const { who, askedCount, reachingCount } = verdict;
  if (who === null) survived += 1;
  else caught += 1;
  const change = `${file}:${mutation.line}: ${mutation.before.trim()} → ${mutation.after.trim() || "nothing"}`;
  if (who !== null) console.log(`caught   ${number} ${change} (${who.slice(source.length + 1)})`);
  else {
    console.log(`SURVIVED ${number} ${change} (${askedCount} of ${reachingCount} test files that reach it)`);
    console.log(`         ${mutation.text.trim()}`);
  }
}

/** Runs each test file of the package on the sound code; those that fail there are named and not asked. */
async function countTests(): Promise<CountedTest[]> {
  const found: CountedTest[] = [];
  const paths = filesBelow(source, ".test.ts");
  for (const [index, path] of paths.entries()) {
    const folder = join(copy, "counts", String(index));
    const started = performance.now();
    const { passes, cpuMs } = await runTest(path, 10 * 60_000, { NODE_V8_COVERAGE: folder });
    const elapsedMs = Math.ceil(performance.now() - started);
    console.log(`counted  ${index + 1} of ${paths.length}: ${path.slice(source.length + 1)}, ${cpuMs} ms`);
    if (!passes) console.log(`FAILS    ${path} without any change: not asked`);
    else found.push({ path, elapsedMs, cpuMs, reached: readCoverage(folder, `${pathToFileURL(copy).href}/`) });
    rmSync(folder, { recursive: true, force: true });
  }
  return found;
}

async function whoNotices(file: string, mutation: Mutation): Promise<Verdict> {
  const own = file.replace(/\.ts$/, ".test.ts");
  const distance = (test: CountedTest): number =>
    test.path === own ? 0 : dirname(test.path) === dirname(file) ? 1 : 2;
  const reaching = tests
    .filter(({ reached }) => isReached(reached.get(file) ?? [], countedAt(mutation)))
    .sort((a, b) => distance(a) - distance(b) || a.cpuMs - b.cpuMs);
  let restMs = Number(options.seconds) * 1000;
  let askedCount = 0;
  for (const { path, elapsedMs, cpuMs } of reaching) {
    if (restMs <= 0) break;
    restMs -= cpuMs;
    askedCount += 1;
    const { passes } = await runTest(path, Math.max(15_000, elapsedMs * 6), {
      NODE_COMPILE_CACHE: join(copy, "compile-cache"),
    });
    if (!passes) return { who: path, askedCount, reachingCount: reaching.length };
  }
  return { who: null, askedCount, reachingCount: reaching.length };
}

/** A test file that is run as a program tells by its status. @returns also its processor time; 0 if it was killed */
function runTest(
  path: string,
  timeoutMs: number,
  environment: Record<string, string>,
): Promise<{ passes: boolean; cpuMs: number }> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", "--import", TELL_TIME, path], {
      cwd: copy,
      env: { ...process.env, ...environment },
      timeout: timeoutMs,
      killSignal: "SIGKILL",
      stdio: ["ignore", "ignore", "ignore", "ipc"],
    });
    running = child;
    let cpuMs = 0;
    child.on("message", (usage: NodeJS.CpuUsage) => (cpuMs = Math.ceil((usage.user + usage.system) / 1000)));
    child.on("close", (code) => resolve({ passes: code === 0, cpuMs }));
  });
}

/** Relative to the copy, sorted. */
function filesBelow(folder: string, suffix: string): string[] {
  const names = readdirSync(join(copy, folder), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(folder, name))
    .sort();
}

/** The copy's `node_modules`: the libraries are the clone's, the packages its own. */
function linkPackages(): void {
  mkdirSync(join(copy, "node_modules/@stratos"), { recursive: true });
  for (const name of readdirSync(join(root, "packages")))
    symlinkSync(join(copy, "packages", name), join(copy, "node_modules/@stratos", name));
  for (const name of readdirSync(join(root, "node_modules")))
    if (name !== "@stratos") symlinkSync(join(root, "node_modules", name), join(copy, "node_modules", name));
}
