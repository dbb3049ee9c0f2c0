/**
 * Runs test files with node:test and sends each leaf's result to the parent (`tools/test.mjs`) as
 * `{ passed, file, name }`. Failures are printed in full; passes are counted only; a skipped test is neither, and says
 * why.
 *
 *     node tools/run-tests.ts CONCURRENCY FILE…
 */
import { run } from "node:test";
import { inspect } from "node:util";
import { relative, resolve } from "node:path";

const [concurrency, ...files] = process.argv.slice(2);
const send = (message: object): void => void process.send?.(message);
let failures = 0;
// A file that never ends is a failure of its own; whole-system files have the longest to go.
const TIMEOUT_MS = 15 * 60_000;

const stream = run({
  files: files.map((file) => resolve(file)),
  concurrency: Number(concurrency),
  timeout: TIMEOUT_MS,
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
  process.exitCode = failures === 0 ? 0 : 1;
  process.disconnect?.();
});
stream.resume();

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

function nameOf(event: TestEvent): string {
  return event.file === undefined ? "?" : relative(process.cwd(), event.file);
}
