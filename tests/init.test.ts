/**
 * Goal: an init system is process 1 of what it sees, with /proc and control groups of its own, and its end is the
 * run's. Method: a script in the place of /sbin/init; systemd itself boots by hand (docs/recipes.md).
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Result, stratos, stratosRun } from "./support/stratos.ts";
import { TEST_IMAGE } from "./support/test-image.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-init-"));
after(() => rmSync(folder, { recursive: true }));

async function runInit(script: string): Promise<Result> {
  const path = join(folder, "init");
  writeFileSync(path, `#!/bin/bash\n${script}`, { mode: 0o755 });
  return await stratosRun(["-v", `${path}:/usr/sbin/init:ro`, "--", "/sbin/init", "more"]);
}

test("/sbin/init is process 1, sees its own processes, and has the tree of control groups", async () => {
  const { stdout, stderr, status } = await runInit(`
    echo "$$ $PPID $1 $container"
    sleep 1000 &
    ls -d /proc/[0-9]* | wc -l
    cat /proc/1/comm
    cat /proc/1/cgroup
    mkdir /sys/fs/cgroup/init.scope && echo 1 > /sys/fs/cgroup/init.scope/cgroup.procs && cat /proc/self/cgroup
    (exit 3) & wait $!
    exit 5`);
  assert.equal(stderr, "");
  assert.equal(stdout, "1 0 more stratos\n4\ninit\n0::/\n0::/init.scope\n");
  assert.equal(status, 5);
});

test("what is mounted in a mount namespace beside its own is there, too, as systemd's credentials", async () => {
  const { stdout, stderr, status } = await runInit(`
    mkdir /run/store
    unshare --mount --propagation unchanged sh -ec '
      mount --make-rslave /dev
      mount -t tmpfs tmpfs /dev/shm
      echo word > /dev/shm/name
      mount --move /dev/shm /run/store'
    cat /run/store/name
    unshare --mount --propagation private sh -c 'mount -t tmpfs tmpfs /mnt'
    grep -c ' /dev/shm \\| /mnt ' /proc/self/mountinfo`);
  assert.equal(stderr, "");
  assert.equal(stdout, "word\n1\n");
  assert.equal(status, 0);
});

test("what ends it by reboot(2), as systemctl poweroff and reboot do, is no failure", async () => {
  const commands = { restart: 0x01234567, powerOff: 0x4321fedc, halt: 0xcdef0123 };
  for (const [name, command] of Object.entries(commands)) {
    const { status, stderr } = await runInit(`
      perl -e 'syscall(142, 0xfee1dead, 672274793, ${command})'
      sleep 1000`);
    assert.deepEqual([status, stderr], [0, ""], name);
  }
});

test("nor is it one to who waits for a named system", async () => {
  const path = join(folder, "init");
  const restart = "until [ -e /run/now ]; do sleep 1; done; perl -e 'syscall(142, 0xfee1dead, 672274793, 0x01234567)'";
  writeFileSync(path, `#!/bin/bash\n${restart}; sleep 1000`, { mode: 0o755 });
  const name = `reboot-${process.pid}`;
  const volume = ["-v", `${path}:/usr/sbin/init:ro`];
  try {
    const begun = await stratos(["run", "-d", "--name", name, "-i", TEST_IMAGE, ...volume, "--", "/sbin/init"]);
    assert.equal(begun.status, 0, begun.stderr);
    const waiting = stratos(["wait", name]);
    await stratos(["exec", name, "--", "touch", "/run/now"]);
    assert.equal((await waiting).stdout, "0\n");
  } finally {
    await stratos(["rm", "-f", name]);
  }
});

test("started later it is a program like others: what those see of processes stays", async () => {
  writeFileSync(join(folder, "init"), "#!/bin/bash\necho $((1 < $$)) $container; cat /proc/1/comm", { mode: 0o755 });
  const name = `init-${process.pid}`;
  const volume = ["-v", `${join(folder, "init")}:/usr/sbin/init:ro`];
  try {
    const begun = await stratos(["run", "-d", "--name", name, "-i", TEST_IMAGE, ...volume, "--", "sleep", "1000"]);
    assert.equal(begun.status, 0, begun.stderr);
    const { stdout } = await stratos(["exec", name, "--", "/sbin/init"]);
    assert.equal(stdout, "1\ninit\n");
  } finally {
    await stratos(["rm", "-f", name]);
  }
});

test("one that is only asked for its version answers without being process 1", async () => {
  writeFileSync(join(folder, "init"), "#!/bin/bash\necho $1 $((1 < $$)) $container", { mode: 0o755 });
  const volume = ["-v", `${join(folder, "init")}:/usr/sbin/init:ro`];
  const { stdout } = await stratosRun([...volume, "--", "/sbin/init", "--version"]);
  assert.equal(stdout, "--version 1\n");
});

test("orphans are its children, and end with it", async () => {
  const { stdout, status } = await runInit(`
    (setsid sleep 1000 & echo "$!" > /tmp/orphan)
    grep PPid "/proc/$(cat /tmp/orphan)/status"`);
  assert.equal(stdout, "PPid:\t1\n");
  assert.equal(status, 0);
});
