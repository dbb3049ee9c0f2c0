/**
 * Runs test files with node:test and sends each leaf's result to the parent (`tools/test.mjs`) as
 * `{ passed, file, name }`, and each file's end as `{ file, elapsedMs }`. Failures are printed in full; passes are
 * counted only; a skipped test is neither, and says why. Every ten seconds a line tells how far it is.
 *
 *     node tools/test/run-files.ts CONCURRENCY FILE…
 */
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

const stream = run({
  files: files.map((file) => resolve(file)),
  concurrency: Number(concurrency),
  timeout: TIMEOUT_MS,
});
const progress = setInterval(tellProgress, PROGRESS_MS);
// These two come when they happen; what passed and failed comes file by file, in the order of the files.
stream.on("test:dequeue", (event) => {
  if (event.name === event.file) running.set(event.name, Date.now());
});
stream.on("test:complete", (event) => {
  if (event.name !== event.file) {
    if (isLeaf(event)) endedTests++;
    return;
  }
  endedFiles++;
  send({ file: nameOf(event), elapsedMs: Date.now() - (running.get(event.name) ?? Date.now()) });
  running.delete(event.name);
});
stream.on("test:pass", (event) => {
  if (isLeaf(event))
    send({
      passed: true,
      skipped: event.skip !== undefined,
      file: nameOf(event),
      name: event.skip === undefined ? event.name : `${event.name} (${String(event.skip)})`,
    });
});
stream.on("test:fail", (event) => {
  if (isOnlySubtests(event)) return;
  failures++;
  send({ passed: false, file: nameOf(event), name: event.name });
  const error = event.details.error;
  process.stdout.write(
    `\n✖ ${nameOf(event)}: ${event.name}\n` +
      `${inspect(error.cause ?? error, { depth: 4, colors: process.stdout.isTTY })}\n`,
  );
});
stream.on("test:stderr", (event) => process.stderr.write(event.message));
stream.on("end", () => {
  clearInterval(progress);
  process.exitCode = failures === 0 ? 0 : 1;
  process.disconnect?.();
});
stream.resume();

/** Such as `… 57 of 272 files, 412 tests, 95 s; now packages/lisp/src/random.test.ts (31 s)`. */
function tellProgress(): void {
  const now = [...running].map(([file, since]) => `${relative(process.cwd(), file)} (${secondsSince(since)} s)`);
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
