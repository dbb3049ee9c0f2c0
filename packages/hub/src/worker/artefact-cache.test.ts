/**
 * Goal: a worker fetches what it has not, keeps no more than it may, and never gives out what is damaged.
 * Method: a cache in a folder of the test, whose fetches are counted.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { ArtefactCache } from "./artefact-cache.ts";

const folder = mkdtempSync(join(tmpdir(), "artefact-cache-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const contents = new Map<string, string>();
const digest = (content: string): string => {
  const name = `sha256:${createHash("sha256").update(content).digest("hex")}`;
  contents.set(name, content);
  return name;
};
let fetched: string[] = [];
const open = (name: string, bytesMax = 100): ArtefactCache =>
  new ArtefactCache(join(folder, name), {
    bytesMax,
    fetch: async (wanted, path) => {
      fetched.push(contents.get(wanted)!.slice(0, 1));
      writeFileSync(path, contents.get(wanted)!);
    },
  });
let copies = 0;
async function take(cache: ArtefactCache, content: string): Promise<void> {
  const path = join(folder, `copy-${copies++}`);
  await cache.copyTo(digest(content), path);
  assert.equal(readFileSync(path, "utf8"), content);
}
const [a, b, c] = ["a", "b", "c"].map((letter) => letter.repeat(40)) as [string, string, string];

test("what is there is not fetched again, after a restart neither; what was used longest ago goes", async () => {
  fetched = [];
  const cache = open("lru");
  for (const content of [a, b, a, c, a, b]) await take(cache, content);
  assert.equal(fetched.join(""), "abcb");
  assert.deepEqual(cache.counts, { hits: 2, misses: 4, entries: 2, bytes: 80 });
  const again = open("lru");
  for (const content of [a, b]) await take(again, content);
  assert.equal(fetched.join(""), "abcb");
  const smaller = open("lru", 50);
  assert.deepEqual([smaller.counts.bytes, readdirSync(join(folder, "lru")).length], [40, 1]);
});

test("what is damaged, or half there, is fetched again; what is too large is not kept", async () => {
  fetched = [];
  const cache = open("damaged");
  await take(cache, a);
  writeFileSync(join(folder, "damaged", digest(a).slice(7)), "x".repeat(40));
  await take(cache, a);
  assert.equal(fetched.join(""), "aa");
  writeFileSync(join(folder, "damaged", `${"0".repeat(64)}.part-1`), "half");
  assert.deepEqual(open("damaged").counts.entries, 1);
  assert.equal(readdirSync(join(folder, "damaged")).length, 1);
  await take(cache, "d".repeat(101));
  await take(cache, "d".repeat(101));
  assert.equal(fetched.join(""), "aadd");
});
