/**
 * Goal: sync(1), syncfs(2) and umount(8) mean on a mount what they mean on any other file system, for volumes in files
 * and on block devices; what cannot be written is mounted read-only, and one volume has one server, whatever names lead
 * to it. Method: real mounts whose servers are killed at once.
 */
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { extendedTest, sampleOf } from "@stratos/base/testing";
import { MountedVolume } from "./support/mounted-volume.ts";
import { until } from "./support/until.ts";
import { launcher, run } from "./support/stratos.ts";

let volume: MountedVolume;
let other: string;
/** Loop devices that tests have made, and shells in other mount namespaces. */
const loops: string[] = [];
const shells: ChildProcess[] = [];
before(async () => {
  volume = await MountedVolume.create("128M");
  other = join(volume.folder, "other");
  mkdirSync(other);
});
after(async () => {
  for (const shell of shells) shell.kill();
  await run(["umount", "-l", other]);
  await volume.remove();
  for (const loop of loops) await run(["losetup", "-d", loop]);
});

async function loopDevice(...options: string[]): Promise<string> {
  const made = await run(["losetup", "--find", "--show", ...options, volume.volume]);
  assert.equal(made.status, 0, made.stderr);
  loops.push(made.stdout.trim());
  return made.stdout.trim();
}

const loopsOf = async (file: string): Promise<string> =>
  (await run(["losetup", "--noheadings", "-O", "NAME", "-j", file])).stdout.trim();
/** Linux takes a loop device back when its last opener has closed it, and some hosts look into new devices. */
const noLoopStays = (): Promise<number> =>
  until("no loop device stays", async () => (await loopsOf(volume.volume)) === "");
const mountAt = (source: string, place: string, ...options: string[]): ReturnType<MountedVolume["try"]> =>
  volume.try([...launcher, "fs", "mount", ...options, source, place]);

const PROMISES: readonly [name: string, script: string][] = [
  ["sync(1)", "echo precious > a; sync"],
  ["sync -f", "echo precious > a; sync -f a"],
  ["sync of one file", "echo precious > a; sync a"],
  ["a file replaced by rename", "echo old > a; sync; echo precious > b; mv b a; sync"],
];
// Linux hands sync(2) on for block devices alone, from 6.18 on: older ones have the timed commit.
const [major = 0, minor = 0] = (await run(["uname", "-r"])).stdout.split(".").map(Number);
const handsSyncOn = major > 6 || (major === 6 && minor >= 18);

for (const [name, script] of sampleOf(PROMISES, 2)) {
  if (!handsSyncOn && !name.endsWith("file")) continue;
  test(`${name} returns when all is durable: a server killed then loses nothing`, async () => {
    await volume.mount();
    await volume.sh(script);
    await volume.kill();
    await volume.mount();
    assert.equal(await volume.sh("cat a"), "precious\n");
    await volume.unmount();
    volume.check();
  });
}

test(
  "umount(8) returns when all is durable: a server killed then loses " + "nothing, and no loop device stays",
  async () => {
    await volume.mount();
    await volume.sh("echo kept > by-umount; mkdir folder; seq 100000 > folder/numbers");
    const lock = `${volume.volume}.lock`;
    assert.notEqual(await loopsOf(volume.volume), "");
    const pid = volume.serverPid();
    assert.equal((await run(["umount", volume.mountPoint])).status, 0);
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It had nothing to do any more.
    }
    await noLoopStays();
    assert.equal((await volume.stratos(["fs", "cat", `${volume.volume}:/by-umount`])).stdout, "kept\n");
    await volume.mount();
    await volume.sh("cat folder/numbers | wc -l | grep -qx 100000");
    await volume.unmount();
    assert.ok(!existsSync(lock));
    volume.check();
  },
);

extendedTest("without a block device a mount does the same work, and fsync and unmounting are durable", async () => {
  await noLoopStays();
  await volume.mount("noblockdevice");
  assert.equal(await loopsOf(volume.volume), "");
  await volume.sh("echo one > plain; sync plain");
  await volume.kill();
  await volume.mount("noblockdevice");
  assert.equal(await volume.sh("cat plain; echo two > plain"), "one\n");
  await volume.unmount();
  await volume.mount();
  assert.equal(await volume.sh("cat plain"), "two\n");
  await volume.unmount();
});

