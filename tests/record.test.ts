/** Goal: what `run --record` wrote down, `replay` repeats bit for bit; and it says so when it can't. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { launcher, start, stratos, stratosRun } from "./support/stratos.ts";
import { TerminalSession } from "./support/terminal.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";
import { Heard } from "./support/until.ts";

let folder: string;
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-record-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("input, chance, time, processes and status are repeated", async () => {
  const file = join(folder, "run");
  const script =
    'while read x; do echo "$x $RANDOM $(date +%s.%N) $BASHPID"; done; python3 -c "import os, time; ' +
    'time.sleep(2); print(os.urandom(8).hex(), time.time())" & wait; echo err >&2; exit 9';
  const recorded = await stratosRun(["--record", file, "--", "bash", "-c", script], { stdin: "a\nb\n" });
  assert.match(recorded.stdout, /^a \d+ \d+\.\d+ \d+\nb \d+/);
  const replayed = await stratos(["replay", file]);
  assert.deepEqual(replayed, recorded);
  assert.equal(replayed.status, 9);
});

test("signals and late input arrive at the same instructions", async () => {
  const file = join(folder, "late");
  const child = start(
    [
      ...launcher,
      "run",
      "-i",
      TEST_IMAGE,
      "--record",
      file,
      "--",
      "bash",
      "-c",
      "trap 'echo caught $SECONDS' USR1; read a; echo $a; read b; echo $b; read c",
    ],
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  const heard = new Heard(child.stdout!);
  child.stdin!.write("first\n");
  await heard.includes("first");
  child.kill("SIGUSR1");
  await heard.includes("caught");
  child.stdin!.end("second\n");
  await new Promise((resolve) => child.on("close", resolve));
  const replayed = await stratos(["replay", file]);
  assert.equal(replayed.stdout, heard.text);
  assert.match(heard.text, /first\ncaught \d+\nsecond\n/);
});

test("a session at a terminal is repeated with its echo", async () => {
  const file = join(folder, "terminal");
  const session = new TerminalSession(
    [...launcher, "run", "-i", TEST_IMAGE, "--record", file, "--", "bash", "--norc"],
    { STRATOS_HOME: TEST_HOME },
    { rows: 30, columns: 100 },
  );
  await session.expect(/bash-[\d.]+# /);
  session.type("echo typ\x7fed $((6 * 7))\r");
  await session.expect(/\rtyed 42/);
  session.type("stty size; exit 4\r");
  await session.expect(/30 100/);
  assert.equal(await session.ended(), 4);
  const replayed = await stratos(["replay", file]);
  assert.match(replayed.stdout, /30 100/);
  assert.equal(replayed.status, 4);
});

test("a recording that was tampered with is found out, and one cut short is repeated as far as it goes", async () => {
  const file = join(folder, "tampered");
  await stratosRun(["--record", file, "--", "sh", "-c", "read x; echo $x"], { stdin: "true\n" });
  const lines = readFileSync(file, "utf8").split("\n");
  const changed = join(folder, "changed");
  writeFileSync(
    changed,
    lines
      .map((line) => line.replace(Buffer.from("true\n").toString("base64"), Buffer.from("liar\n").toString("base64")))
      .join("\n"),
  );
  const result = await stratos(["replay", changed]);
  assert.equal(result.status, 125);
  assert.match(result.stderr, /the replay went another way/);
  const cut = join(folder, "cut");
  writeFileSync(cut, lines.slice(0, 1).join("\n"));
  assert.equal((await stratos(["replay", cut])).stdout, "");
  writeFileSync(cut, "nothing of the kind\n");
  assert.match((await stratos(["replay", cut])).stderr, /is no recording/);
});

test("what can't be recorded is refused", async () => {
  const result = await stratosRun(["--record", join(folder, "x"), "--net", "host", "--", "true"]);
  assert.equal(result.status, 2);
  assert.match(result.stderr, /network is not recorded/);
});
