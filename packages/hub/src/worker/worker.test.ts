/**
 * Goal: a worker runs what it is given, obeys, and never works on, or reports, what is not its any more. Method: a hub
 * in this process with short leases; between it and the worker a `fetch` that the test can cut.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { statOfProcess } from "@stratos/host-node/files";
import { HubClient, type HostView, type TaskDetails, type TaskView, type WaitReason } from "@stratos/hub-api";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { endLeftRuns, noteProcessGroup } from "./process-groups.ts";
import { commandExecutor, Worker } from "./worker.ts";

const LEASE_SECONDS = 12;
const workers: TestWorker[] = [];
let hub: TestHub;
let folder: string;

before(async () => {
  hub = await startTestHub({ leaseSeconds: LEASE_SECONDS });
  folder = mkdtempSync(join(tmpdir(), "hub-worker-"));
});
after(async () => {
  for (const worker of workers) await worker.stop();
  await hub.close();
  rmSync(folder, { recursive: true, force: true });
});

interface TestWorker {
  readonly told: string[];
  /** When it was told, in milliseconds of the epoch. */
  readonly toldAtMs: number[];
  /** No request of its reaches the hub, and no answer the worker. */
  cut: boolean;
  /** Nothing is answered, as by a hub that is stopped. */
  hang: boolean;
  /** Requests that were cut. */
  cutCount: number;
  stop(): Promise<void>;
}

/** Serves a channel of its own. */
async function startWorker(name: string, capacity = 2, at = hub): Promise<TestWorker> {
  const told: string[] = [];
  const toldAtMs: number[] = [];
  const state = { told, toldAtMs, cut: false, hang: false, cutCount: 0, stop: async () => {} };
  const cut = (): never => {
    state.cutCount++;
    const cause = Object.assign(new Error("the test cut the network"), { code: "ECONNRESET" });
    throw new TypeError("fetch failed", { cause });
  };
  const client = new HubClient({
    url: at.server.url,
    token: at.adminToken,
    fetch: async (url, init) => {
      if (state.cut) cut();
      if (state.hang)
        await new Promise((_, reject) => init.signal?.addEventListener("abort", () => reject(new Error("aborted"))));
      const response = await fetch(url, init);
      return state.cut ? cut() : response;
    },
  });
  await at.admin.call("PUT", `/channels/${name}`, {});
  const worker = new Worker({
    client,
    host: name,
    folder: join(folder, name),
    executors: [commandExecutor],
    tell: (message) => {
      told.push(message);
      toldAtMs.push(Date.now());
    },
    registration: { arches: ["amd64"], channels: [name], capacity },
    artefacts: () => ({ hits: 3, misses: 2, entries: 1, bytes: 40 }),
  });
  const done = worker.run();
  state.stop = async () => {
    worker.stop();
    await done;
  };
  workers.push(state);
  return state;
}

const submit = (channel: string, script: string, more: object = {}, payload: object = {}): Promise<TaskView> =>
  hub.admin.call("POST", "/tasks", {
    kind: "command",
    channel,
    payload: { argv: ["sh", "-c", script], ...payload },
    ...more,
  });
