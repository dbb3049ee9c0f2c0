/**
 * Goal: a user goes to any place of a recorded run, looks around there with programs of the system, and steps through a
 * program with gdb in both directions. Method: a recorded bash with python; and gdb itself.
 */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { launcher, start, stratos, stratosRun } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME } from "./support/test-image.ts";
import { Heard } from "./support/until.ts";

let folder: string;
let file: string;
const SCRIPT = "for i in 1 2 3; do echo $i > /tmp/count; echo line $i; expr 6 '*' 7; done; exit 3";
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-travel-"));
  file = join(folder, "run");
  const recorded = await stratosRun(["--record", file, "--", "bash", "-c", SCRIPT]);
  assert.equal(recorded.status, 3);
});
after(() => rmSync(folder, { recursive: true, force: true }));

extendedTest("a line of output is gone to, and the system is there as it was", async () => {
  const recording = readFileSync(file);
  const there = await stratos([
    "replay",
    file,
    "--to",
    "line:3",
    "--",
    "bash",
    "-c",
    "cat /tmp/count; ps -o stat= -p 2",
  ]);
  assert.equal(there.stdout, "line 1\n42\nline 2\n2\nTs\n");
  assert.equal(there.status, 0);
  assert.match(there.stderr, /stratos: instruction \d+, .* line 3 of output\n/);
  assert.match(
    there.stderr,
    /stratos: process 2 \(bash\): goes on here, at 0x[0-9a-f]+ in \/usr\/lib\/.*libc\.so\.6 \+ 0x/,
  );
  assert.deepEqual(readFileSync(file), recording, "the recording is as it was");
});

test("the end is before the last instruction; what lies beyond is refused", async () => {
  const end = await stratos(["replay", file, "--to", "end"]);
  assert.equal(end.status, 0);
  assert.equal(end.stdout, "line 1\n42\nline 2\n42\nline 3\n42\n");
  const beyond = await stratos(["replay", file, "--to", "999999999999"]);
  assert.equal(beyond.status, 125);
  assert.match(beyond.stderr, /the recording ends before instruction 999999999999/);
  for (const [words, said] of [
    [["--to", "line"], /expected N \(instructions\), event:N, line:N or end/],
    [["--gdb", "99999"], /expected a port, or -/],
    [["--", "ls"], /a program needs a position: --to POSITION/],
  ] as const) {
    const refused = await stratos(["replay", file, ...words]);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, said);
  }
});

test("the programs of a run are listed with their positions, which are those of --to", async () => {
  const { stdout, status } = await stratos(["replay", file, "--programs"]);
  assert.equal(status, 0);
  const rows = stdout.trimEnd().split("\n");
  assert.equal(rows.length, 5);
  assert.match(rows[1]!, /^ *0 +2 +bash -c for i in/);
  const [, position, pid] = /^ *(\d+) +(\d+) +expr 6 \* 7$/.exec(rows[4]!)!;
  const there = await stratos(["replay", file, "--to", position!]);
  assert.match(there.stderr, new RegExp(`process ${pid} \\(expr\\): goes on here, at 0x\\w+ in .*/ld-linux`));
});

test("gdb's protocol is served at a port of the loopback, to one client", async (t) => {
  const child = start([...launcher, "replay", file, "--gdb", "0"], { env: { STRATOS_HOME: TEST_HOME } });
  t.after(() => child.kill("SIGKILL"));
  const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
  const heard = new Heard(child.stderr!);
  await heard.includes("target remote :");
  await heard.includes("\n");
  const port = Number(/target remote :(\d+)\n/.exec(heard.text)![1]);
  const socket = connect(port, "127.0.0.1");
  t.after(() => socket.destroy());
  const told = new Heard(socket);
  socket.write("$?#3f");
  await told.includes("thread:2;#");
  assert.match(told.text, /^\+\$T05.*thread:2;#[0-9a-f]{2}$/);
  socket.end();
  assert.equal(await ended, 0);
});

const GDB = "gdb-multiarch";

extendedTest("gdb steps through a program of the run, forwards and backwards", { timeout: 180_000 }, () => {
  const [node, ...words] = [...launcher, "replay", file, "--gdb", "-"];
  const commands = join(folder, "commands");
  writeFileSync(
    commands,
    [
      "set pagination off",
      "set confirm off",
      "set remotetimeout 60",
      "set auto-solib-add off",
      `target remote | STRATOS_HOME='${TEST_HOME}' '${node}' ${words.map((word) => `'${word}'`).join(" ")}`,
      "set $first = $pc",
      "stepi 3",
      "set $third = $pc",
      "break *$third",
      "stepi 2",
      "reverse-continue",
      'printf "back %d\\n", $pc == $third',
      "delete",
      "reverse-stepi 3",
      'printf "first %d\\n", $pc == $first',
      "continue",
      "reverse-stepi",
      "monitor where",
      "detach",
    ].join("\n"),
  );
  const { stdout, stderr, status } = spawnSync(GDB, ["-nx", "-batch", "-x", commands], {
    encoding: "utf8",
    timeout: 150_000,
    killSignal: "SIGKILL",
  });
  assert.equal(status, 0, stderr);
  const all = stdout + stderr;
  assert.match(all, /back 1\n/);
  assert.match(all, /first 1\n/);
  assert.match(all, /No more reverse-execution history/);
  assert.match(all, /line 6 of output/);
});
