/**
 * Goal: a job goes on without whoever started it, tells how far it is and how it ended, also to a later server. Method:
 * small programs of Node in the place of the command line; several of `Jobs` over one folder.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { Commands } from "./commands.ts";
import { type Job, Jobs } from "./jobs.ts";
import { reached } from "./reach.ts";

/** @param script  is run instead of a command */
function jobsOf(t: TestContext, script: string, graceMs?: number): { jobs: Jobs; folder: string; defects: string[] } {
  const folder = mkdtempSync(join(tmpdir(), "stratos-jobs-"));
  const commands = new Commands({ program: process.execPath, words: ["-e", script, "--"], folder });
  const defects: string[] = [];
  const jobs = new Jobs(join(folder, "jobs"), commands, (words) => void defects.push(words), graceMs);
  t.after(async () => {
    await jobs.close();
    rmSync(folder, { recursive: true, force: true });
  });
  return { jobs, folder: join(folder, "jobs"), defects };
}

async function until(jobs: Jobs, id: number, is: (job: Job) => boolean): Promise<Job> {
  for (; ; await new Promise((resolve) => setTimeout(resolve, 10))) {
    const job = jobs.get(id);
    if (is(job)) return job;
  }
}

const ended = (job: Job): boolean => !job.isRunning;
const BUILD = ["image", "build", "dev"];
/** Tells that it is ready, and waits without an end. */
const WAITING = "setInterval(() => {}, 1e6); console.log('ready');";

test("a job tells how far it is, how it ended and what it wrote, to a later server as well", async (t) => {
  const { jobs, folder } = jobsOf(
    t,
    "console.log(process.argv.slice(1).join()); console.error('Unpacking: 40 %, 4 of 10'); process.exitCode = 3;",
  );
  const { id } = jobs.start(BUILD, "anna");
  const job = await until(jobs, id, ended);
  assert.deepEqual([job.by, job.exitCode, job.signal, job.cause], ["anna", 3, null, null]);
  const text = new TextDecoder().decode(jobs.log(id, 0));
  assert.ok(text.includes("image,build,dev\n") && text.includes("Unpacking: 40 %, 4 of 10\n"), text);
  assert.equal(new TextDecoder().decode(jobs.log(id, text.length - 1)), "\n");
  assert.equal(jobs.log(id, text.length + 5).length, 0);
  const later = new Jobs(folder, null as unknown as Commands, () => {});
  assert.deepEqual(later.list(), [job]);
  later.remove(id);
  assert.throws(() => jobs.get(id), /no such job/);
});

test("progress is the last line, and the part of a hundred that it tells", async (t) => {
  const { jobs } = jobsOf(t, `console.error('Downloading: 7 %, 1 of 14\\nDownloading: 70 %, 10 of 14'); ${WAITING}`);
  const { id } = jobs.start(BUILD, "anna");
  const seen = await until(jobs, id, ({ progress }) => progress === "ready" || progress.endsWith("10 of 14"));
  assert.equal(seen.percent, seen.progress === "ready" ? null : 70);
});

test("a job that is cancelled may undo what it has begun; one that does not end is killed", async (t) => {
  const undoing = `process.on('SIGTERM', () => { console.log('undone'); process.exit(9); }); ${WAITING}`;
  const { jobs } = jobsOf(t, undoing);
  const { id } = jobs.start(BUILD, "anna");
  await until(jobs, id, ({ progress }) => progress === "ready");
  assert.throws(() => jobs.remove(id), /is running/);
  jobs.cancel(id, "bert");
  const job = await until(jobs, id, ended);
  assert.deepEqual([job.exitCode, job.cause, job.progress], [9, "cancelled by bert", "undone"]);
  assert.throws(() => jobs.cancel(id, "bert"), /has ended/);

  const stubborn = jobsOf(t, `process.on('SIGTERM', () => {}); ${WAITING}`, 1).jobs;
  const other = stubborn.start(BUILD, "anna");
  await until(stubborn, other.id, ({ progress }) => progress === "ready");
  stubborn.cancel(other.id, "bert");
  assert.equal((await until(stubborn, other.id, ended)).signal, "SIGKILL");
});

