/** Goal: a test file that hangs costs its limit, not the run. Method: small files in a folder of their own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { extendedTest } from "@stratos/base/testing";

/** A file must start and end within it on a busy host, too. */
const LIMIT_SECONDS = 10;
const HEAD = `const { spawn } = process.getBuiltinModule("node:child_process");
const { existsSync, writeFileSync } = process.getBuiltinModule("node:fs");
const { after, before, test } = process.getBuiltinModule("node:test");
`;
/** It leaves a process behind that holds its output open. */
const HANG = `const child = spawn("sleep", ["3600"], { detached: true, stdio: "inherit" });
  writeFileSync("sleeper", String(child.pid));
  await new Promise(() => setTimeout(() => {}, 3_600_000));`;

interface Told {
  readonly told: object[];
  readonly output: string;
  /** NaN where the files leave none. */
  readonly sleeper: number;
}

function runFile(text: string, limitSeconds = LIMIT_SECONDS): Promise<Told> {
  return runFiles({ "some.test.mjs": text }, { limitSeconds });
}

async function runFiles(
  texts: Readonly<Record<string, string>>,
  { limitSeconds = LIMIT_SECONDS, isShared = false },
): Promise<Told> {
  mkdirSync("node_modules/.cache", { recursive: true });
  const folder = mkdtempSync("node_modules/.cache/run-files-");
  try {
    for (const [name, text] of Object.entries(texts)) writeFileSync(join(folder, name), HEAD + text);
    const files = Object.keys(texts).map((path) => ({ path, seconds: 1, cpuSeconds: 1 }));
    const plan = { cores: 1, files, isOrdered: true, isNested: isShared, isShared, limitSeconds };
    const program = fileURLToPath(new URL("run-files.ts", import.meta.url));
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const child = spawn(process.execPath, ["--disable-warning=ExperimentalWarning", program, JSON.stringify(plan)], {
      cwd: folder,
      env,
      stdio: ["ignore", "pipe", "pipe", "ipc"],
      timeout: 120_000,
      killSignal: "SIGKILL",
    });
    const told: object[] = [];
    let output = "";
    // How long a test took is another number each time.
    child.on("message", ({ seconds: _, ...message }: { seconds?: number }) => told.push(message));
    child.stdout!.on("data", (data) => (output += String(data)));
    await once(child, "close");
    const sleeper = join(folder, "sleeper");
    return { told, output, sleeper: existsSync(sleeper) ? Number(readFileSync(sleeper, "utf8")) : NaN };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

test("a file that hangs once is shown, ended with what it started, and tried again", async () => {
  const { told, output, sleeper } = await runFile(`test("first", () => {});
test("second", async () => {
  if (existsSync("sleeper")) return;
  ${HANG}
});`);
  assert.deepEqual(
    told.filter((message) => "passed" in message),
    ["first", "second"].map((name) => ({ passed: true, skipped: false, file: "some.test.mjs", name })),
  );
  assert.match(output, /HUNG some\.test\.mjs: not ended within 10 s/);
  assert.match(output, /sleep 3600/);
  assert.equal(isAlive(sleeper), false);
});

test("a file that fails once passes when it is tried again, and is told of; one that fails again fails", async () => {
  const once = await runFile(`test("unsteady", () => {
  if (existsSync("sleeper")) return;
  writeFileSync("sleeper", "1");
  throw new Error("no");
});`);
  assert.deepEqual(
    once.told.filter((message) => "passed" in message),
    [{ passed: true, skipped: false, file: "some.test.mjs", name: "unsteady" }],
  );
  assert.match(once.output, /^UNSTEADY some\.test\.mjs/m);
  const again = await runFile(`writeFileSync("sleeper", "1");
test("wrong", () => { throw new Error("no"); });
test("right", () => {});`);
  assert.deepEqual(
    again.told.filter((message) => "passed" in message).map((message) => "passed" in message && message.passed),
    [false, true],
  );
  assert.doesNotMatch(again.output, /UNSTEADY/);
});

extendedTest("a file that hangs again fails", async () => {
  const again = await runFile(`test("never", async () => {\n  ${HANG}\n});`);
  assert.equal(again.output.match(/HUNG/g)!.length, 2);
  assert.ok(again.told.some((message) => "passed" in message && message.passed === false));
});

test("whatever number of tests a file has, all are told, those that end last too", async () => {
  const { told } = await runFile(
    `writeFileSync("sleeper", "0");
for (let number = 0; number < 3000; number++) test("number " + number, () => {});`,
    LIMIT_SECONDS * 6,
  );
  const names = told.flatMap((message) => ("name" in message ? [message.name] : []));
  assert.equal(new Set(names).size, 3000);
});

test("files that share a process have hooks and an environment of their own, and what fails is told", async () => {
  const { told } = await runFiles(
    {
      "hooked.test.mjs": `process.env.TMPDIR = "/gone";
let isReady = false;
before(() => { isReady = true; });
after(() => { isReady = false; });
test("its hooks", () => { if (!isReady || process.env.TMPDIR !== "/gone") throw new Error("not ready"); });`,
      "broken.test.mjs": 'before(() => { throw new Error("broken"); });\ntest("behind a hook", () => {});',
      "gone.test.mjs": 'await import("./none.mjs");\ntest("never", () => {});',
      "plain.test.mjs":
        'test("nothing before it", () => { if (process.env.TMPDIR === "/gone") throw new Error("another\'s"); });',
    },
    { isShared: true },
  );
  const tests = told.flatMap((each) => ("passed" in each && "name" in each ? [[each.name, each.passed]] : []));
  assert.deepEqual(tests.slice(0, 2), [
    ["its hooks", true],
    ["behind a hook", false],
  ]);
  assert.deepEqual(tests.at(-1), ["nothing before it", true]);
  assert.ok(tests.some(([name, passed]) => name === "gone.test.mjs" && passed === false));
  const costs = told.flatMap((each) => ("cost" in each && "file" in each ? [each.file] : []));
  assert.deepEqual(costs, ["hooked.test.mjs", "broken.test.mjs", "gone.test.mjs", "plain.test.mjs"]);
});
