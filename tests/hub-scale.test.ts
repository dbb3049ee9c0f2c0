/**
 * Goal: workers come when a hub has tasks, and go when it has none.
 * Method: `stratos hub` and `stratos hub scale` as programs, its workers as processes, by commands, and as Jobs of an
 * API server that starts a process for each.
 */
import assert from "node:assert/strict";
import { execFile, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { TestCluster, type TestJob } from "../packages/hub/src/testing/test-cluster.ts";
import { endProgram, startProgram, type Program } from "./hub/programs.ts";
import { extendedTest } from "@stratos/base/testing";
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
/** While the test's own server goes on. */
function runBeside(...args: string[]): Promise<{ status: number; stdout: string; stderr: string }> {
  const [node, ...rest] = launcher;
  return new Promise((resolve) => {
    execFile(node!, [...rest, ...args], { env: environment, timeout: 600_000 }, (error, stdout, stderr) =>
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr }),
    );
  });
}
const hostsBeside = async (): Promise<string> =>
  (JSON.parse((await runBeside("hub", "host", "ls", "--json")).stdout) as { name: string }[])
    .map(({ name }) => name)
    .join();
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

extendedTest("commands start and stop workers, and are told which", async () => {
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

extendedTest("Jobs of a cluster are workers; a scaler that was killed finds them again", async (t) => {
  const cluster = new TestCluster({ namespace: "builds", verbs: ["create", "get", "list", "watch", "delete"] });
  t.after(() => cluster.close());
  const pods = new Map<string, ChildProcess>();
  // What a kubelet does with the Job's container.
  cluster.onCreate = ({ metadata: { name }, spec }: TestJob) => {
    const [{ args, env }] = spec.template.spec.containers as [TestJob["spec"]["template"]["spec"]["containers"][0]];
    const variables = Object.fromEntries(env.map(({ name: key, value }) => [key, value]));
    const given = args.map((arg) => arg.replace(/\$\((\w+)\)/g, (whole, key: string) => variables[key] ?? whole));
    const [node, ...rest] = launcher;
    const child = spawn(node!, [...rest, ...given], { env: { ...environment, ...variables }, stdio: "ignore" });
    children.push(child);
    pods.set(name, child);
    cluster.setStatus(name, { active: 1, ready: 1 });
  };
  cluster.onDelete = ({ metadata: { name } }) => void pods.get(name)!.kill("SIGTERM");
  cluster.known.add("scaler-key");
  const server = await cluster.listen(null);
  const kubeconfig = join(folder, "kubeconfig");
  const template = join(folder, "job.yaml");
  writeFileSync(
    kubeconfig,
    `current-context: x\nclusters: [{name: c, cluster: {server: "${server}"}}]\n` +
      "users: [{name: u, user: {token: scaler-key}}]\n" +
      "contexts: [{name: x, context: {cluster: c, user: u, namespace: builds}}]\n",
  );
  const container = `{name: worker, image: stratos, args: [worker, --name, $(STRATOS_WORKER), --token-file, ${token}]}`;
  writeFileSync(template, `apiVersion: batch/v1\nkind: Job\nspec: {template: {spec: {containers: [${container}]}}}\n`);
  const scale = ["hub", "scale", "--kubernetes", "--kubeconfig", kubeconfig, "--job-template", template];
  const own = [...scale, "--pool", "k", "--max", "2", ...quick, "--idle", "3"];
  const wait = join(folder, "go");
  const script = `while ! test -e ${wait}; do sleep 0.1; done`;
  const tasks = ["1", "2"].map(() => good("hub", "task", "submit", "--", "sh", "-c", script).trim());
  const first = await start(own, "stderr");
  assert.match(first.address, /^stratos hub scale: 0 → 2 workers: 2 tasks wait/);
  await until("both are at the hub", async () => (await hostsBeside()) === "k-1,k-2");
  await endProgram(first.child, "SIGKILL");
  const second = await start(own, "stderr");
  assert.match(second.address, /^stratos hub scale: 2 workers are there already/);
  writeFileSync(wait, "");
  for (const id of tasks) assert.match((await runBeside("hub", "task", "watch", id)).stdout, /COMPLETED/);
  await until("Jobs, pods and hosts are gone", async () => cluster.jobs.size === 0 && (await hostsBeside()) === "");
  for (const child of pods.values()) await endProgram(child);
  assert.equal(pods.size, 2);
  await endProgram(second.child);
  // Who may not is told so at once.
  cluster.verbs = [];
  const { status, stderr } = await runBeside(...own);
  assert.equal(status, 1);
  assert.match(stderr, /--kubernetes: .* does not permit to list jobs in the namespace builds \(403\)/);
});

test("what cannot be is refused", () => {
  assert.match(run("hub", "scale", "--min", "3", "--max", "2").stderr, /--min: 3 is more than --max 2/);
  assert.match(run("hub", "scale", "--start-command", "true").stderr, /it and --stop-command go together/);
  assert.match(run("hub", "scale", "--pool", "a b").stderr, /--pool: expected a name/);
  for (const [args, words] of [
    [["--namespace", "builds"], /--namespace: it is for --kubernetes/],
    [["--kubernetes"], /--kubernetes: expected --job-template FILE, or --image NAME/],
    [["--kubernetes", "--image", "s", "--pool", "A"], /--pool: with --kubernetes: expected up to 40 small letters/],
    [["--kubernetes", "--image", "s", "--host-cpu", "80"], /--kubernetes: --start-command, --host-cpu and/],
    [["--kubernetes", "--image", "s", "--kubeconfig", token], /--kubernetes: .*token: kubeconfig: expected a mapping/],
  ] as const)
    assert.match(run("hub", "scale", ...args).stderr, words);
});