test("jobs end with their server, and say so; of one that was killed the next says so", async (t) => {
  const { jobs, folder } = jobsOf(t, WAITING);
  const { id } = jobs.start(BUILD, "anna");
  const other = new Jobs(folder, null as unknown as Commands, () => {});
  assert.ok(other.get(id).isRunning);
  assert.throws(() => other.cancel(id, "bert"), /another server/);
  const path = join(folder, String(id), "job.json");
  const running = readFileSync(path, "utf8");
  await jobs.close();
  assert.deepEqual([jobs.get(id).isRunning, jobs.get(id).cause], [false, "the server ended"]);
  // As if nobody had written its end.
  writeFileSync(path, running);
  assert.deepEqual(
    [jobs.get(id).isRunning, jobs.get(id).cause],
    [false, "nobody noted its end: its server was killed, or the disk was full"],
  );
});

test("so many run at once, and nothing that waits for somebody or is of a terminal", (t) => {
  const { jobs } = jobsOf(t, WAITING);
  for (let count = 0; count < 4; count++) jobs.start(BUILD, "anna");
  assert.throws(() => jobs.start(BUILD, "anna"), /4 jobs are running/);
  for (const command of [["lisp"], ["image"], ["serve"], ["compose", "shell"], ["--help"], ["pkg install"]])
    assert.throws(() => jobs.start(command, "anna"), /not to be started from here/, command.join(" "));
  assert.equal(reached(["builder", "root", "make", "x"]), "builder root make");
});

test("what cannot be started has ended with that as its cause", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-jobs-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const commands = new Commands({ program: join(folder, "none"), words: [], folder });
  const jobs = new Jobs(join(folder, "jobs"), commands, () => {});
  const { id } = jobs.start(BUILD, "anna");
  assert.match((await until(jobs, id, ended)).cause!, /could not be started/);
});

test("what a job has started ends with it, whoever keeps its output open", { timeout: 30_000 }, async (t) => {
  const starts = "const { pid } = require('child_process').spawn('sleep', ['60'], { stdio: 'inherit' });";
  const { jobs } = jobsOf(
    t,
    `${starts} console.log(pid); process.argv[1] === 'check' && process.exit(0); ${WAITING}`,
    1,
  );
  const started = async (id: number): Promise<number> => {
    const log = (): string[] => new TextDecoder().decode(jobs.log(id, 0)).split("\n");
    await until(jobs, id, () => log().length > 1);
    return Number(log()[0]);
  };
  const whole = jobs.start(["check"], "anna");
  assert.equal((await until(jobs, whole.id, ended)).exitCode, 0);
  const cancelled = jobs.start(BUILD, "anna");
  const pid = await started(cancelled.id);
  jobs.cancel(cancelled.id, "anna");
  await until(jobs, cancelled.id, ended);
  // Their output is closed a little before they are gone.
  for (const each of [await started(whole.id), pid])
    while (isAlive(each)) await new Promise((resolve) => setTimeout(resolve, 10));
});

test("a job has ended when one that left its session keeps its output open", { timeout: 60_000 }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "stratos-jobs-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const script =
    "const options = { stdio: 'inherit', detached: true };" +
    "const child = require('child_process').spawn('sleep', ['60'], options); console.log(child.pid); child.unref();";
  const commands = new Commands({ program: process.execPath, words: ["-e", script, "--"], folder, outputMs: 1000 });
  const jobs = new Jobs(join(folder, "jobs"), commands, () => {});
  const { id } = jobs.start(["check"], "anna");
  assert.equal((await until(jobs, id, ended)).exitCode, 0);
  const pid = Number(new TextDecoder().decode(jobs.log(id, 0)));
  assert.ok(isAlive(pid));
  process.kill(pid);
});

/** A process that nobody has waited for yet has ended. */
function isAlive(pid: number): boolean {
  try {
    return !/^\d+ \(sleep\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}

test("words that no process can have start nothing, and leave nothing", (t) => {
  const { jobs, folder } = jobsOf(t, WAITING);
  for (const word of ["a\0b", "x".repeat(1 << 22)])
    assert.throws(() => jobs.start([...BUILD, word], "anna"), { status: 400 });
  assert.deepEqual([jobs.list(), readdirSync(folder)], [[], []]);
});

test("a job that cannot be written down goes on, and the server as well", async (t) => {
  const { jobs, folder, defects } = jobsOf(t, "console.log('much')");
  const { id } = jobs.start(BUILD, "anna");
  rmSync(join(folder, String(id)), { recursive: true });
  await assert.rejects(until(jobs, id, ended), /no such job/);
  assert.deepEqual([defects.length, defects[0]?.slice(0, 29)], [1, "job 1 cannot be noted: ENOENT"]);
});
