/**
 * Files of the store are hashed before they are used. Goal: what an earlier process has found sound, and nothing has
 * touched since, is not read again; what was touched is, and what is not as it was made is not used.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { MemoryBlob, fileEntry, fileTreeOf } from "@stratos/formats";
import { gathered, testPorts } from "@stratos/pkg/testing";
import type { ComposeStore } from "../ports.ts";
import { sha256 } from "../testing/test-compose.ts";
import { readTree, writeTree } from "./manifest.ts";
import { saveSoundness, type StorePorts } from "./soundness.ts";

/** What a process sees of the files: its own store over them, which counts what it reads of packs. */
function openStore(
  files: Map<string, { bytes: Uint8Array; changed: number }>,
  options: { canTell: boolean },
): StorePorts & { readonly readBytes: () => number } {
  let readBytes = 0;
  const store: ComposeStore = {
    read: async (path) => files.get(path)?.bytes,
    async write(path, pieces) {
      files.set(path, { bytes: await gathered(pieces), changed: 0 });
    },
    async remove(path) {
      files.delete(path);
    },
    open(path) {
      const file = files.get(path);
      return file === undefined
        ? undefined
        : {
            sizeBytes: file.bytes.length,
            read(offset, into) {
              const part = file.bytes.subarray(offset, offset + into.length);
              into.set(part);
              readBytes += part.length;
              return part.length;
            },
          };
    },
    fingerprint: (path) => {
      const file = files.get(path);
      return file === undefined || !options.canTell ? undefined : `${file.changed}`;
    },
  };
  return { packages: testPorts(), store, readBytes: () => readBytes };
}

const CONTENT = Buffer.from("what a script has made");
const TREE = fileTreeOf(
  [fileEntry("", "directory"), fileEntry("made", "file", { content: new MemoryBlob(CONTENT, sha256) })].values(),
);

test("what was sound and was not touched is not read again; what was touched is, and damage is found", async () => {
  const files = new Map<string, { bytes: Uint8Array; changed: number }>();
  const first = openStore(files, { canTell: true });
  await writeTree(first, "one", TREE);
  await saveSoundness(first);

  const second = openStore(files, { canTell: true });
  assert.notEqual(await readTree(second, "one"), undefined);
  assert.equal(second.readBytes(), 0);

  const pack = files.get("trees/one.pack")!;
  files.set("trees/one.pack", { bytes: pack.bytes, changed: 1 });
  const third = openStore(files, { canTell: true });
  assert.notEqual(await readTree(third, "one"), undefined, "touched, but the same");
  assert.equal(third.readBytes(), CONTENT.length);
  await saveSoundness(third);
  const fourth = openStore(files, { canTell: true });
  assert.notEqual(await readTree(fourth, "one"), undefined);
  assert.equal(fourth.readBytes(), 0);

  const damaged = Buffer.from(pack.bytes);
  damaged[3]! ^= 1;
  files.set("trees/one.pack", { bytes: damaged, changed: 2 });
  assert.equal(await readTree(openStore(files, { canTell: true }), "one"), undefined);
});

test("where a store cannot tell, or what was found is lost, all is hashed", async () => {
  const files = new Map<string, { bytes: Uint8Array; changed: number }>();
  const first = openStore(files, { canTell: true });
  await writeTree(first, "one", TREE);
  await saveSoundness(first);
  for (const [canTell, checked] of [
    [false, files.get("checked.json")!.bytes],
    [true, Buffer.from('{"format":1,"fil')],
  ] as const) {
    files.set("checked.json", { bytes: checked, changed: 0 });
    const again = openStore(files, { canTell });
    assert.notEqual(await readTree(again, "one"), undefined);
    assert.equal(again.readBytes(), CONTENT.length, String(canTell));
  }
});
