/** `stratos install`: unattended and dry. Judges: sgdisk, qemu-img. */
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { runCommand } from "../testing/run-command.ts";
import { testFolder } from "../testing/test-folder.ts";

const folder = testFolder("stratos-install");
const at = (name: string): string => join(folder, name);
const sha = (path: string): string => createHash("sha256").update(readFileSync(path)).digest("hex");
before(() => {
  for (const [path, content] of [
    ["boot/vmlinuz-6.1", "kernel"],
    ["usr/bin/busybox", "shell"],
    ["usr/lib/systemd/boot/efi/systemd-bootx64.efi", "loader"],
    ["etc/passwd", "root:x:0:0:root:/root:/bin/sh\n"],
  ] as const) {
    mkdirSync(join(at("root"), path, ".."), { recursive: true });
    writeFileSync(join(at("root"), path), content);
  }
  mkdirSync(join(at("root"), "usr/lib/modules/6.1"), { recursive: true });
  writeFileSync(
    at("install.toml"),
    `architecture = "amd64"\n[disk]\ntarget = "${at("disk.raw")}"\nsize = "290M"\n[system]\nsource = ` +
      `"${at("root")}"\nhostname = "box"\n`,
  );
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("a dry run shows the plan and makes nothing; then it is done, and twice the same with a seed", async () => {
  const dry = await runCommand("install", "--config", at("install.toml"), "--dry-run");
  assert.equal(dry.status, 0, dry.stderr);
  assert.match(
    dry.stdout,
    // wide: one pattern
    /disk\.raw: 290 MiB, amd64, kernel 6\.1, systemd-boot\nPARTITION +FORMAT[\s\S]*\nesp +vfat +\/boot\/efi +1 MiB +256 MiB[\s\S]*\nroot +ext4 +\/ +257 MiB +32 MiB/,
  );
  assert.ok(!existsSync(at("disk.raw")));
  for (const name of ["disk.raw", "again.raw", "disk.qcow2"]) {
    const done = await runCommand(
      "install",
      "--config",
      at("install.toml"),
      "--target",
      at(name),
      "--seed",
      "one",
      "--time",
      "1700000000",
    );
    assert.equal(done.status, 0, done.stderr);
    assert.match(
      done.stderr,
      // wide: one pattern
      /^stratos: warning: nobody can log in: [^\n]*\nwriting partition table\nwriting vfat on partition esp, \/boot\/efi\nwriting ext4 on partition root, \/\n$/,
    );
  }
  assert.equal(sha(at("disk.raw")), sha(at("again.raw")));
  execFileSync("qemu-img", ["compare", "-q", "-f", "raw", "-F", "qcow2", at("disk.raw"), at("disk.qcow2")]);
  assert.match((await runCommand("image", "disk", "cat", `${at("disk.qcow2")}:/etc/hostname`)).stdout, /^box\n$/);
});

extendedTest(
  "an image is for a disk of large blocks where the configuration says so, and resizing keeps them",
  async () => {
    writeFileSync(
      at("large.toml"),
      readFileSync(at("install.toml"), "utf8")
        .replace("[disk]", "[disk]\nsector_size = 4096")
        .replace("disk.raw", "large.raw"),
    );
    const done = await runCommand("install", "--config", at("large.toml"));
    assert.equal(done.status, 0, done.stderr);
    const signature = (offset: number): string =>
      readFileSync(at("large.raw"))
        .subarray(offset, offset + 8)
        .toString("latin1");
    assert.deepEqual([signature(4096), signature(290 * (1 << 20) - 4096)], ["EFI PART", "EFI PART"]);
    assert.equal((await runCommand("image", "disk", "resize", at("large.raw"), "300M")).status, 0);
    assert.equal(signature(300 * (1 << 20) - 4096), "EFI PART");
    assert.equal((await runCommand("image", "disk", "cat", `${at("large.raw")}:/etc/hostname`)).stdout, "box\n");
  },
);

test("a disk that holds something is left alone, but for --force; mistakes are told", async () => {
  const digest = sha(at("disk.raw"));
  const refused = await runCommand("install", "--config", at("install.toml"));
  assert.equal(refused.status, 1);
  assert.match(refused.stderr, /disk\.raw: holds something, which would be lost; --force/);
  assert.equal(sha(at("disk.raw")), digest);
  assert.equal((await runCommand("install", "--config", at("install.toml"), "--force")).status, 0);
  assert.notEqual(sha(at("disk.raw")), digest);
  writeFileSync(at("bad.toml"), "[sytem]\n");
  assert.match(
    (await runCommand("install", "--config", at("bad.toml"))).stderr,
    /bad\.toml:1:1: sytem: unknown key; did you mean system\?\n$/,
  );
  writeFileSync(
    at("bad.toml"),
    '[disk]\nsize = 5\n[[partition]]\nname = "root"\nformat = "ext4"\n[sytem]\n[system]\nlocale = "de DE"\n',
  );
  assert.deepEqual(
    (await runCommand("install", "--config", at("bad.toml"))).stderr
      .split("\n")
      .map((line) => line.replace(at("bad.toml"), "FILE")),
    [
      "stratos: FILE:2:1: disk.size: must be string",
      "stratos: FILE:3:1: partition[0]: size is missing (512M, 20G, or rest, which takes what is left)",
      "stratos: FILE:6:1: sytem: unknown key; did you mean system?",
      "stratos: FILE:8:1: system.locale: is not what is expected here: a locale such as en_GB.UTF-8",
      "",
    ],
  );
  assert.equal((await runCommand("install", "--target", at("x"))).status, 2);
  assert.match(
    (await runCommand("install", "--source", at("root"), "--target", at("small"), "--size", "50M", "--arch", "amd64"))
      .stderr,
    /the partitions need \d+ bytes, and the disk has 52428800\n$/,
  );
  assert.ok(!existsSync(at("small")));
  // What needs no file of the source is told before one is read: this source is not there.
  for (const [args, why] of [
    [["--target", at("small"), "--size", "50M"], /small: the partitions need \d+ bytes/],
    [["--target", at("disk.raw")], /disk\.raw: holds something/],
    [["--target", at("none/disk.raw"), "--size", "1G"], /none\/disk\.raw: \S*none is not there\n$/],
  ] as const) {
    const { status, stderr } = await runCommand("install", "--source", at("nothing"), ...args);
    assert.equal(status, 1);
    assert.match(stderr, why);
  }
  assert.match((await runCommand("install", "--schema")).stdout, /"title": "stratos install"/);
});
