/**
 * Runs test files with node:test and sends each leaf's result to the parent (`tools/test.mjs`) as
 * `{ passed, file, name }`, and each file's end as `{ file, elapsedMs }`. Failures are printed in full; passes are
 * counted only; a skipped test is neither, and says why. Every ten seconds a line tells how far it is.
 *
 *     node tools/test/run-files.ts CONCURRENCY FILE…
 */
import { once } from "node:events";
import { run } from "node:test";
import { inspect } from "node:util";
import { relative, resolve } from "node:path";

const [concurrency, ...files] = process.argv.slice(2);
const send = (message: object): void => void process.send?.(message);
const started = Date.now();
const running = new Map<string, number>();
let endedFiles = 0;
let endedTests = 0;
let failures = 0;
// A file that never ends is a failure of its own; whole-system files have the longest to go.
const TIMEOUT_MS = 15 * 60_000;
const PROGRESS_MS = 10_000;

/**
 * Files of which one runs at a time: those that look at the host's mounts and loop devices, or at `builder/work` in the
 * test home, and those that run scripts in a copy of the mount namespace, where a mount lives on that was unmounted.
 */
const APART = [/^tests\/(fuse|builder|compose|hub|pkg-(root|list|pins)|packages|programs|sanitizer)[^/]*\.test\.ts$/];

const progress = setInterval(tellProgress, PROGRESS_MS);
const waiting = [...files];
await Promise.all(Array.from({ length: Number(concurrency) }, runLane));
clearInterval(progress);
process.exitCode = failures === 0 ? 0 : 1;
process.disconnect?.();

/** Takes file after file; what must not run beside what runs waits for its turn, the lane's other files go first. */
async function runLane(): Promise<void> {
  for (;;) {
    const at = waiting.findIndex(
      (file) => !APART.some((kind) => kind.test(file) && [...running.keys()].some((other) => kind.test(other))),
    );
    if (at < 0) return;
    const [file] = waiting.splice(at, 1);
    await runFile(file!);
  }
}

async function runFile(file: string): Promise<void> {
  const began = Date.now();
  running.set(file, began);
  const stream = run({ files: [resolve(file)], concurrency: 1, timeout: TIMEOUT_MS });
  stream.on("test:pass", (event) => {
    if (!isLeaf(event)) return;
    endedTests++;
    const isSkipped = event.skip !== undefined;
    const name = isSkipped ? `${event.name} (${String(event.skip)})` : event.name;
    send({ passed: true, skipped: isSkipped, file: nameOf(event), name });
  });
  stream.on("test:fail", (event) => {
    if (isOnlySubtests(event)) return;
    endedTests++;
    failures++;
    send({ passed: false, file: nameOf(event), name: event.name });
    const error = event.details.error;
    process.stdout.write(
      `\n✖ ${nameOf(event)}: ${event.name}\n` +
        `${inspect(error.cause ?? error, { depth: 4, colors: process.stdout.isTTY })}\n`,
    );
  });
  stream.on("test:stderr", (event) => process.stderr.write(event.message));
  stream.resume();
  await once(stream, "end");
  endedFiles++;
  running.delete(file);
  send({ file, elapsedMs: Date.now() - began });
}

/** Such as `… 57 of 272 files, 412 tests, 95 s; now packages/lisp/src/random.test.ts (31 s)`. */
function tellProgress(): void {
  const now = [...running].map(([file, since]) => `${file} (${secondsSince(since)} s)`);
  const done = `${endedFiles} of ${files.length} files, ${endedTests} tests, ${secondsSince(started)} s`;
  process.stdout.write(`… ${done}; now ${now.join(", ")}\n`);
}

function secondsSince(time: number): number {
  return Math.round((Date.now() - time) / 1000);
}

interface TestEvent {
  readonly name: string;
  readonly file?: string | undefined;
  readonly details: { readonly type?: string | undefined; readonly error?: unknown };
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
