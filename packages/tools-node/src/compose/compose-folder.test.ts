/**
 * The store of composes. Goal: what has a name is whole, many packs are read with few descriptors, and cleaning takes
 * what it may and nothing else.
 */
import { after, test } from "node:test";
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cleanStore } from "./clean-store.ts";
import { ComposeFolder } from "./compose-folder.ts";

const folder = mkdtempSync(join(tmpdir(), "stratos-store-"));
after(() => rmSync(folder, { recursive: true }));

test("packs are written in pieces, read in parts, and reopened when many were open", async () => {
  const store = new ComposeFolder(folder);
  const pieces = Array.from({ length: 1500 }, (_, index) => Buffer.from(`${index},`));
  for (let index = 0; index < 150; index++)
    await store.write(`layers/aa/${index}`, index === 0 ? pieces : [Buffer.from(`pack ${index}`)]);
  const into = new Uint8Array(7);
  for (let round = 0; round < 2; round++) {
    for (let index = 1; index < 150; index++) {
      const pack = store.open(`layers/aa/${index}`)!;
      assert.equal(Buffer.from(into.subarray(0, pack.read(0, into))).toString(), `pack ${index}`.slice(0, 7));
    }
  }
  assert.equal(store.open("layers/aa/0")!.sizeBytes, Buffer.concat(pieces).length);
  assert.ok(readdirSync("/proc/self/fd").length < 200);
  assert.equal(store.open("layers/none"), undefined);
  await assert.rejects(
    store.write(
      "layers/aa/broken",
      (function* () {
        yield Buffer.from("x");
        throw new Error("no more");
      })(),
    ),
    /no more/,
  );
  assert.deepEqual(
    readdirSync(join(folder, "layers/aa")).filter((name) => name.includes("broken")),
    [],
  );
  await store.write("layers/aa/1", [Buffer.from("other")]);
  assert.equal(store.open("layers/aa/1")!.sizeBytes, 5);
  store.close();
});

test(
  "a file's fingerprint is another when it was written again or in place, and not when it was read",
  {
    skip: existsSync("/proc/sys/kernel/random/boot_id") ? false : "this host does not tell its starts apart",
  },
  async () => {
    const store = new ComposeFolder(join(folder, "prints"));
    await store.write("trees/a", [Buffer.from("one")]);
    const first = store.fingerprint("trees/a");
    assert.ok(first !== undefined);
    store.open("trees/a")!.read(0, new Uint8Array(3));
    assert.equal(store.fingerprint("trees/a"), first);
    await store.write("trees/a", [Buffer.from("two")]);
    const second = store.fingerprint("trees/a");
    assert.notEqual(second, first);
    // The same size and, by utimes, the same time: the kernel's time of change tells.
    const { mtime, atime } = statSync(join(folder, "prints/trees/a"));
    writeFileSync(join(folder, "prints/trees/a"), "owt");
    utimesSync(join(folder, "prints/trees/a"), atime, mtime);
    assert.notEqual(store.fingerprint("trees/a"), second);
    assert.equal(store.fingerprint("trees/none"), undefined);
    store.close();
    rmSync(join(folder, "prints"), { recursive: true });
  },
);

test("cleaning takes old files or all, and no file that is not the store's", () => {
  writeFileSync(join(folder, "mine"), "x");
  utimesSync(join(folder, "layers/aa/7"), 1000, 1000);
  assert.deepEqual(cleanStore(folder, { olderThan: 2_000_000 }), [
    { part: "layers", files: 1, bytes: 6 },
    { part: "trees", files: 0, bytes: 0 },
    { part: "stages", files: 0, bytes: 0 },
    { part: "results", files: 0, bytes: 0 },
    { part: "oci", files: 0, bytes: 0 },
  ]);
  assert.ok(!existsSync(join(folder, "layers/aa/7")) && existsSync(join(folder, "layers/aa/8")));
  assert.equal(cleanStore(folder, { isDry: true })[0]!.files, 149);
  assert.equal(cleanStore(folder)[0]!.files, 149);
  assert.deepEqual([readdirSync(join(folder, "layers/aa")), existsSync(join(folder, "mine"))], [[], true]);
});
