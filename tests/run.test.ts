/**
 * Goal: `stratos run` is a command like any other: streams, status, signals and options behave as DESIGN.md §8
 * promises.
 */
import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { cloneLauncher, launcher, start, stratos, stratosRun } from "./support/stratos.ts";
import { ensureTestImage, TEST_HOME, TEST_IMAGE } from "./support/test-image.ts";

let folder: string;
before(async () => {
  await ensureTestImage();
  folder = mkdtempSync(join(tmpdir(), "stratos-run-"));
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("exit statuses pass through, and signals are 128 + N", async () => {
  const statuses = await Promise.all(
    ["exit 0", "exit 7", "exit 255", "kill -TERM $$", "kill -KILL $$", "kill -SEGV $$"].map(
      async (script) => (await stratosRun(["sh", "-c", script])).status,
    ),
  );
  assert.deepEqual(statuses, [0, 7, 255, 143, 137, 139]);
});

test("a program that is not there, is none, or may not be executed is told apart", async () => {
  const missing = await stratosRun(["nosuchprogram"]);
  assert.equal(missing.status, 127);
  assert.match(
    missing.stderr,
    /^stratos: nosuchprogram: command not found in the guest; image build NAME --packages.*\n$/,
  );
  const folderAsProgram = await stratosRun(["/etc/passwd"]);
  assert.deepEqual(
    [folderAsProgram.status, folderAsProgram.stderr],
    [126, "stratos: /etc/passwd: permission denied\n"],
  );
  assert.equal((await stratosRun(["/nothing/here"])).status, 127);
});

test("a folder to start in that is not there is named, not the program", async () => {
  const missing = await stratosRun(["-w", "/nothing", "true"]);
  assert.deepEqual(
    [missing.status, missing.stderr],
    [127, "stratos: /nothing: no such folder in the guest to start in (--workdir)\n"],
  );
  const file = await stratosRun(["-w", "/etc/passwd", "true"]);
  assert.deepEqual(
    [file.status, file.stderr],
    [127, "stratos: /etc/passwd: not a folder in the guest to start in (--workdir)\n"],
  );
  const closed = await stratosRun(["-u", "nobody", "-w", "/root", "true"]);
  assert.deepEqual(
    [closed.status, closed.stderr],
    [126, "stratos: /root: permission denied in the guest to start in (--workdir)\n"],
  );
});

extendedTest("a machine of 4G is the largest there is, and says so everywhere", async () => {
  const largest = await stratosRun([
    "--memory",
    "4G",
    "sh",
    "-c",
    "head -1 /proc/meminfo; free -k | awk '/Mem/ { print $2 }'",
  ]);
  assert.equal(largest.stderr, "stratos: --memory 4G: the largest machine has 3.3G, and this one has that\n");
  const [, total] = /^MemTotal: +(\d+) kB\n/.exec(largest.stdout)!;
  assert.match(largest.stdout, new RegExp(`\n${total}\n$`));
  assert.ok(Number(total) > 3.3 * 1024 ** 2 && Number(total) < 4 * 1024 ** 2, total);
  const close = await stratosRun(["--memory", "3400M", "true"]);
  assert.match(close.stderr, /^stratos: --memory 3400M: the largest machine has 3\d\d\dM, and this one has that\n$/);
  const tooMuch = await stratosRun(["--memory", "5G", "true"]);
  assert.deepEqual([tooMuch.status, tooMuch.stderr], [2, "stratos: --memory: at most 3.3G is possible\n"]);
});

test("-v shows a file of the host over a file or where none is, and only that file", async () => {
  const [shown, secret] = [join(folder, "shown.txt"), join(folder, "secret.txt")];
  writeFileSync(shown, "from the host\n");
  writeFileSync(secret, "not for the guest\n");
  symlinkSync(shown, join(folder, "link"));
  const script =
    "cat /deep/er/new.txt /etc/hostname; echo more >> /deep/er/new.txt; ls -A /deep/er; rm /deep/er/new.txt; " +
    "echo no >> /etc/hostname";
  const result = await stratosRun([
    "-v",
    `${shown}:/deep/er/new.txt`,
    "-v",
    `${join(folder, "link")}:/etc/hostname:ro`,
    "sh",
    "-c",
    script,
  ]);
  assert.equal(result.stdout, "from the host\nfrom the host\nnew.txt\n");
  assert.match(
    result.stderr,
    /cannot remove '.*new.txt': Device or resource busy[^]*cannot create \/etc\/hostname: Read-only file system/,
  );
  assert.equal(readFileSync(shown, "latin1"), "from the host\nmore\n");
  const overFolder = await stratosRun(["-v", `${shown}:/etc`, "true"]);
  assert.equal(overFolder.status, 125);
  assert.match(
    overFolder.stderr,
    /^stratos: \/etc: .*shown\.txt cannot be shown there: a folder takes the place of a folder/,
  );
});

extendedTest("what a program is refused for want of an option is told when it has failed", async () => {
  const offline = await stratosRun(["curl", "-s", "https://host.invalid"]);
  assert.notEqual(offline.status, 0);
  assert.match(offline.stderr, /^stratos: this machine has no network: run with --net host/m);
  const large = await stratosRun(["--memory", "64M", "sh", "-c", "python3 -c 'bytearray(200 << 20)'; exit 0"]);
  assert.equal(large.status, 0);
  assert.match(
    large.stderr,
    // wide: one pattern
    /^stratos: out of memory: ended process \d+ \(python3\)[^\n]*; the machine has 64M, --memory gives it another size$/m,
  );
});

extendedTest("/run begins as the image's packages left it", async () => {
  const name = `run-${process.pid}`;
  const home = { STRATOS_HOME: TEST_HOME };
  // What a package's script leaves there while an image is built lies in the root, below the tmpfs of a run.
  const script =
    "umount /run && mkdir -m 2775 /run/server && chown 1:2 /run/server && echo state > /run/server/file && ln -s " +
    "server /run/link";
  const made = await stratosRun(["--keep", name, "sh", "-c", script]);
  assert.equal(made.status, 0, made.stderr);
  try {
    const shown = await stratos(
      [
        "run",
        "-i",
        name,
        "sh",
        "-c",
        "stat -c '%A %u %g' /run/server; cat /run/link/file; findmnt -no FSTYPE /run; rm -r /run/server; " +
          "ls -d /run/link /run/s*r",
      ],
      { env: home },
    );
    assert.equal(shown.stdout, "drwxrwsr-x 1 2\nstate\ntmpfs\n/run/link\n");
  } finally {
    await stratos(["image", "rm", name], { env: home });
  }
});

test("an image that is not there is named", async () => {
  const result = await stratos(["run", "-i", "nosuchimage", "true"]);
  assert.deepEqual(
    [result.status, result.stderr],
    [125, "stratos: nosuchimage: no such image; `stratos image ls` lists them, `stratos image build` makes one\n"],
  );
});

test("standard streams are binary-safe pipes", async () => {
  const bytes = randomBytes(5_000_000);
  const sum = await stratosRun(["sha256sum"], { stdin: bytes });
  assert.equal(sum.stdout, `${createHash("sha256").update(bytes).digest("hex")}  -\n`);
  const copy = await stratosRun(["sh", "-c", "cat; echo err >&2"], { stdin: bytes });
  assert.ok(Buffer.from(copy.stdout, "latin1").equals(bytes));
  assert.equal(copy.stderr, "err\n");
});

test("files as standard streams, and a reader that goes away", async () => {
  writeFileSync(join(folder, "in"), "one\ntwo\n");
  const command = [...cloneLauncher, "run", "-i", TEST_IMAGE, "--"].map((word) => `'${word}'`).join(" ");
  const { run } = await import("./support/stratos.ts");
  const env = { STRATOS_HOME: TEST_HOME };
  await run(["sh", "-c", `${command} sort -r < ${folder}/in > ${folder}/out`], { env });
  assert.equal(readFileSync(join(folder, "out"), "utf8"), "two\none\n");
  const broken = await run(["bash", "-c", `${command} yes | head -2; echo "\${PIPESTATUS[0]}"`], { env });
  assert.equal(broken.stdout, "y\ny\n141\n");
});

extendedTest("a machine with several harts shows them, and keeps threads where they are bound", async () => {
  const script =
    "nproc; taskset -c 1,2 nproc; taskset -c 1,2 grep Cpus_allowed_list /proc/self/status; cat " +
    "/sys/devices/system/cpu/online; taskset -c 5 true 2>&1";
  const result = await stratosRun(["--harts", "4", "bash", "-c", script]);
  assert.equal(
    result.stdout.replace(/pid \d+/, "pid N"),
    "4\n2\nCpus_allowed_list:\t1-2\n0-3\ntaskset: failed to set pid N's affinity: Invalid argument\n",
  );
});

extendedTest("a process that waits to be reaped is a zombie to ps", async () => {
  const result = await stratosRun([
    "bash",
    "-c",
    "(sleep 0.1 & exec sleep 100) & for n in {1..300}; do ps -e -o stat,comm | grep ^Z && break; sleep 0.1; " +
      "done; kill %1",
  ]);
  assert.equal(result.stdout, "Z    sleep\n");
});

extendedTest("a program that core_pattern names reads the cores of others, and is waited for if asked", async () => {
  const reader = '#!/bin/sh\necho "$@" "$(id -u)" "$(pwd)" > /told; cat > /core';
  const script = `cat > /reader; chmod +x /reader
    echo "|/reader %s %e a%%b" > /proc/sys/kernel/core_pattern
    echo 1 > /proc/sys/kernel/core_pipe_limit
    su nobody -s /bin/bash -c "ulimit -c 0; sh -c 'kill -SEGV \\$\\$'; echo \\$?" 2> /words
    cat /told; grep -c "core dumped" /words; head -c 18 /core | od -An -tx1
    echo "|/nothing" > /proc/sys/kernel/core_pattern
    sh -c 'kill -ABRT $$'; echo $?; dmesg | grep -c "cannot be started"
    echo "|reader" > /proc/sys/kernel/core_pattern`;
  const run = await stratosRun(["bash", "-c", script], { stdin: reader });
  assert.equal(run.stdout, "139\n11 sh a%b 0 /\n1\n 7f 45 4c 46 02 01 01 00 00 00 00 00 00 00 00 00\n 04 00\n134\n1\n");
  assert.match(run.stderr, /echo: write error: Invalid argument/);
});

test("signals reach the program", async () => {
  const child = start(
    [
      ...launcher,
      "run",
      "-i",
      TEST_IMAGE,
      "--",
      "bash",
      "-c",
      "trap 'echo got; exit 5' TERM; echo ready; while :; do sleep 0.1; done",
    ],
    { env: { STRATOS_HOME: TEST_HOME } },
  );
  let output = "";
  child.stdout!.on("data", (bytes: Buffer) => {
    if (output === "") child.kill("SIGTERM");
    output += bytes.toString();
  });
  const status = await new Promise((resolve) => child.on("close", (code) => resolve(code)));
  assert.deepEqual([output, status], ["ready\ngot\n", 5]);
});

test("environment, folder and user", async () => {
  const result = await stratosRun([
    "-e",
    "A=b c",
    "-e",
    "EMPTY=",
    "-w",
    "/usr/lib",
    "-u",
    "nobody",
    "--",
    "sh",
    "-c",
    'echo "$A|$EMPTY|$PWD|$HOME|$(id -un)|${STRATOS_HOME-unset}"; touch /x',
  ]);
  assert.equal(result.stdout, "b c||/usr/lib|/nonexistent|nobody|unset\n");
  assert.equal(result.stderr, "touch: cannot touch '/x': Permission denied\n");
  assert.equal((await stratosRun(["-u", "12:34", "id", "-u"])).stdout, "12\n");
  assert.match(
    (await stratosRun(["-u", "nosuchuser", "true"])).stderr,
    /^stratos: nosuchuser: no such user in the image\n$/,
  );
});

test("arguments and names are bytes", async () => {
  const result = await stratosRun(["printf", "%s|", "é", "a b", "", "$x"]);
  assert.equal(Buffer.from(result.stdout, "latin1").toString("utf8"), "é|a b||$x|");
  const { run } = await import("./support/stratos.ts");
  const command = [...cloneLauncher, "run", "-i", TEST_IMAGE, "--", "printf", "%s"]
    .map((word) => `'${word}'`)
    .join(" ");
  assert.equal(
    (await run(["bash", "-c", `${command} $'\\xff\\xfe'`], { env: { STRATOS_HOME: TEST_HOME } })).stdout,
    "\xff\xfe",
  );
});

test("a folder of the host, to write and to read only", async () => {
  mkdirSync(join(folder, "shared"));
  writeFileSync(join(folder, "shared/f"), "host");
  writeFileSync(join(folder, "secret"), "secret");
  symlinkSync(join(folder, "secret"), join(folder, "shared/leak"));
  const result = await stratosRun([
    "-v",
    `${join(folder, "shared")}:/mnt/x`,
    "--",
    "sh",
    "-c",
    "cat /mnt/x/f; echo; echo guest > /mnt/x/g; mkdir /mnt/x/d; mv /mnt/x/g /mnt/x/d/h; chmod 600 /mnt/x/d/h; " +
      "cat /mnt/x/leak; ls /mnt/x",
  ]);
  assert.equal(result.stdout, "host\nd\nf\nleak\n");
  assert.match(result.stderr, /leak: No such file or directory/);
  assert.equal(readFileSync(join(folder, "shared/d/h"), "utf8"), "guest\n");
  assert.equal(statSync(join(folder, "shared/d/h")).mode & 0o777, 0o600);
  const readOnly = await stratosRun([
    "-v",
    `${join(folder, "shared")}:/mnt/x:ro`,
    "--",
    "sh",
    "-c",
    "cat /mnt/x/f; echo x > /mnt/x/new",
  ]);
  assert.match(readOnly.stderr, /Read-only file system/);
  assert.match(
    (await stratosRun(["-v", "/nothing:/mnt", "true"])).stderr,
    /^stratos: \/nothing: no such file or directory\n$/,
  );
});

test("changes are gone after the run, unless they are kept as an image", async () => {
  const kept = `kept-${process.pid}`;
  await stratosRun(["sh", "-c", "echo x > /etc/marker"]);
  assert.equal((await stratosRun(["cat", "/etc/marker"])).status, 1);
  assert.equal((await stratosRun(["--keep", kept, "sh", "-c", "echo kept > /etc/marker; rm /etc/issue"])).status, 0);
  assert.equal(
    (await stratos(["run", "-i", kept, "--keep", kept, "sh", "-c", "cat /etc/marker; echo again >> /etc/marker"]))
      .stdout,
    "kept\n",
  );
  assert.equal(
    (await stratos(["run", "-i", kept, "sh", "-c", "cat /etc/marker; ls /etc/issue"])).stdout,
    "kept\nagain\n",
  );
  const other = await stratosRun(["--keep", kept, "sh", "-c", "echo another's > /etc/marker"]);
  assert.equal(other.status, 125);
  assert.match(other.stderr, /is an image already; `image rm kept-\d+` removes it/);
  assert.equal((await stratos(["run", "-i", kept, "cat", "/etc/marker"])).stdout, "kept\nagain\n");
  assert.equal((await stratos(["image", "rm", kept])).status, 0);
});

test("several runs of one image at once do not see each other", async () => {
  const results = await Promise.all(
    [1, 2, 3].map((number) => stratosRun(["sh", "-c", `echo ${number} > /tmp/n; sleep 0.5; cat /tmp/n; ls /tmp`])),
  );
  assert.deepEqual(
    results.map((result) => result.stdout),
    ["1\nn\n", "2\nn\n", "3\nn\n"],
  );
});

test("--timeout ends an endless program with status 124", async () => {
  for (const program of [
    ["sh", "-c", "while :; do :; done"],
    ["sleep", "1000"],
  ])
    assert.equal((await stratosRun(["--timeout", "1", ...program])).status, 124);
});

test("--stats says what the run cost, as JSON", async () => {
  const { stderr } = await stratosRun(["--stats", "true"]);
  const stats = JSON.parse(stderr) as Record<string, number>;
  for (const name of ["wallMs", "instructions", "systemCalls", "faults"]) assert.ok(stats[name]! > 0, name);
  for (const name of ["translatedBlocks", "translateMs", "interpretedInstructions"]) assert.ok(stats[name]! >= 0, name);
});

test("--seed makes two runs equal, chance and time included", async () => {
  const run = (seed: string): Promise<{ stdout: string }> =>
    stratosRun(["--seed", seed, "sh", "-c", "head -c 16 /dev/urandom | od -An -tx1; date +%s%N; echo $RANDOM"]);
  const [first, second, other] = await Promise.all([run("7"), run("7"), run("8")]);
  assert.equal(first.stdout, second.stdout);
  assert.notEqual(first.stdout, other.stdout);
});

test("trace shows calls as strace does", async () => {
  const { stderr } = await stratos(["trace", "-i", TEST_IMAGE, "--", "cat", "/etc/hostname"]);
  assert.match(stderr, /openat\(AT_FDCWD, "\/etc\/hostname", O_RDONLY.*\) = 3\n/);
  assert.match(stderr, /\+\+\+ exited with 0 \+\+\+\n$/);
});