const get = (id: number): Promise<TaskDetails> => hub.admin.call("GET", `/tasks/${id}`);
async function until<Value>(
  what: string,
  look: () => Promise<Value | null> | Value | null,
  seconds = 300,
): Promise<Value> {
  for (const deadline = performance.now() + seconds * 1_000; performance.now() < deadline;) {
    const value = await look();
    if (value !== null && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  return assert.fail(`in vain: ${what}`);
}
const ended = (id: number): Promise<TaskDetails> =>
  until(`task ${id} ends`, async () => {
    const task = await get(id);
    return task.finished === null ? null : task;
  });
/** At the hub; its worker may not know yet. */
const running = (id: number): Promise<unknown> =>
  until(`task ${id} runs`, async () => ((await get(id)).state === "RUNNING" ? true : null));
/** A run touches this file when it has begun: RUNNING at the hub, the answer to the claim could still be cut off. */
const begun = (file: string): Promise<unknown> => until(`${file} is there`, () => (existsSync(file) ? true : null));
const log = async (id: number): Promise<string> => (await hub.admin.raw("GET", `/tasks/${id}/log`, {})).text();

/** Processes of a group; one that is dead and not waited for yet is none. */
function livingIn(group: string): string[] {
  return readdirSync("/proc").filter((name) => {
    if (!/^\d+$/.test(name)) return false;
    try {
      const [state, , itsGroup] = statOfProcess(Number(name));
      return itsGroup === group && state !== "Z";
    } catch {
      return false;
    }
  });
}

test("a task of a kind that no worker knows waits, and says for what; who has an executor takes it", async (t) => {
  await startWorker("kinds");
  const { id } = await submit("kinds", "true", { kind: "comand" });
  const why = async (): Promise<string> => (await hub.admin.call<WaitReason>("GET", `/tasks/${id}/why`)).summary;
  await until("its worker is there", async () => /1 of 1 serve channel kinds/.test(await why()));
  assert.match(await why(), /0 of 1 run tasks of kind comand \(all run build, command\)$/);
  const execute = (): Promise<object> => Promise.resolve({ result: "done" });
  const other = new Worker({
    client: hub.admin,
    host: "kinds-2",
    folder: join(folder, "kinds-2"),
    executors: [commandExecutor, { kind: "comand", execute }],
    tell: () => {},
    registration: { arches: ["amd64"], channels: ["kinds"], capabilities: ["kvm"], capacity: 1 },
  });
  const done = other.run();
  t.after(async () => {
    other.stop();
    await done;
  });
  const { state, result, attempt } = await ended(id);
  assert.deepEqual([state, result, attempt], ["COMPLETED", "done", 1]);
  const { capabilities } = await hub.admin.call<HostView>("GET", "/hosts/kinds-2");
  assert.deepEqual(capabilities, ["kvm", "kind.comand"]);
});

test("results, logs and artefacts come; what fails fails with its class", async () => {
  const worker = await startWorker("plain");
  const good = await submit(
    "plain",
    "cat given/in; echo $STRATOS_TASK >&2; echo made > out",
    {},
    { files: { "given/in": "hello\n" }, artefacts: ["out"] },
  );
  const task = await ended(good.id);
  assert.equal(task.state, "COMPLETED", task.message ?? "");
  assert.deepEqual((await log(good.id)).split("\n").sort(), ["", String(good.id), "hello"]);
  assert.equal(await (await hub.admin.raw("GET", `/blobs/${task.artefacts[0]!.digest}`, {})).text(), "made\n");
  const host = await hub.admin.call<HostView>("GET", "/hosts/plain");
  assert.deepEqual(host.artefactCache, { hits: 3, misses: 2, entries: 1, bytes: 40 });
  const metrics = await fetch(`${hub.server.url}/metrics`, { headers: { authorization: `Bearer ${hub.adminToken}` } });
  assert.match(await metrics.text(), /^stratos_hub_host_cache_hits_total\{host="plain"\} 3$/m);
  const outcome = async (script: string, more: object = {}, payload: object = {}): Promise<(string | null)[]> => {
    const { state, failureClass, message } = await ended((await submit("plain", script, more, payload)).id);
    return [state, failureClass, message];
  };
  assert.deepEqual(await outcome("exit 7"), ["FAILED", "build", "exit status 7"]);
  assert.deepEqual(await outcome("sleep 100", { timeoutSeconds: 1 }), ["FAILED", "timeout", "it took longer than 1 s"]);
  assert.match(
    (await outcome("", {}, { argv: ["no-such-program"] }))[2]!,
    /^no-such-program: no such file or directory$/,
  );
  const bytes = await ended((await submit("plain", "head -c 3000000 /dev/zero | tr '\\0' x")).id);
  assert.equal(bytes.runs[0]!.logBytes, 3_000_000);
  await worker.stop();
  assert.deepEqual(readdirSync(join(folder, "plain")), []);
});

test(
  "a canceled run is stopped with all that it started, though it ignores " + "SIGTERM and the worker is full",
  async () => {
    const worker = await startWorker("cancel", 1);
    const task = await submit("cancel", `trap '' TERM; (sleep 60; echo late) & echo $$ > ${folder}/pid; wait`);
    await until("the pid", () =>
      existsSync(join(folder, "pid")) && readFileSync(join(folder, "pid"), "utf8").endsWith("\n") ? true : null,
    );
    await hub.admin.call("POST", `/tasks/${task.id}/cancel`, {});
    const { state, message } = await ended(task.id);
    assert.deepEqual([state, message], ["CANCELED", "stopped on request"]);
    const group = readFileSync(join(folder, "pid"), "utf8").trim();
    await until("its processes are gone", () => (livingIn(group).length === 0 ? true : null));
    await worker.stop();
  },
);

test(
  "a worker that is cut off stops its run before the lease ends; another host does the task once, and the first " +
    "goes on after",
  async () => {
    const first = await startWorker("cut", 1);
    const marks = join(folder, "marks");
    const second = `[ $(wc -l < ${marks}) = 2 ] || sleep 100`;
    const task = await submit("cut", `echo begin >> ${marks}; ${second}; echo end >> ${marks}`);
    await begun(marks);
    first.cut = true;
    const stopped = await until("it stops", () => {
      const at = first.told.findIndex((line) => /lease could not be kept/.test(line));
      return at < 0 ? null : first.toldAtMs[at]!;
    });
    const [run] = (await get(task.id)).runs;
    assert.ok(stopped < Date.parse(run!.leaseUntil), "it stopped before its lease ended");
    const lost = await until("the hub sees it", async () =>
      (await get(task.id)).runs[0]!.state === "LOST" ? get(task.id) : null,
    );
    assert.equal(lost.state, "FREE");
    await hub.database.query("update waiting set due = now()");
    first.cut = false;
    const done = await ended(task.id);
    assert.deepEqual([done.state, done.runs.map(({ state }) => state)], ["COMPLETED", ["LOST", "COMPLETED"]]);
    assert.equal(readFileSync(marks, "utf8"), "begin\nbegin\nend\n");
    await first.stop();
  },
);

test("a short cut does not disturb a run, and its result is told when the hub is there again", async () => {
  const worker = await startWorker("short", 1);
  const [here, go, over] = ["here", "go", "over"].map((name) => join(folder, `short-${name}`)) as [
    string,
    string,
    string,
  ];
  const task = await submit(
    "short",
    `touch ${here}; until [ -e ${go} ]; do sleep 0.05; done; echo done; touch ${over}`,
  );
  await begun(here);
  worker.cut = true;
  writeFileSync(go, "");
  await begun(over);
  const before = worker.cutCount;
  await until("its result is told in vain", () => (worker.cutCount > before + 1 ? true : null));
  worker.cut = false;
  const done = await ended(task.id);
  assert.deepEqual([done.state, done.attempt, await log(task.id)], ["COMPLETED", 1, "done\n"]);
  await worker.stop();
});

test("a worker that ends gives its runs back at once, and its host is offline", async () => {
  const worker = await startWorker("leaves", 1);
  const task = await submit("leaves", "sleep 100");
  await running(task.id);
  await worker.stop();
  const { state, runs } = await get(task.id);
  assert.deepEqual([state, runs[0]!.state], ["FREE", "RELEASED"]);
  assert.equal((await hub.admin.call<{ online: boolean }>("GET", "/hosts/leaves")).online, false);
});

for (const fault of ["hang", "cut"] as const)
  extendedTest(`a worker that ends while its hub is away (${fault}) ends at once, and its run`, async (t) => {
    const away = await startTestHub({ leaseSeconds: 3_600 });
    t.after(() => away.close());
    const worker = await startWorker(`away-${fault}`, 1, away);
    const pid = join(folder, `away-${fault}`, "pid");
    const channel = `away-${fault}`;
    // It writes on, so that there is a log to send.
    const argv = ["sh", "-c", `trap '' TERM; echo $$ > ${pid}; while :; do echo more; sleep 0.1; done`];
    await away.admin.call("POST", "/tasks", { kind: "command", channel, payload: { argv } });
    await until("it runs", () => (existsSync(pid) && readFileSync(pid, "utf8").endsWith("\n") ? true : null));
    worker[fault] = true;
    const started = performance.now();
    await worker.stop();
    const seconds = (performance.now() - started) / 1_000;
    assert.deepEqual(livingIn(readFileSync(pid, "utf8").trim()), []);
    // Ten seconds for the program that ignores SIGTERM, three for words; an hour is what it took.
    assert.ok(seconds < 300, `${seconds} s`);
    assert.match(worker.told.join("\n"), /task \d+: RELEASED, which the hub could not be told: it is away/);
  });

extendedTest("a worker ends that never met its hub", async (t) => {
  const away = await startTestHub();
  t.after(() => away.close());
  const worker = await startWorker("never", 1, away);
  worker.hang = true;
  await worker.stop();
});

test("a result of a run that somebody else has by now is refused", async () => {
  const worker = await startWorker("late", 1);
  const [here, go] = [join(folder, "late-here"), join(folder, "late-go")];
  const task = await submit("late", `touch ${here}; until [ -e ${go} ]; do sleep 0.05; done`);
  await begun(here);
  worker.cut = true;
  writeFileSync(go, "");
  await hub.database.query("update run set lease_until = now() - interval '1 s' where task_id = $1", [task.id]);
  hub.server.service.housekeeping.nudge();
  await until("it is lost", async () => ((await get(task.id)).runs[0]!.state === "LOST" ? true : null));
  worker.cut = false;
  await until("the worker knows", () =>
    worker.told.some((line) => /refused|lease could not be kept/.test(line)) ? true : null,
  );
  assert.equal((await get(task.id)).state, "FREE");
  await worker.stop();
});

extendedTest(
  "a program that leaves its group ends with the run, and one that is not found keeps nobody waiting",
  async () => {
    const worker = await startWorker("strays", 1);
    const pids = join(folder, "stray-pids");
    const task = await submit("strays", `setsid sleep 100000 & echo $! >> ${pids}; echo begun`);
    assert.equal((await ended(task.id)).state, "COMPLETED");
    // Without the run's environment nothing says whose it is; it has the pipes all the same.
    const other = await submit("strays", `env -i setsid sleep 100000 & echo $! >> ${pids}; echo begun`);
    assert.equal((await ended(other.id)).state, "COMPLETED");
    assert.equal(await log(other.id), "begun\n");
    const [found, hidden] = readFileSync(pids, "utf8").trim().split("\n") as [string, string];
    await until("it is gone", () => (livingIn(found).length === 0 ? true : null));
    process.kill(Number(hidden), "SIGKILL");
    await worker.stop();
  },
);

extendedTest("a pipe, a device or a folder is no artefact, and fails the task", async () => {
  const worker = await startWorker("pipes", 1);
  for (const make of ["mkfifo out", "ln -s /dev/zero out", "mkdir out"]) {
    const { state, failureClass, message } = await ended((await submit("pipes", make, {}, { artefacts: ["out"] })).id);
    assert.deepEqual(
      [state, failureClass, message],
      ["FAILED", "build", "out: what the command left is no file"],
      make,
    );
  }
  await worker.stop();
});

test("a time-out of a month is none at once", async () => {
  const worker = await startWorker("month", 1);
  const task = await submit("month", "sleep 0.2", { timeoutSeconds: 31 * 86_400 });
  assert.equal((await ended(task.id)).state, "COMPLETED");
  await worker.stop();
});

test("what a program says that no database keeps does not lose the end of its run", async () => {
  const worker = await startWorker("words", 1);
  // Cut at 10,000 letters the message would end with half of a pair.
  const name = "x".repeat(9_999);
  const task = await submit("words", "", {}, { argv: [`${name}\u{1f600}`] });
  const { state, failureClass, message, attempt } = await ended(task.id);
  assert.deepEqual([state, failureClass, message, attempt], ["FAILED", "build", `${name}\ufffd`, 1]);
  await worker.stop();
});

test("what a killed worker left running is ended by the next one", async () => {
  const left = join(folder, "left");
  const run = join(left, "run-1");
  const child = spawn("sleep", ["100"], { detached: true, stdio: "ignore" });
  mkdirSync(run, { recursive: true });
  noteProcessGroup(run, child.pid!);
  const gone = new Promise((resolve) => child.once("exit", (_, signal) => resolve(signal)));
  // In no group that was noted, as daemons are.
  const stray = spawn("sleep", ["100"], { detached: true, stdio: "ignore", env: { ...process.env, STRATOS_RUN: run } });
  const strayGone = new Promise((resolve) => stray.once("exit", (_, signal) => resolve(signal)));
  const others = { ...process.env, STRATOS_RUN: join(folder, "other", "run-1") };
  const other = spawn("sleep", ["100"], { detached: true, stdio: "ignore", env: others });
  assert.equal(endLeftRuns(left), 2);
  assert.deepEqual([await gone, await strayGone], ["SIGKILL", "SIGKILL"]);
  assert.equal(other.exitCode ?? other.signalCode, null, "another worker's stays");
  other.kill("SIGKILL");
  assert.deepEqual(readdirSync(left), []);
});
