/**
 * Goal: filters see and change what passes, stack in order, and leave everything else as it is. Method: the two worked
 * examples, and a model workload through an idle filter.
 */
import { test } from "node:test";
import assert from "node:assert/strict";
import { EPERM, S_IFREG } from "@stratos/abi";
import { SeededRandom } from "@stratos/base";
import { filterFiles, ROOT_INO, type FilterFactory, type Subvolume } from "../aegisfs.ts";
import { freshVolume } from "../testing/fresh-volume.ts";
import { Workload } from "../testing/workload.ts";

const example = async (name: string): Promise<FilterFactory> =>
  ((await import(new URL(`../../examples/${name}.mjs`, import.meta.url).href)) as { default: FilterFactory }).default;
const guard = await example("guard-filter");
const veil = await example("veil-filter");
const FILE = S_IFREG | 0o644;

function readAll(files: Subvolume, ino: number, length: number): string {
  const bytes = new Uint8Array(length);
  assert.equal(files.read(ino, 0, bytes, 0, length), length);
  return new TextDecoder("latin1").decode(bytes);
}

test("veiled content is stored veiled, and read back at any offset, by bytes and by pages", () => {
  const { volume } = freshVolume(16);
  process.env["VEIL_KEY"] = "key";
  const files = filterFiles(volume.root, [veil]);
  const ino = files.create(ROOT_INO, "letter", FILE, 0, 0);
  const text = "dear reader ".repeat(1000);
  const bytes = new TextEncoder().encode(text);
  for (let at = 0; at < bytes.length; at += 777) files.write(ino, at, bytes, at, Math.min(777, bytes.length - at));
  assert.equal(readAll(files, ino, bytes.length), text);
  assert.doesNotMatch(readAll(volume.root, ino, bytes.length), /reader/);
  const part = new Uint8Array(20);
  files.read(ino, 5005, part, 0, 20);
  assert.equal(new TextDecoder().decode(part), text.slice(5005, 5025));
  const page = new Uint8Array(4096);
  assert.equal(files.readPages(ino, 1, 1, page, 0), 0);
  assert.equal(new TextDecoder().decode(page), text.slice(4096, 8192));
  assert.deepEqual(bytes, new TextEncoder().encode(text), "the caller's bytes stay");
});

test("a filter refuses and observes; filters stack from the outside", () => {
  const { volume } = freshVolume(16);
  const seen: string[] = [];
  const spy =
    (name: string): FilterFactory =>
    () => ({ name, lookup: (next, directory, entry) => (seen.push(`${name} ${entry}`), next(directory, entry)) });
  const files = filterFiles(volume.root, [spy("outer"), guard, spy("inner")]);
  assert.equal(files.create(ROOT_INO, "virus.exe", FILE, 0, 0), -EPERM);
  const ino = files.create(ROOT_INO, "fine", FILE, 0, 0);
  assert.equal(files.rename(ROOT_INO, "fine", ROOT_INO, "fine.EXE"), -EPERM);
  assert.equal(files.lookup(ROOT_INO, "fine"), ino);
  assert.deepEqual(seen, ["outer fine", "inner fine"]);
  assert.ok(files.lookup === files.lookup, "made once: a call costs no closure");
  assert.ok(filterFiles(volume.root, []) === volume.root);
});

test("an idle filter changes nothing: a model workload runs through it", () => {
  const { volume } = freshVolume(64);
  const workload = new Workload(new SeededRandom(12), filterFiles(volume.root, [() => ({ name: "idle" })]), {
    sizeMax: 60_000,
    names: 40,
  });
  for (let step = 0; step < 1500; step++) workload.step();
  workload.compare();
});
