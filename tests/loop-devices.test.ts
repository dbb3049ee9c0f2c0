/**
 * Goal: programs of a distribution find loop devices as they are on Linux, and a volume that the host made is mounted
 * inside. Method: `stratos fs` and `stratos run` with a shared folder; losetup, lsblk, mount, dmesg and umount of the
 * guest.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { stratos, stratosRun } from "./support/stratos.ts";
import { ensureTestImage } from "./support/test-image.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-loop-"));

before(ensureTestImage, { timeout: 30 * 60_000 });
after(() => rmSync(folder, { recursive: true, force: true }));

test("a volume in a shared file is mounted through a loop device, written, and whole on the host", async () => {
  const volume = join(folder, "disk.img");
  assert.equal((await stratos(["fs", "format", volume, "--size", "16M"])).status, 0);
  const inside = await stratosRun([
    "-v",
    `${folder}:/host`,
    "--",
    "bash",
    "-c",
    `
    set -e
    mkdir -p /mnt/volume
    mount -o loop -t aegisfs /host/disk.img /mnt/volume
    cp -r /usr/share/doc/bash /mnt/volume/
    echo written > /mnt/volume/note
    losetup -a
    lsblk -n -o NAME,SIZE,TYPE,MOUNTPOINT
    umount /mnt/volume
    losetup -a
    mount -o loop,ro /host/disk.img /mnt/volume
    cat /mnt/volume/note
    umount /mnt/volume
    mount -t aegisfs /etc/passwd /mnt 2>&1 || true
    mount -t aegisfs -o loop,nonsense /host/disk.img /mnt 2>&1 | head -n 1`,
  ]);
  assert.equal(inside.status, 0, inside.stderr);
  const lines = inside.stdout.trim().split("\n");
  assert.match(lines[0]!, /^\/dev\/loop0: \[\d+\]:\d+ \(\/host\/disk\.img\)$/);
  assert.match(lines[1]!, /^loop0 +16M loop \/mnt\/volume$/);
  assert.equal(lines[2], "written", "the device went with the mount");
  assert.match(lines[3]!, /block device/);
  assert.equal(lines.at(-1)!, "mount: /mnt: fsconfig() failed: aegisfs: Unknown parameter 'nonsense'.");
  const checked = await stratos(["fs", "check", volume]);
  assert.equal(checked.status, 0, checked.stdout);
});
