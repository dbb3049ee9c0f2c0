/**
 * Runs test files with node:test and sends each leaf's result to the parent (`tools/test.mjs`) as
 * `{ passed, file, name, seconds }`, and each file's end as `{ file, cost }`. Failures are printed in full; passes are
 * counted only; a skipped test is neither, and says why. Every ten seconds a line tells how far it is.
 *
 *     node tools/test/run-files.ts PLAN
 *
 * PLAN is JSON, as `Plan`; tools/test/lanes.ts says what runs beside what.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { run } from "node:test";
import { inspect } from "node:util";
import { join, relative, resolve } from "node:path";
import {
  type Batch,
  type Cost,
  joinShort,
  limitSecondsOf,
  longestFirst,
  MAKES_IMAGE,
  mounts,
  nextToRun,
  type PlannedFile,
  waitsForImage,
} from "./lanes.ts";
import { describeProcesses, endMarkedProcesses, markedProcesses } from "./marked-processes.mjs";

interface Plan {
  readonly cores: number;
  readonly files: readonly PlannedFile[];
  /** The files go in their order; else the longest first. */
  readonly isOrdered: boolean;
  /** It runs files for another of its kind, which tells how far they are. */
  readonly isNested: boolean;
  /** All files in this process; else each in one of its own. */
  readonly isShared: boolean;
  /** After which a file is taken for one that hangs; null: as it is known to take. */
  readonly limitSeconds: number | null;
}

/** What a test, or a file's attempt as a whole, came to. */
interface Outcome {
  readonly passed: boolean;
  readonly skipped?: boolean;
  readonly file: string;
  readonly name: string;
  /** Absent where a file as a whole failed. */
  readonly seconds?: number;
}

const plan = JSON.parse(process.argv[2]!) as Plan;
const started = Date.now();
const running = new Map<PlannedFile | Batch, number>();
let endedFiles = 0;
let endedTests = 0;
let failures = 0;
/** Carried by all processes of a file's one attempt. */
const MARK = "STRATOS_TEST_ATTEMPT";
/** Files that have failed, to be tried once more. Of more than a few the cause is no chance. */
const again: (PlannedFile | Batch)[] = [];
const AGAIN_MAX = 8;
/** After which a hung file is left behind: what it started without its mark may still hold its output open. */
const GIVE_UP_MS = 30_000;
let attempts = 0;
/** Messages that the one above has not got yet: who disconnects loses them. */
const posts = new Set<Promise<void>>();
const PROGRESS_MS = 10_000;
/** Loaded before a test file: when that ends, it leaves what the kernel has counted. */
const TELL_USAGE =
  'import { existsSync, readFileSync, writeFileSync } from "node:fs"; ' +
  "const { STRATOS_TEST_FILE: file, STRATOS_TEST_USAGE: usage } = process.env; " +
  'const counts = "/proc/self/stat"; if (process.argv[1] === file && existsSync(counts)) ' +
  'process.on("exit", () => writeFileSync(usage, readFileSync(counts)));';
/**
 * For who makes many machines in one process. V8 counts the whole size of each one's memory, of which little is ever
 * touched: with its default it begins to collect the heap at every 64 MiB of that, so once or twice for each machine.
 */
const HEAP_FLAGS = ["--external-memory-accounted-in-global-limit", "--max-old-space-size=16384"];
/** Seconds of the ticks in which Linux counts: 100 Hz for programs, whatever its own are. */
const TICK_SECONDS = 0.01;

const usageFolder = mkdtempSync(join(tmpdir(), "stratos-test-usage-"));
const hasNamespaces =
  !plan.isNested &&
  spawnSync("unshare", ["--mount", "--propagation", "private", "true"], { stdio: "ignore" }).status === 0;
const progress = plan.isNested ? undefined : setInterval(tellProgress, PROGRESS_MS);
await (plan.isShared ? runShared() : runAll());
for (const file of again) await runFile(file, true);
clearInterval(progress);
rmSync(usageFolder, { recursive: true, force: true });
process.exitCode = failures === 0 ? 0 : 1;
// Of a batch that ends last hundreds are under way.
await Promise.all(posts);
process.disconnect?.();
// What a file that hung has left open must not hold up who waits for the result.
if (!plan.isNested) setTimeout(() => process.exit(), PROGRESS_MS).unref();

async function runAll(): Promise<void> {
  const textOf = (path: string): string => readFileSync(path, "utf8");
  const waiting = plan.isOrdered ? [...plan.files] : longestFirst(joinShort(plan.files));
  const held = new Set(waiting.filter((file) => filesOf(file).some(({ path }) => waitsForImage(path, textOf(path)))));
  const isMade = (): boolean => ![...waiting, ...running.keys()].some(({ path }) => path === MAKES_IMAGE);
  const ends = new Set<Promise<void>>();
  for (;;) {
    const hasImage = plan.isOrdered || isMade();
    const at = nextToRun(waiting, [...running.keys()], plan.cores, (file) => hasImage || !held.has(file));
    if (at < 0 && ends.size === 0) return;
    if (at < 0) await Promise.race(ends);
    else {
      const [file] = waiting.splice(at, 1);
      const end = runFile(file!, false).finally(() => void ends.delete(end));
      ends.add(end);
    }
  }
}

