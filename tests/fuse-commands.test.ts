/**
 * Goal: a volume is kept while it is mounted and in use: snapshots, devices, sizes, scrubs, properties, quotas and schedules change by the same commands as otherwise, what the mount's
 * users see is right at each moment, and they go on meanwhile. Method: a real mount; the commands as a user gives them, and the programs' view of the files.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { MountedVolume } from "./support/mounted-volume.ts";
import { launcher } from "./support/stratos.ts";

let volume: MountedVolume;
before(async () => {
  volume = await MountedVolume.create("128M");
  await volume.mount("allow_other");
});
after(() => volume?.remove());

const fs = async (...args: string[]): Promise<string> => (await volume.stratos(["fs", ...args])).stdout;
const refused = async (words: RegExp, ...args: string[]): Promise<void> => {
  const result = await volume.try([...launcher, "fs", ...args]);
  assert.match(result.stderr, words);
  assert.equal(result.status, 1);
};

test("a snapshot holds what was written a moment before, a rollback shows at once, a deleted one is gone", async () => {
  await volume.sh("mkdir d; echo one > d/file; ls .snapshots");
  assert.equal(await fs("snapshot", "create", volume.volume, "first"), "first\n");
  await volume.sh("echo two > d/file; cat .snapshots/first/d/file | grep -q one; rm -r d; echo new > added");
  await fs("snapshot", "rollback", volume.volume, "first", "--save", "second");
  assert.equal(await volume.sh("cat d/file; ls; cat .snapshots/second/added; ls .snapshots"), "one\nd\nnew\nfirst\nsecond\n");
  await fs("snapshot", "delete", volume.volume, "first", "second");
  assert.equal(await volume.sh("ls .snapshots; ! test -e .snapshots/first; mkdir .snapshots/first; ls .snapshots; rmdir .snapshots/first"), "first\n");
  await refused(/no such snapshot/, "snapshot", "delete", volume.volume, "first");
});

test("a volume grows, shrinks, takes a device, has it replaced and gives it back, with its files in use", async () => {
  const [second, third] = ["second", "third"].map((name) => join(volume.folder, name)) as [string, string];
  for (const path of [second, third]) {
    writeFileSync(path, "");
    truncateSync(path, 96 << 20);
  }
  const size = async (): Promise<number> => Number(await volume.sh("stat -f -c %b .")) * 4096;
  await volume.sh("head -c 20M /dev/urandom > data; md5sum data > sum; sync data");
  await fs("resize", volume.volume, "160M");
  assert.equal(await size(), 160 << 20);
  await fs("resize", volume.volume, "96M");
  assert.equal(await size(), 96 << 20);
  // Written to while all of this goes on, and read back.
  const load = volume.sh("for n in $(seq 400); do test -e stop && break; head -c 100000 data > part; cmp -n 100000 part data; echo $n >> log; done; wc -l < log");
  await fs("device", "add", volume.volume, second);
  assert.equal(await size(), 192 << 20);
  assert.match(await fs("device", "replace", volume.volume, "1", third), /^$/);
  const { devices } = JSON.parse(await fs("health", `${volume.volume},${third}`, "--json")) as { devices: { index: number }[] };
  assert.deepEqual(devices.map(({ index }) => index), [0, 2]);
  assert.ok(!existsSync(`${second}.lock`) && existsSync(`${third}.lock`));
  await fs("device", "remove", volume.volume, "2");
  assert.equal(await size(), 96 << 20);
  assert.ok(!existsSync(`${third}.lock`));
  await volume.sh("touch stop; md5sum -c sum > /dev/null");
  assert.ok(Number(await load) > 0);
  await volume.sh("rm stop part log");
});

test("a scrub runs beside the mount's users, at the rate that it is given, and stops and goes on", async () => {
  const scrub = spawn(launcher[0]!, [...launcher.slice(1), "fs", "scrub", volume.volume, "--rate", "2M", "--json"], { env: { ...process.env, STRATOS_HOME: volume.home }, stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  scrub.stdout.on("data", (chunk: Buffer) => void (said += chunk.toString()));
  const ended = new Promise<number | null>((done) => void scrub.on("exit", done));
  // It has begun when the mount says that a command's turns come: each asks for the free space.
  const asked = async (): Promise<number> => (JSON.parse(await volume.sh("cat .aegisfs")) as { requests: { STATFS?: number } }).requests.STATFS ?? 0;
  for (const first = await asked(); (await asked()) < first + 5; ) await volume.sh("md5sum -c sum > /dev/null; echo x > beside; sync beside");
  scrub.kill("SIGINT");
  assert.equal(await ended, 0);
  const { paused, verifiedBytes } = JSON.parse(said) as { paused: boolean; verifiedBytes: number };
  assert.equal(paused, true);
  const whole = JSON.parse(await fs("scrub", volume.volume, "--json")) as { paused: boolean; verifiedBytes: number; damage: unknown[] };
  assert.equal(whole.paused, false);
  assert.ok(whole.verifiedBytes > verifiedBytes && whole.verifiedBytes > 20e6, `${verifiedBytes}, then ${whole.verifiedBytes}`);
  assert.deepEqual(whole.damage, []);
});

test("properties, quotas and schedules hold from then on", async () => {
  await fs("property", `${volume.volume}:/d`, "--compress", "zstd");
  await volume.sh("lsattr -d d | grep -q c; head -c 8M /dev/zero | tr '\\0' x > d/packed; cp d/packed plain");
  assert.match(await fs("defrag", "-r", `${volume.volume}:/`), /\/d\/packed/);
  assert.match(await fs("dedupe", volume.volume), /were duplicates/);
  await fs("quota", "on", volume.volume);
  await fs("quota", "set", volume.volume, "--user", "4321", "--size", "1M");
  assert.match(await volume.sh("mkdir -m 777 for-all; setpriv --reuid 4321 --regid 4321 --clear-groups dd if=/dev/zero of=for-all/big bs=64k count=64 conv=fsync status=none 2>&1 || true"), /Disk quota exceeded/);
  await fs("schedule", "set", volume.volume, "--hourly", "2");
  assert.match(await volume.sh("for n in $(seq 600); do ls .snapshots | grep '^auto-' && break; sleep 0.1; done"), /^auto-/);
  await fs("schedule", "clear", volume.volume);
});

test("what would lock the mount against itself, and what is for files, is refused in words", async () => {
  writeFileSync(join(volume.mountPoint, "inside"), "");
  symlinkSync(volume.mountPoint, join(volume.folder, "way-in"));
  await refused(/lies in the mount of the volume itself/, "device", "add", volume.volume, join(volume.folder, "way-in/inside"), "--force");
  await refused(/in use by process \d+/, "rm", `${volume.volume}:/inside`);
  await refused(/in use by process \d+/, "check", volume.volume);
});

test("the volume is whole after all of that, and its control socket is gone", async () => {
  await volume.unmount();
  assert.ok(!existsSync(`${volume.volume}.control`));
  volume.check();
});
