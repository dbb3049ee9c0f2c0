/** Goal: a hostile guest hurts nobody but itself: Stratos reports, ends, and stays within its memory. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { stratosRun } from "./support/stratos.ts";
import { ensureTestImage } from "./support/test-image.ts";

before(ensureTestImage);

test("a fork bomb ends with the time-out", async () => {
  const { status } = await stratosRun([
    "--timeout",
    "5",
    "--memory",
    "256M",
    "bash",
    "-c",
    "f() { f | f & }; f; sleep 60",
  ]);
  assert.ok([124, 137, 254, 1].includes(status), String(status));
});

test("a memory bomb ends alone, and the next command runs", async () => {
  const result = await stratosRun([
    "--memory",
    "256M",
    "--timeout",
    "300",
    "bash",
    "-c",
    "python3 -c 'x = []\nwhile True: x.append(bytearray(1 << 20))'; echo after $?",
  ]);
  assert.match(result.stdout, /^after (1|137)\n$/);
  assert.equal(result.status, 0);
});

test("the process stays within its memory", async () => {
  const result = await stratosRun([
    "--stats",
    "--memory",
    "256M",
    "python3",
    "-c",
    "x = bytearray(150 << 20); print(len(x))",
  ]);
  const stats = JSON.parse(result.stderr) as { residentBytes: number };
  assert.ok(stats.residentBytes < 700 * 2 ** 20, `${stats.residentBytes} bytes`);
});

test("a call for more than there can be is refused at once, and numbers without a call end nobody", async () => {
  const result = await stratosRun([
    "--timeout",
    "300",
    "sh",
    "-c",
    "python3 -c 'import os; os.posix_fallocate(os.memfd_create(\"x\"), 0, 1 << 50)' 2>&1 | tail -1; perl -e " +
      "'syscall(100000+$_) for 0..300000; print \"alive\\n\"'",
  ]);
  assert.equal(result.stdout, "OSError: [Errno 28] No space left on device\nalive\n");
});

test("the time-out and signals win in the midst of long calls", async () => {
  // readv(2) of 2 GiB; a program that begins to run at once, so that the time-out finds it at work.
  const forever =
    'open F, "</dev/urandom"; my $b = "\\0" x (2 << 20); my $v = pack("P Q", $b, length $b) x 1024; $| = 1; ' +
    'print "now\\n"; syscall(65, fileno F, $v, 1024) while 1';
  // Longer where the host is too busy for the program to begin in that time.
  for (let seconds = 4, said = ""; said === ""; seconds *= 2) {
    const { status, stdout } = await stratosRun(["--timeout", String(seconds), "perl", "-e", forever]);
    said = stdout;
    assert.deepEqual([status, said], [124, seconds < 128 && said === "" ? "" : "now\n"]);
  }
  const script =
    'perl -e "$1" > /tmp/out & child=$!; until grep -q now /tmp/out; do sleep 0.1; done; kill -TERM $child; ' +
    "wait $child; echo $?";
  const ended = await stratosRun(["--timeout", "300", "sh", "-c", script, "sh", forever]);
  assert.deepEqual([ended.status, ended.stdout], [0, "143\n"]);
});

test("--stats names the call that did the most work at a time", async () => {
  const result = await stratosRun(["--stats", "head", "-c", "50000000", "/dev/zero"]);
  const stats = JSON.parse(result.stderr) as { longestCall: string; longestCallWork: number };
  assert.match(stats.longestCall, /^[a-z_0-9]+$/);
  assert.ok(stats.longestCallWork > 0 && stats.longestCallWork < 5000);
});

test("files that fill the disk end with ENOSPC", async () => {
  const result = await stratosRun([
    "--memory",
    "128M",
    "--timeout",
    "300",
    "sh",
    "-c",
    "head -c 1000000000 /dev/zero > /big; echo $?; rm /big; echo x > /small; cat /small",
  ]);
  assert.equal(result.stdout, "1\nx\n");
  assert.match(result.stderr, /No space left on device/);
});

test("programs that are none are refused", async () => {
  const result = await stratosRun([
    "sh",
    "-c",
    "for n in 1 4 16 64 100 1000; do head -c $n /bin/true > /tmp/p; chmod 755 /tmp/p; /tmp/p; done; head -c 5000 " +
      "/dev/urandom > /tmp/p; (printf '\\177ELF\\2\\1\\1'; cat /tmp/p) > /tmp/q; chmod 755 /tmp/q; /tmp/q; echo end",
  ]);
  assert.match(result.stdout, /end\n$/);
  assert.equal(result.status, 0);
});