/**
 * A file that fails, or does not end, is tried once more by itself when the others are through, unless there are many:
 * Node itself stands still at its exit once in some thousand processes (nodejs/node#54918), and the host may stumble.
 * What passes then is told as unsteady.
 */
async function runFile(file: PlannedFile | Batch, isLast: boolean): Promise<void> {
  running.set(file, Date.now());
  const files = filesOf(file);
  const { outcomes, costs, isHung } = await attemptFile(file, files);
  const hasFailed = isHung || outcomes.some(({ passed }) => !passed);
  if (hasFailed && !isLast && !plan.isNested && again.length < AGAIN_MAX) {
    again.push(file);
    process.stdout.write(`AGAIN ${file.path}: it is tried once more when the others are through\n`);
  } else {
    if (isLast && !hasFailed)
      process.stdout.write(`UNSTEADY ${file.path}: it failed beside others, and passes alone\n`);
    for (const outcome of outcomes) tell(outcome);
    for (const cost of costs) post(cost);
    if (isHung && outcomes.every(({ passed }) => passed))
      tell({ passed: false, file: file.path, name: "does not end" });
    endedFiles += files.length;
  }
  running.delete(file);
}

function filesOf(file: PlannedFile | Batch): readonly PlannedFile[] {
  return "files" in file ? file.files : [file];
}

interface Attempt {
  readonly outcomes: Outcome[];
  readonly costs: { file: string; cost: Cost }[];
  isHung: boolean;
}

async function attemptFile(file: PlannedFile | Batch, files: readonly PlannedFile[]): Promise<Attempt> {
  const attempt: Attempt = { outcomes: [], costs: [], isHung: false };
  const mark = `${process.pid}.${++attempts}`;
  const limit = plan.limitSeconds ?? limitSecondsOf(file);
  const { promise: givenUp, resolve: giveUp } = Promise.withResolvers<void>();
  const watch = plan.isNested
    ? undefined
    : setTimeout(() => {
        attempt.isHung = true;
        process.stdout.write(`HUNG ${file.path}: not ended within ${limit} s; of it run:\n`);
        for (const line of describeProcesses(markedProcesses(MARK, mark))) process.stdout.write(`  ${line}\n`);
        endMarkedProcesses(MARK, mark);
        setTimeout(giveUp, GIVE_UP_MS).unref();
      }, limit * 1000);
  const env = plan.isNested ? process.env : { ...process.env, [MARK]: mark };
  await Promise.race([begin(file, files, env, attempt), givenUp]);
  clearTimeout(watch);
  return attempt;
}

function begin(
  file: PlannedFile | Batch,
  files: readonly PlannedFile[],
  env: NodeJS.ProcessEnv,
  attempt: Attempt,
): Promise<void> {
  if ("files" in file) return runApart({ ...plan, files, isNested: true, isShared: true }, [], env, attempt);
  if (!hasNamespaces || !mounts(file.path)) return runHere(file, env, attempt);
  // It mounts in a mount namespace of its own.
  const unshare = ["unshare", "--mount", "--propagation", "private"];
  return runApart({ ...plan, files, isNested: true, isOrdered: true }, unshare, env, attempt);
}

/** By another of this program. */
async function runApart(
  nested: Plan,
  prefix: readonly string[],
  env: NodeJS.ProcessEnv,
  attempt: Attempt,
): Promise<void> {
  const node = [process.execPath, ...process.execArgv, ...HEAP_FLAGS, process.argv[1]!, JSON.stringify(nested)];
  const [program, ...args] = [...prefix, ...node];
  const child = spawn(program!, args, { env, stdio: ["ignore", "inherit", "inherit", "ipc"] });
  const open = new Set(nested.files.map(({ path }) => path));
  child.on("message", (message: Outcome | { file: string; cost: Cost }) => {
    if ("passed" in message) attempt.outcomes.push(message);
    else {
      open.delete(message.file);
      attempt.costs.push(message);
    }
  });
  const [status] = (await once(child, "close")) as [number | null];
  // A file may end the process of all of them, even with status 0.
  const isCutShort = nested.isShared && open.size > 0;
  const hasFailed = attempt.outcomes.some(({ passed }) => !passed);
  if (isCutShort || (status !== 0 && !hasFailed)) {
    const name = `the runner ended with status ${status}`;
    attempt.outcomes.push({ passed: false, file: [...open].join(" "), name });
  }
}

