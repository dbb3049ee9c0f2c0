/**
 * A volume formatted by each released version of the format opens in this one. The images in ../../golden were written
 * once and never change; each has the list of what it holds beside it. A new version of the format adds an image:
 * `node golden-image.test.ts --write NAME`.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { gunzipSync, gzipSync } from "node:zlib";
import { SeededRandom } from "@stratos/base";
import { MemoryBlockDevice } from "@stratos/host";
import {
  addDevice,
  AuditLog,
  check,
  CLASS_SLOW,
  COMPRESS_LZ4,
  measureDropped,
  mount,
  QUOTA_PROJECT,
  QUOTA_USER,
  SUBVOLUME_READ_ONLY,
  Transaction,
  verifyAudit,
  withCompression,
} from "../aegisfs.ts";
import type { FormatOptions, SubvolumeInfo, Volume } from "../aegisfs.ts";
import { dumpSubvolume } from "./dump.ts";
import { freshVolume, mountedVolume } from "./fresh-volume.ts";
import { CRC_SUMS } from "./model.ts";
import { Workload } from "./workload.ts";

const FOLDER = new URL("../../golden/", import.meta.url);

function deviceOf(bytes: Uint8Array): MemoryBlockDevice {
  const device = new MemoryBlockDevice(bytes.length);
  device.write(0, bytes, 0, bytes.length);
  return device;
}

function dumpAll(devices: readonly MemoryBlockDevice[]): string {
  const volume = mountedVolume(mount(devices, { readOnly: true }));
  return (
    volume
      .subvolumeIds()
      .map(
        (id) =>
          `subvolume ${volume.subvolume(id)!.name}\n` +
          `${dumpSubvolume(volume.subvolume(id)!, null, null, undefined, CRC_SUMS)}\n`,
      )
      .join("") + historyOf(volume)
  );
}

/** What is kept of a volume's past, besides its files; nothing of images that have none. */
function historyOf(volume: Volume): string {
  const lines: string[] = [];
  for (const { id, label, base } of volume.subvolumes() as SubvolumeInfo[]) {
    const { flags } = volume.subvolume(id)!;
    if (label !== "" || (flags & ~SUBVOLUME_READ_ONLY) !== 0)
      lines.push(`subvolume ${id} label ${label} base ${base} flags ${flags}`);
  }
  for (const name of volume.properties.names() as string[])
    lines.push(`property ${name} ${(volume.properties.get(name) as Uint8Array).length} bytes`);
  const audit = verifyAudit(volume);
  if (audit !== null && typeof audit !== "number")
    lines.push(`audit ${audit.records} records, ${audit.problems.length} problems`);
  if (volume.root.quotas.isOn)
    for (const report of volume.root.quotas.report()) lines.push(`quota ${Object.values(report).join(" ")}`);
  const dropped = measureDropped(volume);
  if (dropped !== 0) lines.push(`dropped ${dropped} blocks`);
  return lines.map((line) => `${line}\n`).join("");
}

/** What an image shows besides the base of the format, by the first word of its name. */
const KINDS: Readonly<Record<string, Partial<FormatOptions>>> = {
  compressed: { properties: withCompression(0, COMPRESS_LZ4, 0) },
  copies: { copies: 2 },
};

function writeGolden(name: string): void {
  const { device, volume } = freshVolume(name.startsWith("copies") ? 10 : 6, {}, KINDS[name.split("-")[0]!] ?? {});
  if (name.startsWith("pool")) {
    // Two devices, one behind the other in the file.
    const second = new MemoryBlockDevice(6 << 20);
    if (addDevice(volume, second, { class: CLASS_SLOW }) !== 1) throw new Error("no second device");
    fill(volume, name);
    writeFile(name, [device, second]);
    return;
  }
  fill(volume, name);
  writeFile(name, [device]);
}

function fill(volume: Volume, name: string): void {
  const hasHistory = name.startsWith("history");
  if (name.startsWith("quota")) {
    volume.root.setQuotas(true);
    volume.root.setQuotaLimits(QUOTA_USER, 1, { blocksSoft: 10, blocksHard: 1000, inodesSoft: 0, inodesHard: 900 });
    volume.root.setQuotaLimits(QUOTA_PROJECT, 7, { blocksSoft: 0, blocksHard: 5, inodesSoft: 3, inodesHard: 0 });
  }
  if (hasHistory) AuditLog.enable(volume);
  const workload = new Workload(new SeededRandom(1), volume.root, { sizeMax: 30_000, names: 40 });
  for (let step = 0; step < 300; step++) workload.step();
  volume.snapshot(volume.root, "snapshot", { readOnly: true });
  for (let step = 0; step < 200; step++) workload.step();
  if (hasHistory) {
    volume.properties.set("note", new Uint8Array(100).fill(7));
    const gone = volume.snapshot(volume.root, "gone", { readOnly: true });
    for (let step = 0; step < 200; step++) workload.step();
    volume.snapshot(volume.root, "labelled", { readOnly: false, label: "what it is for" });
    volume.deleteSubvolume(gone);
    const transaction = Transaction.begin(volume);
    if (typeof transaction === "number") throw new Error("no transaction");
    transaction.files.create(1, "never committed", 0o100644, 0, 0);
  }
  // One of the images was left as a crash leaves it: the end of its story is in the intent log.
  if (name.startsWith("log")) for (let file = 0; file < 6; file++) volume.root.fsync(workload.pickFile());
  else volume.sync();
}

function writeFile(name: string, devices: readonly MemoryBlockDevice[]): void {
  const parts = devices.map((device) => {
    const bytes = new Uint8Array(device.size);
    device.read(0, bytes, 0, bytes.length);
    return bytes;
  });
  writeFileSync(new URL(`${name}.img.gz`, FOLDER), gzipSync(Buffer.concat(parts), { level: 9 }));
  writeFileSync(new URL(`${name}.txt`, FOLDER), dumpAll(devices));
}

if (process.argv[2] === "--write") writeGolden(process.argv[3] ?? "version-1");
else {
  for (const file of readdirSync(FOLDER).filter((name) => name.endsWith(".img.gz"))) {
    test(`${file} opens and holds what it held`, () => {
      const bytes = gunzipSync(readFileSync(new URL(file, FOLDER)));
      const device = file.startsWith("pool")
        ? [deviceOf(bytes.subarray(0, 6 << 20)), deviceOf(bytes.subarray(6 << 20))]
        : [deviceOf(bytes)];
      assert.deepEqual(check(device, { data: true }), []);
      assert.equal(dumpAll(device), readFileSync(new URL(file.replace(".img.gz", ".txt"), FOLDER), "utf8"));
      const volume = mountedVolume(mount(device));
      assert.ok(volume.root.create(1, "written now", 0o100644, 0, 0) > 0);
      assert.equal(volume.sync(), 0);
      assert.deepEqual(check(device, { data: true }), []);
    });
  }
}
