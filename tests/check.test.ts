/**
 * Goal: `check` finds two runs of one seed the same, whatever chance, time and threads they use, and names the first
 * event that differs where something from outside does.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sampleOf } from "@stratos/base/testing";
import { launcher, start, stratos, type Result } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";
import { Heard } from "./support/until.ts";

let folder: string;
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-check-test-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

const check = (args: readonly string[], options: { stdin?: string } = {}): Promise<Result> =>
  stratos(["check", "-i", TEST_IMAGE, ...args], options);

const SAME = /^stratos: check: the same twice: status \d+, \d+ instructions, \d+ events$/m;

const THREADS = `
import threading
def work(i):
    s = 0
    for k in range(20000): s += k * i
    print(i, s)
ts = [threading.Thread(target=work, args=(i,)) for i in range(4)]
for t in ts: t.start()
for t in ts: t.join()
print(hash("word"), {str(i) for i in range(20)}, id(object()))
`;

for (const { name, command, output } of sampleOf(
  [
    {
      name: "pipes of bash, and input",
      command: ["bash", "-c", "sort -R | tee /tmp/x | md5sum; cat /tmp/x; echo $RANDOM $BASHPID"],
      output: /^[0-9a-f]{32}/,
    },
    { name: "threads and the order of hashes of python", command: ["python3", "-c", THREADS], output: /^3 \d+$/m },
    { name: "the time of day", command: ["date", "+%s.%N"], output: /^\d+\.\d{9}$/m },
    { name: "what ps and top say of processes", command: ["sh", "-c", "ps auxww; top -b -n 1"], output: /PID/ },
    {
      name: "chance of the kernel",
      command: ["sh", "-c", "head -c 64 /dev/urandom | od; cat /proc/sys/kernel/random/uuid"],
      output: /-4[0-9a-f]{3}-/,
    },
  ],
  2,
))
  test(`${name}: the same twice`, async () => {
    const result = await check(["--", ...command], { stdin: "a\nb\nc\n" });
    assert.match(result.stdout, output, "the output of the first run is shown");
    assert.equal(result.stdout.match(output)?.length, 1);
    assert.match(result.stderr, SAME);
    assert.equal(result.status, 0);
  });

test("the status is that of the comparison, and the program's own is told", async () => {
  const result = await check(["--seed", "7", "--", "sh", "-c", "kill -9 $$"]);
  assert.match(result.stderr, /the same twice: status 137,/);
  assert.equal(result.status, 0);
});

test("input that comes late is given to the second run at the same instruction", async () => {
  const child = start(
    [...launcher, "check", "-i", TEST_IMAGE, "--", "sh", "-c", "echo ready; read x; echo got $x; date +%N"],
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  const heard = new Heard(child.stdout!);
  const told = new Heard(child.stderr!);
  await heard.includes("ready");
  child.stdin!.end("late\n");
  const status = await new Promise((resolve) => child.on("close", resolve));
  assert.match(heard.text, /^ready\ngot late\n\d+\n$/);
  assert.match(told.text, SAME);
  assert.equal(status, 0);
});

test("a folder of the host that changes between the runs is named", async () => {
  const file = join(folder, "state");
  writeFileSync(file, "one\n");
  const result = await check(["-v", `${folder}:/data`, "--", "sh", "-c", "cat /data/state; echo two > /data/state"]);
  assert.equal(result.status, 1);
  assert.equal(result.stdout, "one\n");
  assert.match(result.stderr, /^stratos: check: the runs are not the same: event \d+ is another one$/m);
  assert.match(result.stderr, /^stratos: check: first: {2}the host is asked \w+.*\/state"/m);
  assert.match(result.stderr, /^stratos: check: second: the host is asked \w+.*\/state"/m);
});

test("a folder of the host that stays as it is makes no difference, though reading it changes its times", async () => {
  const file = join(folder, "steady");
  writeFileSync(file, "x\n");
  const result = await check([
    ...["-v", `${file}:/etc/steady`, "-v", `${folder}:/data:ro`, "--"],
    ...["sh", "-c", "cat /etc/steady /data/steady; stat /etc/steady /data /data/steady; ls -la /data"],
  ]);
  assert.match(result.stderr, SAME);
  assert.equal(result.status, 0);
});

test("the events of the first run are kept where one wants them", async () => {
  const file = join(folder, "events");
  assert.equal((await check(["--save", file, "--", "echo", "hello"])).status, 0);
  const events = readFileSync(file, "latin1");
  assert.match(events, /^\d+ [0-9a-f]+ \[ +\d+\] write\(1, "hello\\n", 6\) = 6$/m);
  assert.match(events, /^\d+ [0-9a-f]+ output: 6 bytes with the CRC-32C [0-9a-f]+$/m);
  assert.match(events, /^\d+ [0-9a-f]+ end: memory [0-9a-f]+\n$/m);
});

test("what keeps a check from being made is not status 1", async () => {
  const missing = await stratos(["check", "-i", "no-such-image", "--", "true"]);
  assert.equal(missing.status, 125);
  assert.match(missing.stderr, /no-such-image/);
  assert.equal((await check(["--save", join(folder, "none", "x"), "--", "true"])).status, 125);
  assert.equal((await check(["--", "no-such-program"])).status, 127);
  assert.equal((await check(["--net", "host", "--", "true"])).status, 2);
});
