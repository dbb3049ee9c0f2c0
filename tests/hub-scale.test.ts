/**
 * Goal: workers come when a hub has tasks, and go when it has none.
 * Method: `stratos hub` and `stratos hub scale` as programs, its workers as processes and by commands.
 */
import assert from "node:assert/strict";
import { spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { endProgram, startProgram, type Program } from "./hub/programs.ts";
import { launcher } from "./support/stratos.ts";
import { until } from "./support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-hub-scale-"));
const environment: NodeJS.ProcessEnv = { ...process.env, STRATOS_HOME: join(folder, "home") };
const token = join(folder, "token");
const children: ChildProcess[] = [];

async function start(args: readonly string[], first: "stdout" | "stderr" = "stdout"): Promise<Program> {
  const program = await startProgram(args, { environment, first });
  children.push(program.child);
  return program;
}
function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const [node, ...rest] = launcher;
  return spawnSync(node!, [...rest, ...args], { env: environment, encoding: "utf8", timeout: 600_000 });
}
function good(...args: string[]): string {
  const { status, stdout, stderr } = run(...args);
  assert.equal(status, 0, `stratos ${args.join(" ")}: ${stderr}`);
  return stdout;
}
const hosts = (): string[] =>
  (JSON.parse(good("hub", "host", "ls", "--json")) as { name: string }[]).map(({ name }) => name);

before(async () => {
  const hub = await start(["hub", "-l", "0", "--database", "memory", "--lease", "15m", "--token-file", token]);
  environment["STRATOS_HUB"] = hub.address;
  good("hub", "login", "--token-file", token);
});
after(async () => {
  // The scaler before its hub, so that its workers end with it.
  for (const child of children.reverse()) await endProgram(child);
  rmSync(folder, { recursive: true, force: true });
});

const quick = ["--up", "1", "--down", "1", "--idle", "1", "--every", "1"];

test("workers are started for tasks, and end when there are none", async () => {
  const tasks = ["1", "2", "3"].map(() => good("hub", "task", "submit", "--", "sh", "-c", "echo done").trim());
  const scaler = await start(["hub", "scale", "--pool", "p", "--max", "2", ...quick], "stderr");
  assert.match(scaler.address, /^stratos hub scale: 0 → 2 workers: 3 tasks wait/);
  for (const id of tasks)
    assert.equal(good("hub", "task", "watch", id).trim().split("\n").at(-1)!.split("  ")[1], "COMPLETED");
  await until("no worker is left", () => hosts().length === 0);
  // A worker has left before its scaler says so.
  await until("it is said why", () => /→ 0 workers: they have no work/.test(scaler.stderr()));
  await endProgram(scaler.child);
});

test("commands start and stop workers, and are told which", async () => {
  const log = join(folder, "log");
  const id = good("hub", "task", "submit", "--", "true").trim();
  const line = (word: string): string => `echo ${word} $STRATOS_WORKER >> ${log}`;
  const commands = ["--start-command", line("start"), "--stop-command", line("stop")];
  const scaler = await start(["hub", "scale", "--pool", "vm", ...quick, "--start-limit", "600", ...commands], "stderr");
  const read = (): string => readFileSync(log, { encoding: "utf8", flag: "a+" });
  await until("it was started", () => read() === "start vm-1\n");
  const worker = await start(["worker", "--name", "vm-1"], "stderr");
  assert.match(good("hub", "task", "watch", id), /COMPLETED/);
  await until("it was stopped", () => read().startsWith("start vm-1\nstop vm-1\n"));
  await endProgram(worker.child);
  await endProgram(scaler.child);
});

test("what cannot be is refused", () => {
  assert.match(run("hub", "scale", "--min", "3", "--max", "2").stderr, /--min: 3 is more than --max 2/);
  assert.match(run("hub", "scale", "--start-command", "true").stderr, /it and --stop-command go together/);
  assert.match(run("hub", "scale", "--pool", "a b").stderr, /--pool: expected a name/);
});
