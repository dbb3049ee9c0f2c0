/**
 * Goal: what is read of a pack is what the image has, each piece is fetched once and held against its name, and one
 * that cannot be had is waited for. Method: a pack in memory behind a `fetch` of the test's own.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { promisify } from "node:util";
import { zstdCompress } from "node:zlib";
import { SeededRandom } from "@stratos/base";
import {
  allPieces,
  checkDescription,
  checkIndex,
  CHUNK,
  PACK_FORMAT,
  type PackDescription,
  type PackIndex,
  pieceHash,
} from "./pack-index.ts";
import { fetchDescription, WebPack } from "./web-pack.ts";

const BLOCK = 4096;
const packed = async (content: Uint8Array): Promise<Uint8Array> =>
  promisify(zstdCompress)(content, { pledgedSrcSize: content.length });

/** A layer of four chunks, the third of which is empty, and a group of blocks of two of them. */
async function samplePack(): Promise<{ content: Uint8Array; files: Map<string, Uint8Array>; index: PackIndex }> {
  const random = new SeededRandom(1);
  const content = new Uint8Array(4 * CHUNK);
  for (const chunk of [0, 1, 3])
    for (let at = 0; at < CHUNK; at += 512) content[chunk * CHUNK + at] = random.below(256);
  const files = new Map<string, Uint8Array>();
  const add = async (bytes: Uint8Array): Promise<{ hash: string; stored: number }> => {
    const file = await packed(bytes);
    const hash = pieceHash(file);
    files.set(`pieces/${hash}.zst`, file);
    return { hash, stored: file.length };
  };
  const pieces = [];
  for (const chunk of [0, 1, 3]) pieces.push(await add(content.subarray(chunk * CHUNK, (chunk + 1) * CHUNK)));
  const group = await add(
    Buffer.concat([content.subarray(BLOCK, 3 * BLOCK), content.subarray(CHUNK + BLOCK, CHUNK + 2 * BLOCK)]),
  );
  const index: PackIndex = {
    format: PACK_FORMAT,
    content: "c",
    layers: [
      {
        bytes: content.length,
        chunks: [0, 1, 3],
        stored: pieces.map(({ stored }) => stored),
        hashes: pieces.map(({ hash }) => hash).join(""),
      },
    ],
    groups: [{ ...group, runs: [0, 1, 2, 0, CHUNK / BLOCK + 1, 1] }],
    isCompressed: false,
  };
  const text = Buffer.from(JSON.stringify(index));
  const indexFile = await packed(text);
  const name = pieceHash(indexFile);
  files.set(`index-${name}.zst`, indexFile);
  const description: PackDescription = {
    format: PACK_FORMAT,
    name: "sample",
    suite: null,
    createdAt: "",
    index: name,
    indexBytes: text.length,
    piecesBytes: 1,
    content: "c",
  };
  files.set("image.json", Buffer.from(JSON.stringify(description)));
  return { content, files, index };
}

/** Answers requests below `http://pack/` from the files. @returns what was asked for */
function answerFrom(files: ReadonlyMap<string, Uint8Array>, context: { after(work: () => void): void }): string[] {
  const asked: string[] = [];
  const { fetch } = globalThis;
  globalThis.fetch = async (url) => {
    const name = String(url).slice("http://pack/".length);
    asked.push(name);
    const file = files.get(name);
    return file === undefined ? new Response(null, { status: 404 }) : new Response(Buffer.from(file));
  };
  context.after(() => void (globalThis.fetch = fetch));
  return asked;
}