test("a volume on a block device is mounted as one, and its server is the only one", async () => {
  const device = await loopDevice();
  const mounted = await mountAt(device, volume.mountPoint);
  assert.equal(mounted.stderr, "");
  assert.match(
    readFileSync("/proc/self/mountinfo", "utf8"),
    new RegExp(` ${volume.mountPoint} .* fuseblk.aegisfs ${device} `),
  );
  await volume.sh("echo on a device > device");
  // Commands that change it reach the server, though the kernel has the device for itself.
  for (const [index, name] of [volume.mountPoint, device].entries())
    assert.match((await volume.stratos(["fs", "snapshot", "create", name, `by-${index}`])).stdout, /^by-\d\n$/);
  assert.match((await volume.stratos(["fs", "check", volume.mountPoint])).stdout, /clean/);
  if (handsSyncOn) {
    await volume.sh("sync -f .");
    await volume.kill(`/run/lock/stratos${device.replaceAll("/", "-")}.lock`);
    assert.match((await mountAt(device, volume.mountPoint)).stderr, /mounting anew/);
    assert.equal(await volume.sh("cat device"), "on a device\n");
  }
  for (const name of [volume.volume, await loopDevice()]) {
    const refused = await mountAt(name, other);
    assert.match(refused.stderr, /in use by process \d+ \(stratos fs mount \S+ \S+\)\n$/, name);
    assert.equal(refused.status, 1);
  }
  await volume.stratos(["fs", "umount", volume.mountPoint]);
});

extendedTest("a device that is mounted read-only twice has two mounts, each with its own files", async () => {
  await volume.mount();
  await volume.sh("echo then > then; mkdir .snapshots/then; echo now > now");
  await volume.unmount();
  const device = await loopDevice();
  for (const [place, options] of [
    [volume.mountPoint, "ro"],
    [other, "snapshot=then"],
  ] as const)
    assert.equal((await mountAt(device, place, "-o", options)).stderr, "");
  assert.equal(
    await volume.sh('cat now then; cat "$1/then"; test -e "$1/now" || echo none', other),
    "now\nthen\nthen\nnone\n",
  );
  for (const place of [volume.mountPoint, other]) await volume.stratos(["fs", "umount", place]);
});

extendedTest("a mounted file is refused by every other name that it has", async () => {
  await volume.mount();
  const [hard, soft] = [join(volume.folder, "hard"), join(volume.folder, "soft")];
  linkSync(volume.volume, hard);
  symlinkSync(volume.volume, soft);
  for (const name of [volume.volume, hard, soft, await loopDevice()]) {
    const refused = await mountAt(name, other);
    assert.match(refused.stderr, /in use by process \d+ \(stratos fs mount \S+ \S+\)\n$/, name);
    const formatted = await volume.try([...launcher, "fs", "format", name, "--force"]);
    assert.notEqual(formatted.status, 0, name);
  }
  await volume.unmount();
  volume.check();
});

extendedTest(
  "who serves a volume read-only has no writer beside it, by whatever name, and comes beside none",
  async () => {
    await volume.mount("ro");
    const device = await loopDevice();
    for (const name of [volume.volume, device]) {
      const refused = await mountAt(name, other);
      assert.match(refused.stderr, /in use by process \d+ \(stratos fs mount \S+ \S+\)\n$/, name);
      const formatted = await volume.try([...launcher, "fs", "format", name, "--force"]);
      assert.match(formatted.stderr, /in use by process /, name);
    }
    assert.equal((await volume.stratos(["fs", "check", volume.volume])).stdout, `${volume.volume}: clean\n`);
    assert.equal((await mountAt(volume.volume, other, "-r")).stderr, "");
    for (const place of [other, volume.mountPoint]) await volume.stratos(["fs", "umount", place]);
    for (const [writer, reader] of [
      [volume.volume, device],
      [device, volume.volume],
      [volume.volume, volume.volume],
    ] as const) {
      assert.equal((await mountAt(writer, volume.mountPoint)).stderr, "");
      assert.match((await mountAt(reader, other, "-r")).stderr, /in use by process \d+/);
      await volume.stratos(["fs", "umount", volume.mountPoint]);
    }
  },
);

