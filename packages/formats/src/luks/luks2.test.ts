/**
 * LUKS2. Judge: cryptsetup finds the header sound, opens it by its passphrase and by no other, and has the content
 * again; the same secret makes the same bytes.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createDecipheriv } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { extendedTest } from "@stratos/base/testing";
import { nodeDiskCipher } from "@stratos/tools-node/outputs";
import { MemoryDisk } from "../disk/disk.ts";
import { DiskFile, run, withFolder } from "../testing/disk-file.ts";
import { sampleBytes } from "../testing/sample-tree.ts";
import { LUKS_DATA_OFFSET, sealLuks, type LuksOptions } from "./luks2.ts";

const cipher = nodeDiskCipher(),
  MIB = 1 << 20;
const OPTIONS: LuksOptions = {
  uuid: "11111111-2222-4333-8444-555555555555",
  label: "root",
  secret: Buffer.from("correct horse"),
  derivation: "argon2id",
  seed: "box root",
};

for (const derivation of ["argon2id", "pbkdf2"] as const) {
  (derivation === "argon2id" ? test : extendedTest)(
    `${derivation}: cryptsetup opens it, and the content is the same`,
    () =>
      withFolder((folder) => {
        const path = join(folder, "disk"),
          key = join(folder, "key"),
          content = sampleBytes(3 * MIB + 4096, 3);
        const make = (): Buffer => {
          const disk = new DiskFile(path, LUKS_DATA_OFFSET + content.length);
          disk.write(LUKS_DATA_OFFSET, content);
          sealLuks(disk, { ...OPTIONS, derivation }, cipher);
          disk.close();
          return readFileSync(path);
        };
        const bytes = make();
        assert.ok(bytes.equals(make()), "the same bytes twice");
        const dump = run("cryptsetup", ["luksDump", path]);
        assert.equal(dump.status, 0, dump.output);
        assert.match(
          dump.output,
          new RegExp(
            `UUID:\\s+${OPTIONS.uuid}[\\s\\S]*Label:\\s+root[\\s\\S]*sector: 4096[\\s\\S]*PBKDF:\\s+${derivation}`,
          ),
        );
        const opens = (secret: string): number | null => {
          writeFileSync(key, secret);
          return run("cryptsetup", ["open", "--test-passphrase", "--key-file", key, path]).status;
        };
        assert.equal(opens("wrong horse"), 2);
        assert.equal(opens("correct horse"), 0);
        // What cryptsetup takes for the volume key gives back the content.
        const volumeKey = join(folder, "volume-key");
        assert.equal(
          run("cryptsetup", [
            "luksDump",
            "--dump-volume-key",
            "--batch-mode",
            "--key-file",
            key,
            "--volume-key-file",
            volumeKey,
            path,
          ]).status,
          0,
        );
        const plain = Buffer.alloc(content.length),
          keyBytes = readFileSync(volumeKey);
        for (let at = 0; at < content.length; at += 4096) {
          const tweak = Buffer.alloc(16);
          tweak.writeUInt32LE(at / 512);
          createDecipheriv("aes-256-xts", keyBytes, tweak)
            .update(bytes.subarray(LUKS_DATA_OFFSET + at, LUKS_DATA_OFFSET + at + 4096))
            .copy(plain, at);
        }
        assert.ok(plain.equals(content));
      }),
  );
}

test("by chance each time is another, and what cannot be is refused", () => {
  const seal = (size: number, more: Partial<LuksOptions>): MemoryDisk => {
    const disk = new MemoryDisk(size);
    sealLuks(disk, { ...OPTIONS, derivation: "argon2id", ...more }, cipher);
    return disk;
  };
  let calls = 0;
  const one = seal(LUKS_DATA_OFFSET + 4096, { random: (length) => sampleBytes(length, ++calls) });
  const bytes = new Uint8Array(4096),
    other = new Uint8Array(4096);
  one.read(LUKS_DATA_OFFSET, bytes);
  seal(LUKS_DATA_OFFSET + 4096, {}).read(LUKS_DATA_OFFSET, other);
  assert.notDeepEqual(bytes, other);
  assert.throws(() => seal(LUKS_DATA_OFFSET + 4096, { secret: new Uint8Array(0) }), /empty passphrase/);
  assert.throws(() => seal(LUKS_DATA_OFFSET + 100, {}), /number of sectors/);
});