test("all of a pack is fetched once, and reads as the image does, holes as zeros", async (context) => {
  const { content, files } = await samplePack();
  const asked = answerFrom(files, context);
  const kept = new Map<string, Uint8Array>();
  const options = {
    kept: {
      has: (hash: string) => kept.has(hash),
      get: (hash: string) => kept.get(hash) ?? null,
      put: kept.set.bind(kept),
    },
    onWaiting: () => {},
  };
  const pack = await WebPack.open("http://pack/", null, options);
  assert.equal(asked.length, 2, "what it is, and its index");
  await pack.prefetch(1);
  const [device] = pack.devices;
  const bytes = new Uint8Array(4 * CHUNK);
  assert.equal(device!.read(BLOCK, bytes, 0, 2 * BLOCK), 0);
  assert.deepEqual(bytes.subarray(0, 2 * BLOCK), content.subarray(BLOCK, 3 * BLOCK));
  assert.equal(asked.length, 3, "the group has them");
  const told: number[] = [];
  await pack.fetchMissing((left) => told.push(left));
  assert.deepEqual([told.length, told.at(-1), pack.missing().bytes], [3, 0, 0]);
  assert.equal(device!.read(0, bytes, 0, bytes.length), 0);
  assert.ok(Buffer.compare(bytes, content) === 0);
  // One by one, those of the group come from the group.
  bytes.fill(0xff);
  for (let at = 0; at < bytes.length; at += BLOCK) assert.equal(device!.read(at, bytes, at, BLOCK), 0);
  assert.ok(Buffer.compare(bytes, content) === 0);
  assert.equal(asked.length, 6, "nothing is fetched twice");
  // With what is kept no network is needed.
  files.clear();
  const again = await WebPack.open("http://pack", pack.head, options);
  await again.prefetch(1);
  assert.equal(again.devices[0]!.read(3 * CHUNK + 100, bytes, 0, 1000), 0);
  assert.deepEqual(bytes.subarray(0, 1000), content.subarray(3 * CHUNK + 100, 3 * CHUNK + 1100));
  assert.equal(again.fetchedBytes, 0);
});

test("a piece that is something else is refused, and what describes no pack is said in words", async (context) => {
  const { files, index } = await samplePack();
  const [first] = allPieces(index).slice(1);
  files.set(`pieces/${first!.hash}.zst`, Buffer.from("something else"));
  answerFrom(files, context);
  const options = { kept: { has: () => false, get: () => null, put: () => {} }, onWaiting: () => {} };
  const pack = await WebPack.open("http://pack/", null, options);
  await assert.rejects(
    pack.fetchMissing(() => {}),
    /pieces\/[0-9a-f]+\.zst: the server gives something else/,
  );
  files.set("image.json", Buffer.from(`{ "format": 1, "layers": 2 }`));
  await assert.rejects(fetchDescription("http://pack/"), /image\.json: this describes no pack/);
  files.delete("image.json");
  await assert.rejects(WebPack.open("http://pack/", null, options), /no such file on the server \(404\)/);
});

test("an index is believed only where it is possible", async () => {
  const { index } = await samplePack();
  const layer = index.layers[0]!;
  const group = index.groups[0]!;
  assert.equal(checkIndex(structuredClone(index), "x").layers.length, 1);
  for (const [name, forged] of Object.entries({
    "no layers": { ...index, layers: [] },
    "a chunk beyond the end": { ...index, layers: [{ ...layer, bytes: CHUNK }] },
    "chunks out of order": { ...index, layers: [{ ...layer, chunks: [1, 0, 3] }] },
    "a name too few": { ...index, layers: [{ ...layer, hashes: layer.hashes.slice(32) }] },
    "a name that is a path": { ...index, layers: [{ ...layer, hashes: `../${layer.hashes.slice(3)}` }] },
    "a group of no layer": { ...index, groups: [{ ...group, runs: [1, 0, 1] }] },
    "a group without end": { ...index, groups: [{ ...group, runs: [0, 0, 2 ** 40] }] },
    "a group beyond the end": { ...index, groups: [{ ...group, runs: [0, 127, 2] }] },
    "half a run": { ...index, groups: [{ ...group, runs: [0, 0] }] },
    "a layer that is nothing": { ...index, layers: [null] },
    "a group that is nothing": { ...index, groups: [null] },
    "another format": { ...index, format: 3 },
    nothing: null,
  }))
    assert.throws(() => checkIndex(forged, "x"), /x: the pack's index is damaged/, name);
  assert.throws(() => checkDescription({ format: 2, index: "../../etc" }, "x"), /describes no pack/);
});