extendedTest("what is write-protected is mounted read-only, and says so; --rw refuses it", async () => {
  const device = await loopDevice("--read-only");
  const mounted = await mountAt(device, volume.mountPoint);
  assert.equal(mounted.stderr, `stratos: ${device}: write-protected, mounted read-only\n`);
  assert.equal(mounted.status, 0);
  assert.match((await volume.try(["touch", "new"], { cwd: volume.mountPoint })).stderr, /Read-only file system/);
  await volume.stratos(["fs", "umount", volume.mountPoint]);
  const refused = await mountAt(device, volume.mountPoint, "--rw");
  assert.match(refused.stderr, /is write-protected, and cannot be mounted read-write/);
  assert.equal(refused.status, 1);
  const formatted = await volume.try([...launcher, "fs", "format", device, "--force"]);
  assert.match(formatted.stderr, /write-protected/);
  assert.equal((await run(["chattr", "+i", volume.volume])).status, 0);
  try {
    const immutable = await mountAt(volume.volume, volume.mountPoint);
    assert.equal(immutable.stderr, `stratos: ${volume.volume}: write-protected, mounted read-only\n`);
    await volume.stratos(["fs", "umount", volume.mountPoint]);
    assert.match((await volume.stratos(["fs", "check", volume.volume])).stdout, /: clean\n$/);
  } finally {
    await run(["chattr", "-i", volume.volume]);
  }
});

