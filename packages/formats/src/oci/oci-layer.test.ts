/**
 * Layers. Goal: a layer is a function of its tree; layers together make the tree that the specification says. Oracle
 * for packed bytes: tar(1), gzip, zstd of the host.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { nodeCodecs } from "@stratos/host-node/codecs";
import { MemoryDisk } from "../disk/disk.ts";
import { run } from "../testing/disk-file.ts";
import { sampleFile, sampleTree } from "../testing/sample-tree.ts";
import { archiveEntries } from "../tree/archive-tree.ts";
import { checkFileTree, fileEntry, fileTreeOf, readBlob, type FileEntry } from "../tree/file-tree.ts";
import { archiveTree } from "../tree/tree-archive.ts";
import { mergeLayers, packLayer } from "./oci-layer.ts";
import { canonicalJson, rfc3339 } from "./oci-image.ts";

const codecs = nodeCodecs();
const pack = (compression: "none" | "gzip" | "zstd"): { bytes: Buffer; digest: string; diffId: string } => {
  const pieces: Buffer[] = [];
  const layer = packLayer(sampleTree(), { compression, createdBy: "test" }, codecs, (bytes) =>
    pieces.push(Buffer.from(bytes)),
  );
  const bytes = Buffer.concat(pieces);
  assert.equal(layer.descriptor.size, bytes.length);
  return { bytes, digest: layer.descriptor.digest, diffId: layer.diffId };
};
/** `archiveTree` reuses its buffer, so each piece is copied as it comes. */
const copied = (): Buffer => {
  const pieces: Buffer[] = [];
  for (const piece of archiveTree(sampleTree(), { prefix: "" })) pieces.push(Buffer.from(piece));
  return Buffer.concat(pieces);
};

test("packed layers unpack to the same archive, and twice give the same digest", () => {
  const plain = pack("none");
  assert.deepEqual(plain.bytes, copied());
  assert.equal(plain.digest, plain.diffId);
  for (const compression of ["gzip", "zstd"] as const) {
    const layer = pack(compression);
    assert.equal(layer.diffId, plain.diffId);
    assert.deepEqual(pack(compression), layer);
    const unpacked = compression === "gzip" ? codecs.gunzip(layer.bytes, 1 << 30) : codecs.unzstd(layer.bytes, 1 << 30);
    assert.ok(unpacked !== undefined && Buffer.from(unpacked).equals(plain.bytes), compression);
    const listing = run("tar", [compression === "gzip" ? "-tzf" : "-tf", "-"], {
      input: compression === "gzip" ? layer.bytes : Buffer.from(unpacked),
    });
    assert.equal(listing.status, 0, listing.output);
  }
});

test("an archive's entries are the tree's", () => {
  const bytes = copied();
  const disk = new MemoryDisk(bytes.length);
  disk.write(0, bytes);
  const back = archiveEntries(disk, codecs);
  const plain = ({ content, ...fields }: FileEntry): unknown => ({
    ...fields,
    content: content === null ? null : content.digest,
  });
  assert.deepEqual(back.map(plain), [...sampleTree().entries()].filter(({ path }) => path !== "").map(plain));
  assert.throws(() => archiveEntries(broken(bytes), codecs), /not a (complete )?tar archive/);
});

function broken(bytes: Uint8Array): MemoryDisk {
  const disk = new MemoryDisk(bytes.length - 200_000);
  disk.write(0, bytes.subarray(0, bytes.length - 200_000));
  return disk;
}

test("whiteouts remove what lower layers have, and nothing of their own", () => {
  const lower = fileTreeOf([
    fileEntry("a", "directory"),
    sampleFile("a/one", "1"),
    sampleFile("a/two", "2"),
    fileEntry("b", "directory"),
    sampleFile("b/x", "x"),
    sampleFile("c", "c"),
    sampleFile("d", "d"),
  ]);
  const upper = fileTreeOf([
    sampleFile("a/.wh.one", ""),
    sampleFile("b/.wh..wh..opq", ""),
    sampleFile("b/y", "y"),
    sampleFile(".wh.c", ""),
    fileEntry("d", "directory"),
    sampleFile("d/e/f", "f"),
    sampleFile("a/.wh.three", ""),
    sampleFile("a/three", "3"),
  ]);
  const merged = mergeLayers([lower, upper]);
  assert.deepEqual(
    merged.map(({ path }) => path),
    ["", "a", "a/three", "a/two", "b", "b/y", "d", "d/e", "d/e/f"],
  );
  assert.equal(checkFileTree({ entries: () => merged }), undefined);
});

test("hard links stay right when their file's name sorts behind, or a layer replaces it", () => {
  const first = {
    entries: (): FileEntry[] => [sampleFile("z", "content"), fileEntry("a", "hardLink", { target: "z" })],
  };
  const merged = mergeLayers([first]);
  assert.equal(checkFileTree({ entries: () => merged }), undefined);
  const a = merged.find(({ path }) => path === "a")!,
    z = merged.find(({ path }) => path === "z")!;
  assert.deepEqual(
    [a.kind, z.kind, z.target, Buffer.from(readBlob(a.content!)).toString()],
    ["file", "hardLink", "a", "content"],
  );
  assert.throws(
    () => mergeLayers([fileTreeOf([fileEntry("a", "hardLink", { target: "gone" })])]),
    /gone, which is not there/,
  );
});

test("JSON has one form, and dates are those of RFC 3339", () => {
  assert.equal(canonicalJson({ b: [{ d: 1, c: undefined }], a: "x" }), '{"a":"x","b":[{"d":1}]}');
  for (const seconds of [0, 951_782_399, 1_700_000_000])
    assert.equal(rfc3339(seconds), new Date(seconds * 1000).toISOString().replace(".000", ""));
});
