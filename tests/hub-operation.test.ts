/**
 * Goal: whoever runs a hub sees where its time goes, why builds fail, and has workers that end when they are told to.
 * Method: `stratos hub` and `stratos worker` as programs, `stratos hub …` as their client.
 */
import assert from "node:assert/strict";
import { spawnSync, type ChildProcess } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { endProgram, startProgram, type Program } from "./hub/programs.ts";
import { extendedTest } from "@stratos/base/testing";
import { launcher } from "./support/stratos.ts";
import { until, untilGone } from "./support/until.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-hub-operation-"));
const state = join(folder, "state");
const key = join(folder, "worker-key");
const environment: NodeJS.ProcessEnv = { ...process.env, STRATOS_HOME: join(folder, "home") };
const children = new Set<ChildProcess>();
let hub: Program;

async function start(args: readonly string[], first: "stdout" | "stderr" = "stdout"): Promise<Program> {
  const program = await startProgram(args, { environment, first });
  children.add(program.child);
  return program;
}
function run(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  const [node, ...rest] = launcher;
  return spawnSync(node!, [...rest, ...args], { env: environment, encoding: "utf8", timeout: 600_000, cwd: folder });
}
function good(...args: string[]): string {
  const { status, stdout, stderr } = run(...args);
  assert.equal(status, 0, `stratos ${args.join(" ")}: ${stderr}`);
  return stdout;
}

before(async () => {
  const token = join(folder, "token");
  writeFileSync(
    join(folder, "rules.yaml"),
    "- {cause: mirror-away, match: '^E: Failed to fetch', says: it was away}\n",
  );
  const more = [
    "--failure-rules",
    join(folder, "rules.yaml"),
    "--profile-every",
    "1s",
    "--profile-time",
    "1s",
    "--profile-keep",
    "4",
  ];
  hub = await start(["hub", "-l", "0", "--database", "memory", "--state", state, "--token-file", token, ...more]);
  environment["STRATOS_HUB"] = hub.address;
  good("hub", "login", "--token-file", token);
  writeFileSync(key, good("hub", "token", "create", "builder", "--role", "worker"), { mode: 0o600 });
});
after(() => {
  for (const child of children) child.kill("SIGKILL");
  rmSync(folder, { recursive: true, force: true });
});

interface Profile {
  readonly id: string;
  readonly by: string | null;
}

extendedTest("profiles come by the clock and when they are asked for; top names sources, and compares", async () => {
  const profiles = (): Profile[] => JSON.parse(good("hub", "profile", "ls", "--json")) as Profile[];
  await until("one came by the clock", () => profiles().some(({ by }) => by === null));
  // While one is taken by the clock none can be asked for.
  let asked = "";
  await until("one is taken", () => {
    const { status, stdout, stderr } = run("hub", "profile", "take", "--time", "2s");
    if (status !== 0) assert.match(stderr, /a profile is being taken now/);
    asked = stdout.trim();
    return status === 0;
  });
  const file = join(folder, "mine.cpuprofile");
  assert.equal(good("hub", "profile", "get", asked, "-o", file), `${file}\n`);
  assert.ok((JSON.parse(readFileSync(file, "utf8")) as { samples: number[] }).samples.length > 0);
  const top = good("hub", "profile", "top", file, "--sort", "total", "--limit", "1000");
  assert.match(top, /^busy for \d+\.\d\d s of \d+\.\d\d s \(.* %\)\nSELF MS +SELF +TOTAL MS +TOTAL +FUNCTION +WHERE\n/);
  assert.match(top, / packages\/hub\/src\/\S+\.ts/, "functions of the hub are named by their files");
  assert.ok(!top.includes("program-"), "pieces of the bundle are nobody's files");
  const compared = good("hub", "profile", "top", "last", "--beside", file);
  assert.match(compared, /^now: +busy .*\nbefore: busy .*\nms of each second:\nCHANGE +NOW +BEFORE +FUNCTION +WHERE\n/);
  assert.match(good("hub", "profile", "heap"), /^resident +\d[^]*made within [^]*BYTES +FUNCTION +WHERE/);
  await until(
    "the old ones went",
    () => readdirSync(join(state, "profiles")).filter((name) => /n$/.test(name)).length === 4,
  );
  for (const name of readdirSync(join(state, "profiles")))
    assert.equal((statSync(join(state, "profiles", name), { throwIfNoEntry: false })?.mode ?? 0o600) & 0o777, 0o600);
  assert.match(run("hub", "profile", "top", join(folder, "worker-key")).stderr, /worker-key: no profile/);
  assert.equal(run("hub", "profile", "top", "20260101T000000000Z-000000").status, 1);
  assert.equal(run("hub", "-l", "0", "--profile-every", "5s").status, 2, "oftener than it looks");
});