extendedTest("a home that cannot be written keeps nobody from a volume; a log that was asked for does", async () => {
  const home = join(volume.volume, "home"),
    mount = (...options: string[]): ReturnType<MountedVolume["try"]> =>
      volume.try([...launcher, "fs", "mount", ...options, volume.volume, volume.mountPoint], {
        env: { STRATOS_HOME: home },
      });
  const mounted = await mount();
  assert.match(mounted.stderr, /^stratos: \S+fs-mount\.log: not a directory; what the mount's server has to say /);
  assert.equal(mounted.status, 0);
  chmodSync(volume.folder, 0o755);
  chmodSync(volume.volume, 0o666);
  const nobody = ["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"];
  await volume.sh("echo there > written");
  const theirs = await volume.try([...nobody, ...launcher, "fs", "umount", volume.mountPoint]);
  assert.match(theirs.stderr, /mount: is another user's mount: who has mounted it, or root, unmounts it\n$/);
  await volume.stratos(["fs", "umount", volume.mountPoint]);
  // Nor is it lost why it could not begin.
  const denied = await volume.try([...nobody, ...launcher, "fs", "mount", volume.volume, volume.mountPoint], {
    env: { STRATOS_HOME: home },
  });
  assert.match(denied.stderr, /^stratos: \S+mount: fusermount3: /m);
  assert.equal(denied.status, 1);
  const refused = await mount("--log", join(home, "log"));
  assert.match(refused.stderr, /^stratos: \S+: not a directory\n$/);
  assert.equal(refused.status, 1);
});

test("a volume whose file finds no more room on its host takes no changes, and its health says so", async () => {
  const host = join(volume.folder, "full host"),
    sparse = join(host, "volume");
  mkdirSync(host);
  assert.equal((await run(["mount", "-t", "tmpfs", "-o", "size=4M", "tmpfs", host])).status, 0);
  try {
    await volume.stratos(["fs", "format", sparse, "--size", "64M"]);
    await volume.stratos(["fs", "mount", sparse, volume.mountPoint]);
    const filled = await volume.try(["sh", "-c", "head -c 8M /dev/urandom > file; sync file"], {
      cwd: volume.mountPoint,
    });
    assert.match(filled.stderr, /Input\/output error/);
    const { status, stdout, stderr } = await volume.try([...launcher, "fs", "health", volume.mountPoint]);
    assert.match(stdout, /^\S+mount: failed, 1 copy/);
    assert.match(
      stderr,
      /mount: takes no changes any more: its device could not be written or read \(no space left on device\); /,
    );
    assert.equal(status, 1);
    await volume.stratos(["fs", "umount", volume.mountPoint]);
    assert.match((await volume.stratos(["fs", "check", sparse])).stdout, /: clean$/m);
    assert.match(volume.log(), /could not be written or read \(block \d+\): no space left on device; what was changed/);
    const copied = await volume.try([
      "sh",
      "-c",
      'head -c 8M /dev/urandom | "$@"',
      "sh",
      ...launcher,
      "fs",
      "cp",
      "-",
      `${sparse}:/f`,
    ]);
    assert.equal(copied.stderr, `stratos: ${sparse}: could not be written: no space left on device\n`);
  } finally {
    await run(["umount", "-l", host]);
  }
});

extendedTest(
  "the loop device of a mount is no copy of its file, also where its name was a volume's before",
  async (context) => {
    // Those that other tests have made are copies of the file.
    for (const loop of loops.splice(0)) await run(["losetup", "--detach", loop]);
    await volume.mount();
    const own = await loopsOf(volume.volume);
    if (own === "") context.diagnostic("this host gives mounts no loop devices");
    else writeFileSync(join(volume.home, "volumes.json"), JSON.stringify([[own], [volume.volume]]));
    interface Listed {
      readonly devices: { readonly path: string }[];
      readonly copies: string[];
    }
    const listed = JSON.parse((await volume.stratos(["fs", "device", "list", "--json"])).stdout) as Listed[];
    const it = listed.filter(({ devices }) => devices.some(({ path }) => path === volume.volume || path === own));
    assert.deepEqual(
      it.map(({ devices, copies }) => [devices.map(({ path }) => path), copies]),
      [[[volume.volume], []]],
    );
    await volume.unmount();
  },
);

/** So long a command waits for a mount that is about to end. */
const WAIT_MS = 60_000;

/** A shell in a mount namespace of its own, which ends with `end`; `run` waits for what it prints. */
function otherNamespace(): { run(script: string): Promise<void>; end(): Promise<void> } {
  const shell = spawn("unshare", ["--mount", "--propagation", "private", "sh"], {
    stdio: ["pipe", "pipe", "inherit"],
    cwd: volume.folder,
    env: { ...process.env, STRATOS_HOME: volume.home },
  });
  shells.push(shell);
  return {
    run: (script) =>
      new Promise((done) => {
        shell.stdout.once("data", () => done());
        shell.stdin.write(`${script}; echo done\n`);
      }),
    end: () =>
      new Promise((done) => {
        shell.once("exit", () => done());
        shell.stdin.end();
      }),
  };
}

extendedTest(
  "a volume that is mounted in another mount namespace is in use, by a process that is named; nobody waits for it",
  async () => {
    const shell = otherNamespace();
    await shell.run(
      `${launcher.map((word) => `'${word}'`).join(" ")} fs mount '${volume.volume}' '${volume.mountPoint}' > ` +
        `/dev/null; echo there > '${volume.mountPoint}/there'`,
    );
    const started = Date.now();
    const refused = await mountAt(volume.volume, other);
    assert.match(
      refused.stderr,
      // wide: one pattern
      /in use by process \d+ \(stratos fs mount \S+ \S+\), which serves its mount on \S+mount in another mount namespace, that of process \d+ .*nsenter -m -t \d+ umount/,
    );
    await volume.stratos(["fs", "df", volume.volume]);
    await volume.stratos(["fs", "snapshot", "create", volume.volume, "from-outside"]);
    assert.notEqual((await volume.try([...launcher, "fs", "format", "--force", volume.volume])).status, 0);
    assert.ok(Date.now() - started < 3 * WAIT_MS, "each of the four would have waited");
    await shell.run(`umount '${volume.mountPoint}'`);
    await shell.end();
    await volume.mount();
    assert.equal(await volume.sh("cat there; rmdir .snapshots/from-outside && echo removed"), "there\nremoved\n");
    await volume.unmount();
  },
);

extendedTest(
  "a namespace that has copied a mount keeps it, which is told; its server still commits and takes commands",
  async () => {
    await volume.mount("commit=1");
    const shell = otherNamespace();
    await shell.run("true");
    const unmounted = await volume.try([...launcher, "fs", "umount", volume.mountPoint]);
    assert.equal(unmounted.status, 0);
    assert.match(
      unmounted.stderr,
      /unmounted here, but process \d+ .* has it mounted on \S+mount in another mount namespace: \S+ stays in use/,
    );
    await shell.run(`echo late > '${volume.mountPoint}/late'`);
    await volume.stratos(["fs", "snapshot", "create", volume.volume, "late"]);
    const refused = await mountAt(volume.volume, other);
    assert.match(refused.stderr, /in another mount namespace/);
    await shell.end();
    await volume.mount();
    assert.equal(await volume.sh("cat .snapshots/late/late; rmdir .snapshots/late"), "late\n");
    await volume.unmount();
    volume.check();
  },
);

test("what a killed server leaves beside its volume goes with its mount", async () => {
  await volume.mount();
  await volume.kill();
  assert.ok(existsSync(`${volume.volume}.lock`) && existsSync(`${volume.volume}.control`));
  await volume.stratos(["fs", "umount", volume.mountPoint]);
  assert.ok(!existsSync(`${volume.volume}.lock`) && !existsSync(`${volume.volume}.control`));
});
