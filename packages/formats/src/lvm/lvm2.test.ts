/**
 * LVM2. Judges: pvck, which needs no device; as root vgck, pvs and lvs, on a loop device where there is one. The same
 * input gives the same bytes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { MemoryDisk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { LVM_EXTENT, placeVolumes, writeVolumeGroup, type VolumeGroupOptions } from "./lvm2.ts";

const MIB = 1 << 20;
const OPTIONS: VolumeGroupOptions = {
  name: "stratosvg",
  time: 1_700_000_000,
  id: (what) => createHash("sha256").update(what).digest().subarray(0, 16),
};
const VOLUMES = [
  { name: "root", size: 12 * LVM_EXTENT },
  { name: "home.data", size: LVM_EXTENT },
  { name: "var_1", size: 3 * LVM_EXTENT },
];

test("LVM's own tools find the volume group sound, its volumes as large and where they were put", (context) =>
  withFolder((folder) => {
    const path = join(folder, "pv");
    const make = (): Buffer => {
      const disk = new DiskFile(path, 100 * MIB);
      writeVolumeGroup(disk, VOLUMES, OPTIONS);
      disk.close();
      return readFileSync(path);
    };
    const bytes = make();
    assert.ok(bytes.equals(make()));
    assert.deepEqual(
      placeVolumes(VOLUMES).map(({ start }) => start / MIB),
      [1, 49, 53],
    );
    const device = run("losetup", ["-f", "--show", path]);
    if (device.status !== 0) return context.diagnostic(`no loop device for LVM's tools: ${device.output.trim()}`);
    const loop = device.stdout.toString().trim();
    const lvm = (...args: string[]): string => {
      const { status, output } = run("lvm", [
        ...args,
        "--config",
        `devices { filter=["a|^${loop}$|","r|.*|"] use_devicesfile=0 } global { locking_type=1 }`,
      ]);
      assert.equal(status, 0, `lvm ${args.join(" ")}: ${output}`);
      return output;
    };
    try {
      assert.match(lvm("pvck", "--dump", "headers", loop), /mda_header_1\.raw_locn\[0\]/);
      assert.doesNotMatch(lvm("pvck", "--dump", "headers", loop), /\b(CHECK|incorrect|invalid|mismatch)\b/);
      lvm("vgck", "stratosvg");
      assert.match(
        lvm("lvs", "--noheadings", "-o", "lv_name,lv_size,seg_start_pe,devices", "--units", "m", "stratosvg"),
        /home\.data +4\.00m +0 +\S+\(12\)[\s\S]*root +48\.00m +0 +\S+\(0\)[\s\S]*var_1 +12\.00m +0 +\S+\(13\)/,
      );
      assert.match(
        lvm("pvs", "--noheadings", "-o", "vg_name,pv_size,pv_free", "--units", "m", loop),
        /stratosvg +96\.00m +32\.00m/,
      );
    } finally {
      run("losetup", ["-d", loop]);
    }
  }));

test("what LVM does not take is refused", () => {
  const write = (volumes: typeof VOLUMES, name = "vg"): void =>
    writeVolumeGroup(new MemoryDisk(20 * MIB), volumes, { ...OPTIONS, name });
  assert.throws(() => write([{ name: "a", size: 1000 }]), /whole extents/);
  assert.throws(() => write([{ name: "a-b", size: LVM_EXTENT }]), /a name of LVM/);
  assert.throws(() => write(VOLUMES), /need 16 extents, and there are 4/);
});