extendedTest("a worker keeps profiles of itself, which need no hub to be read", async () => {
  const mine = join(folder, "w-profiled");
  const args = [
    "--name",
    "profiled",
    "--token-file",
    key,
    "--folder",
    mine,
    "--profile-every",
    "1s",
    "--profile-time",
    "1s",
  ];
  const { child } = await start(["worker", ...args], "stderr");
  const found = (): string[] =>
    existsSync(join(mine, "profiles"))
      ? readdirSync(join(mine, "profiles")).filter((name) => /\.cpuprofile$/.test(name))
      : [];
  await until("one came", () => found().length > 0);
  await endProgram(child, "SIGTERM");
  children.delete(child);
  assert.match(good("hub", "profile", "top", join(mine, "profiles", found()[0]!)), /^busy for /);
});

extendedTest("what failed is listed by cause, by the hub's rules and one's own", async () => {
  const { child } = await start(["worker", "--name", "fails", "--token-file", key], "stderr");
  const submit = (label: string, script: string): string =>
    good("hub", "task", "submit", "--label", label, "--", "sh", "-c", script).trim();
  for (const line of [3, 77]) submit("hello", `echo '/build/hello-2/a.c:${line}:1: error: no x' >&2; exit 2`);
  submit("lib", "echo 'E: Failed to fetch http://127.0.0.1/x'; exit 1");
  const last = submit("tool", "echo PASS: a; echo FAIL: sums; exit 1");
  await until("all were looked at", () =>
    /^4 runs of 4 tasks failed, for 3 reasons/.test(good("hub", "logs", "analyse")),
  );
  const lines = good("hub", "logs", "analyse").split("\n");
  assert.match(lines[1]!, /^TASKS +RUNS +CAUSE +STAGE +FIRST +LAST +PACKAGES +TASK +FAILURE +WHY$/);
  assert.match(lines[2]!, /^2 +2 +compiler \+ .* hello +2 +[0-9a-f]{16} +a\.c:N: error: no x$/);
  assert.match(lines.join("\n"), /mirror-away \+.* lib .* it was away\n/);
  assert.match(lines.join("\n"), /test \+.* tool .* FAIL: sums\n/);
  assert.match(
    good("hub", "logs", "analyse", "--package", "tool", "--since", "1h"),
    /^1 run of 1 task failed, for 1 reason, .*\n.*\n1 .*FAIL: sums\n$/,
  );
  assert.match(good("hub", "logs", "analyse", "--until", "2026-01-01"), /^0 runs of 0 tasks failed/);
  const id = lines[2]!.split(/ +/).at(-5)!;
  assert.match(good("hub", "logs", "show", id), /^WHEN[^]*hello .*a\.c:77:1: error[^]*a\.c:3:1: error/);
  assert.match(good("hub", "task", "show", last), /\ncause +test: FAIL: sums\n/);
  const none = run("hub", "artefact", "get", last);
  assert.deepEqual([none.status, none.stderr], [1, `stratos: task ${last}: has no artefacts; it is FAILED\n`]);
  assert.match(good("hub", "logs", "rules"), /\n1 +mirror-away +1 +used +\^E: Failed to fetch\n/);
  assert.match(good("hub", "logs", "again"), /^4 runs are looked at again\n/);
  const log = join(folder, "some.log");
  writeFileSync(log, "==== Build ====\ncp: error writing 'x': No space left on device\n");
  assert.match(good("hub", "logs", "explain", log), /\ndisk +Build +[0-9a-f]{16} +cp: error writing/);
  writeFileSync(join(folder, "bad.yaml"), "- {cause: x, match: '('}\n");
  assert.match(
    run("hub", "-l", "0", "--failure-rules", join(folder, "bad.yaml")).stderr,
    /bad\.yaml: rule 1: match: Invalid/,
  );
  assert.equal(run("hub", "logs", "analyse", "--since", "yesterday").status, 2);
  await endProgram(child, "SIGTERM");
  children.delete(child);
});

test("a worker that is told to end while its hub is gone ends, and its run", async () => {
  const mark = join(folder, "runs");
  const { child, stderr } = await start(["worker", "--name", "alone", "--token-file", key], "stderr");
  good("hub", "task", "submit", "--", "sh", "-c", `echo $$ > ${mark}; exec sleep 1000`);
  await until("it runs", () => existsSync(mark) && /\n/.test(readFileSync(mark, "utf8")));
  await endProgram(hub.child, "SIGKILL");
  await endProgram(child, "SIGTERM");
  children.delete(child);
  assert.equal(child.exitCode, 0, stderr());
  // What it has said may come after its end.
  await until("it says so", () => /RELEASED, which the hub could not be told: it is away\n/.test(stderr()));
  await untilGone(Number(readFileSync(mark, "utf8")));
});