/** One after the other here. What they load is loaded for all: each bears its share of it. */
async function runShared(): Promise<void> {
  const milliseconds = new Map(plan.files.map(({ path }) => [path, 0]));
  const stream = run({ files: [join(import.meta.dirname, "shared-files.ts")], isolation: "none" });
  for (const type of ["test:pass", "test:fail"] as const)
    stream.on(type, ({ name, details }: TestEvent) => {
      if (details.type === "suite" && milliseconds.has(name)) milliseconds.set(name, details.duration_ms);
    });
  listen(stream, tell);
  await once(stream, "end");
  const { user, system } = process.cpuUsage();
  const used = cpuSecondsOf("/proc/self/stat") ?? (user + system) / 1e6;
  const sum = [...milliseconds.values()].reduce((all, ms) => all + ms, 0);
  for (const [file, ms] of milliseconds) {
    const cpuSeconds = used * (ms / Math.max(sum, 1));
    post({ file, cost: { seconds: round(ms / 1000), cpuSeconds: round(cpuSeconds) } });
  }
}

async function runHere({ path }: PlannedFile, environment: NodeJS.ProcessEnv, attempt: Attempt): Promise<void> {
  const began = performance.now();
  const file = resolve(path);
  const usage = join(usageFolder, path.replaceAll("/", "-"));
  const stream = run({
    files: [file],
    concurrency: 1,
    env: { ...environment, STRATOS_TEST_FILE: file, STRATOS_TEST_USAGE: usage },
    execArgv: [...HEAP_FLAGS, "--import", `data:text/javascript,${encodeURIComponent(TELL_USAGE)}`],
  });
  listen(stream, (outcome) => attempt.outcomes.push(outcome));
  await once(stream, "end");
  const cpuSeconds = cpuSecondsOf(usage);
  if (cpuSeconds === null) return;
  const cost: Cost = { seconds: round((performance.now() - began) / 1000), cpuSeconds: round(cpuSeconds) };
  attempt.costs.push({ file: path, cost });
}

function listen(stream: ReturnType<typeof run>, onOutcome: (outcome: Outcome) => void): void {
  stream.on("test:pass", (event) => {
    if (!isLeaf(event)) return;
    const isSkipped = event.skip !== undefined;
    const name = isSkipped ? `${event.name} (${String(event.skip)})` : event.name;
    onOutcome({ passed: true, skipped: isSkipped, file: nameOf(event), name, seconds: secondsOf(event) });
  });
  stream.on("test:fail", (event) => {
    if (isOnlySubtests(event)) return;
    onOutcome({ passed: false, file: nameOf(event), name: event.name, seconds: secondsOf(event) });
    const error = event.details.error;
    process.stdout.write(
      `\n✖ ${nameOf(event)}: ${event.name}\n` +
        `${inspect(error.cause ?? error, { depth: 4, colors: process.stdout.isTTY })}\n`,
    );
  });
  stream.on("test:stderr", (event) => process.stderr.write(event.message));
  stream.resume();
}

function tell(outcome: Outcome): void {
  endedTests++;
  if (!outcome.passed) failures++;
  post(outcome);
}

function post(message: Outcome | { file: string; cost: Cost }): void {
  if (process.send === undefined) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  posts.add(promise);
  process.send(message, undefined, undefined, () => {
    posts.delete(promise);
    resolve();
  });
}

/**
 * Of a process and all of its children that have ended. Source: proc_pid_stat(5): utime, stime, cutime, cstime.
 *
 * @returns null for one that was killed, and where the host is no Linux
 */
function cpuSecondsOf(stat: string): number | null {
  try {
    const text = readFileSync(stat, "latin1");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    return fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * TICK_SECONDS;
  } catch {
    return null;
  }
}

function round(seconds: number): number {
  return Math.round(seconds * 10) / 10;
}

/** Such as `… 57 of 272 files, 412 tests, 95 s; now packages/lisp/src/random.test.ts (31 s)`. */
function tellProgress(): void {
  const now = [...running].map(([{ path }, since]) => `${path} (${secondsSince(since)} s)`);
  const done = `${endedFiles} of ${plan.files.length} files, ${endedTests} tests, ${secondsSince(started)} s`;
  process.stdout.write(`… ${done}; now ${now.join(", ")}\n`);
}

function secondsSince(time: number): number {
  return Math.round((Date.now() - time) / 1000);
}

interface TestEvent {
  readonly name: string;
  readonly nesting: number;
  readonly file?: string | undefined;
  readonly details: { readonly type?: string | undefined; readonly duration_ms: number; readonly error?: unknown };
}

function secondsOf(event: TestEvent): number {
  return round(event.details.duration_ms / 1000);
}

/** Suites, and the files themselves, only sum up. A file without tests counts as one. */
function isLeaf(event: TestEvent): boolean {
  return event.details.type !== "suite" && event.name !== event.file;
}

function isOnlySubtests(event: TestEvent): boolean {
  return (event.details.error as { failureType?: string } | undefined)?.failureType === "subtestsFailed";
}

function nameOf(event: { readonly file?: string | undefined }): string {
  return event.file === undefined ? "?" : relative(process.cwd(), event.file);
}
