/** Goal: what `run --record` wrote down, `replay` repeats bit for bit; and it says so when it can't. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest, sampleOf } from "@stratos/base/testing";
import { zstdCodec } from "@stratos/host-node";
import { readRecording } from "../packages/session/src/recording/recording-reader.ts";
import { entriesOf, recordingLines, recordingOf } from "../packages/session/src/testing/made-recording.ts";
import { launcher, run, start, stratos, stratosRun } from "./support/stratos.ts";
import { TerminalSession } from "./support/terminal.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";
import { Heard, until } from "./support/until.ts";

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

extendedTest(
  "where the image is not, a run is repeated from what is in its recording, at each of its places",
  async () => {
    const file = join(folder, "portable");
    const script = "read x; sort /etc/passwd | head -n 1; cat /etc/debian_version";
    const recorded = await stratosRun(["--record", file, "--", "sh", "-c", script], { stdin: "a\n" });
    assert.match(recorded.stdout, /^_apt.*\n\w+/);
    const elsewhere = { env: { STRATOS_HOME: join(folder, "elsewhere") } };
    assert.deepEqual(await stratos(["replay", file], elsewhere), recorded);
    const programs = await stratos(["replay", file, "--programs"], elsewhere);
    assert.match(programs.stdout, / sort \/etc\/passwd/);
    // Who goes there comes by checkpoints, which are forks. What the run has executed is there, too.
    const there = await stratos(["replay", file, "--to", "line:2", "--", "head", "-c", "4", "/etc/passwd"], elsewhere);
    assert.match(there.stdout, /root$/);
    assert.equal(there.status, 0, there.stderr);
    const missed = await stratos(["replay", file, "--to", "line:2", "--", "tac", "/etc/passwd"], elsewhere);
    assert.match(missed.stderr, /image \S+ is not here, and the recording has no more of it than its run read/);
    assert.notEqual(missed.status, 0);
  },
);

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

extendedTest("folders of the host are repeated without the host", async () => {
  const file = join(folder, "folders");
  const shared = join(folder, "shared");
  mkdirSync(shared);
  writeFileSync(join(shared, "in"), "from the host\n");
  const script =
    "cat /data/in; md5sum < /data/in; ls -li /data; stat -f /data; cp /data/in /data/out; chmod 600 /data/out; " +
    'mkdir /data/d; mv /data/out /data/d; ln -s in /data/l; python3 -c "import mmap; ' +
    "print(mmap.mmap(open('/data/d/out').fileno(), 0, prot=mmap.PROT_READ)[:])\"; cat /data/none; rm /data/in; " +
    "df /data";
  const recorded = await stratosRun(["-v", `${shared}:/data`, "--record", file, "--", "bash", "-c", script]);
  assert.match(recorded.stdout, /^from the host\n[0-9a-f]{32}/);
  assert.equal(readFileSync(join(shared, "d", "out"), "utf8"), "from the host\n");
  rmSync(shared, { recursive: true });
  assert.deepEqual(await stratos(["replay", file]), recorded);
  assert.ok(!existsSync(shared), "a replay writes nothing");
});

extendedTest("one file of the host, read-only, is repeated", async () => {
  const file = join(folder, "one-file");
  const shared = join(folder, "only");
  writeFileSync(shared, "\0\xff only\n".repeat(20_000), "latin1");
  const recorded = await stratosRun([
    ...["-v", `${shared}:/etc/hostname:ro`, "--record", file, "--"],
    ...["sh", "-c", "md5sum /etc/hostname; echo x > /etc/hostname"],
  ]);
  assert.match(recorded.stderr, /Read-only file system/);
  writeFileSync(shared, "changed\n");
  assert.deepEqual(await stratos(["replay", file]), recorded);
});

test("where there is no room for a recording, none is left", async () => {
  const file = join(folder, "no-room");
  const words = [...launcher, "run", "-i", TEST_IMAGE, "--record", file, "--", "true"];
  // A limit of the shell's stands for a full disk.
  const result = await run(["sh", "-c", 'ulimit -f 0; exec "$@"', "sh", ...words], {
    env: { STRATOS_HOME: TEST_HOME },
  });
  assert.deepEqual([result.status, result.stderr], [125, `stratos: ${file}: file too large\n`]);
  assert.deepEqual([existsSync(file), existsSync(`${file}.partial`)], [false, false]);
});

test("a program that cannot be started leaves the recording that was there", async () => {
  const file = join(folder, "before");
  writeFileSync(file, "of before\n");
  assert.equal((await stratosRun(["--record", file, "--", "no-such-program"])).status, 127);
  assert.equal(readFileSync(file, "utf8"), "of before\n");
  assert.equal(existsSync(`${file}.partial`), false);
});

extendedTest("a recorder that is killed leaves what came until then, under a name of its own", async () => {
  const file = join(folder, "killed");
  const child = start(
    [...launcher, "run", "-i", TEST_IMAGE, "--record", file, "--", "bash"].concat([
      "-c",
      "while read x; do echo $x; done",
    ]),
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  const heard = new Heard(child.stdout!);
  child.stdin!.write("first\n");
  await heard.includes("first");
  const partial = `${file}.partial`;
  await until("what came is written", () => statSync(partial).size > readHeadLength(partial));
  const closed = once(child, "close");
  child.kill("SIGKILL");
  await closed;
  const absent = await stratos(["replay", file]);
  assert.equal(absent.status, 125);
  assert.match(
    absent.stderr,
    /killed: is not there: its run was killed, or goes on; .*killed\.partial can be repeated/,
  );
  const replayed = await stratos(["replay", partial]);
  assert.deepEqual([replayed.status, replayed.stdout], [125, "first\n"]);
  assert.match(replayed.stderr, /partial: the recording was cut short/);
});

test("a byte of a recording that is another one is found out, wherever it is", async () => {
  const file = join(folder, "flipped");
  const shared = join(folder, "flipped-folder");
  mkdirSync(shared);
  writeFileSync(join(shared, "in"), "x\n");
  await stratosRun(["-v", `${shared}:/data`, "--record", file, "--", "sh", "-c", "read x; cat /data/in"], {
    stdin: "true\n",
  });
  const whole = readFileSync(file);
  const changed = join(folder, "changed");
  const head = readHeadLength(file);
  const places = [3, 9, 13, 20, head - 2, head + 1, head + 9, head + 22, head + 30, whole.length - 1];
  for (const at of sampleOf(places, 3)) {
    const bytes = Uint8Array.from(whole);
    bytes[at]! ^= 1;
    writeFileSync(changed, bytes);
    const result = await stratos(["replay", changed]);
    assert.equal(result.status, 125, `byte ${at}`);
    assert.match(
      result.stderr,
      /changed: is (no recording(: (its head|piece \d+) is damaged)?|a recording of format \d+; this .*)\n$/,
      `byte ${at}`,
    );
    assert.equal(result.stdout, "");
  }
});

extendedTest("a recording cut short is repeated as far as it goes", async () => {
  const file = join(folder, "whole");
  await stratosRun(["--record", file, "--", "sh", "-c", "echo begun; read x; echo $x"], { stdin: "true\n" });
  const cut = join(folder, "cut");
  const whole = readFileSync(file);
  const head = readHeadLength(file);
  for (const length of [head, head + 20, head + 40]) {
    writeFileSync(cut, whole.subarray(0, length));
    const replayed = await stratos(["replay", cut]);
    assert.equal(replayed.stdout, "begun\n");
    assert.match(replayed.stderr, /cut: the recording was cut short/);
    assert.equal(replayed.status, 125);
  }
  writeFileSync(cut, "nothing of the kind\n");
  assert.match((await stratos(["replay", cut])).stderr, /is no recording/);
});

test("a replay that goes another way says where", async () => {
  const file = join(folder, "other");
  await stratosRun(["--record", file, "--", "sh", "-c", "read x; echo $x"], { stdin: "true\n" });
  const changed = join(folder, "liar");
  const recording = readRecording(readFileSync(file), zstdCodec);
  const entries = entriesOf(recording).map((entry) =>
    entry.kind === "input" ? { ...entry, data: Buffer.from("liar\n") } : entry,
  );
  writeFileSync(changed, recordingOf(recording.header, entries));
  const result = await stratos(["replay", changed]);
  assert.equal(result.status, 125);
  assert.match(result.stderr, /the replay went another way/);
});

extendedTest("recordings of older versions are repeated", async () => {
  const file = join(folder, "newest");
  const recorded = await stratosRun(["--record", file, "--", "sh", "-c", "read x; echo $x; ls -l /proc/self; date"], {
    stdin: "true\n",
  });
  const recording = readRecording(readFileSync(file), zstdCodec);
  const older = join(folder, "older");
  for (const format of [2, 3] as const) {
    writeFileSync(older, recordingLines(format, recording.header, entriesOf(recording)));
    assert.deepEqual(await stratos(["replay", older]), recorded, `format ${format}`);
  }
});

/** Bytes before the first piece. */
function readHeadLength(file: string): number {
  return 16 + readFileSync(file).readUInt32LE(12) + 4;
}
