/**
 * Goal: a store of artefacts holds each whole and with its digest, or not at all, whatever fails or is killed.
 * Method: the same for a folder and for a bucket of a server of S3's protocol; faults in front of the latter.
 */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { S3Bucket } from "@stratos/host-node/s3";
import { startTestBucket, type TestBucket } from "@stratos/host-node/testing";
import type { HubError } from "../store/hub-error.ts";
import { BLOB_BYTES_MAX, type BlobStore } from "./blob-store.ts";
import { BucketBlobs } from "./bucket-blobs.ts";
import { FolderBlobs } from "./folder-blobs.ts";
import type { BlobState } from "./uploads.ts";

const folder = mkdtempSync(join(tmpdir(), "hub-blobs-"));
let storage: TestBucket;
before(async () => {
  storage = await startTestBucket();
});
afterEach(() => {
  storage.fault = null;
});
after(async () => {
  await storage.close();
  rmSync(folder, { recursive: true, force: true });
});

const uploads = join(folder, "uploads");
const bucketBlobs = (): BucketBlobs =>
  new BucketBlobs(new S3Bucket(storage.options), { folder: uploads, isRedirected: false });
const STORES: Readonly<Record<string, () => BlobStore>> = {
  folder: () => new FolderBlobs(join(folder, "blobs")),
  bucket: bucketBlobs,
};
const digestOf = (content: string | Uint8Array): string =>
  `sha256:${createHash("sha256").update(content).digest("hex")}`;

function write(blobs: BlobStore, whole: string, from = 0, to = whole.length): Promise<BlobState> {
  const content = (async function* () {
    yield new TextEncoder().encode(whole.slice(from, to));
  })();
  return blobs.write(digestOf(whole), { offset: from, size: whole.length, content });
}
const readAll = async (blobs: BlobStore, digest: string, start = 0, end = BLOB_BYTES_MAX): Promise<string> =>
  new Response(await blobs.read(digest, { start, end })).text();
const refused =
  (status: number, words: RegExp) =>
  (error: HubError): boolean => {
    assert.deepEqual([error.status, words.test(error.message)], [status, true], error.message);
    return true;
  };

for (const [name, open] of Object.entries(STORES)) {
  test(`${name}: an upload in pieces becomes a blob, which is read, listed and removed`, async () => {
    const blobs = open();
    const whole = `of a ${name}`;
    const digest = digestOf(whole);
    assert.deepEqual(await write(blobs, whole, 0, 3), { offset: 3, isComplete: false });
    assert.equal(await blobs.size(digest), null);
    await assert.rejects(write(blobs, whole, 5), refused(409, /goes on at 3/));
    assert.deepEqual(await open().state(digest), { offset: 3, isComplete: false }, "a hub that starts anew knows it");
    assert.deepEqual(await write(blobs, whole, 3), { offset: whole.length, isComplete: true });
    assert.deepEqual(await write(blobs, whole, 7), { offset: whole.length, isComplete: true }, "it is there already");
    assert.equal(await readAll(blobs, digest), whole);
    assert.equal(await readAll(blobs, digest, 1, 3), whole.slice(1, 4));
    assert.equal(await blobs.withFile(digest, async (path) => readFileSync(path, "utf8")), whole);
    const listed: string[] = [];
    for await (const one of blobs.list()) listed.push(one.digest);
    assert.deepEqual(listed, [digest]);
    await blobs.remove(digest);
    await blobs.remove(digest);
    await assert.rejects(readAll(blobs, digest), refused(404, /there is none/));
    await assert.rejects(
      blobs.withFile(digest, async () => assert.fail("there is no file")),
      refused(404, /there is none/),
    );
  });

  test(`${name}: what has another digest is refused, and its upload begins anew`, async () => {
    const blobs = open();
    const lie = digestOf("the truth");
    const content = (text: string): AsyncIterable<Uint8Array> =>
      new Response(text).body as unknown as AsyncIterable<Uint8Array>;
    await assert.rejects(
      blobs.write(lie, { offset: 0, size: 3, content: content("lie") }),
      refused(422, /what came has the digest sha256:/),
    );
    assert.deepEqual(await blobs.state(lie), { offset: 0, isComplete: false });
    await assert.rejects(blobs.write(lie, { offset: 0, size: 3, content: content("more") }), refused(413, /more than/));
    await blobs.write(lie, { offset: 0, size: 9, content: content("the lie") });
    assert.deepEqual(await write(blobs, "the truth"), { offset: 9, isComplete: true });
    assert.equal(await readAll(blobs, lie), "the truth");
    await blobs.remove(lie);
  });

  test(`${name}: nothing at all is a blob, too`, async () => {
    const blobs = open();
    assert.deepEqual(await write(blobs, ""), { offset: 0, isComplete: true });
    assert.equal(await readAll(blobs, digestOf(""), 0, -1), "");
    await blobs.remove(digestOf(""));
  });

  test(`${name}: an upload that nobody goes on with goes`, async () => {
    const blobs = open();
    await write(blobs, "abandoned", 0, 4);
    const place = name === "bucket" ? uploads : join(folder, "blobs", "uploads");
    utimesSync(join(place, readdirSync(place)[0]!), 1, 1);
    await write(blobs, "lively", 0, 4);
    assert.equal(await blobs.removeStaleUploads(Date.now() - 60_000), 1);
    assert.deepEqual(await blobs.state(digestOf("lively")), { offset: 4, isComplete: false });
    assert.deepEqual(await blobs.state(digestOf("abandoned")), { offset: 0, isComplete: false });
    await write(blobs, "lively", 4);
    await blobs.remove(digestOf("lively"));
  });
}

test("folder: a disk that is full is said so, and what came is as long as the file", async () => {
  const digest = digestOf("too much");
  const place = join(folder, "full");
  const blobs = new FolderBlobs(place);
  // Each write to it fails as one to a full disk does.
  symlinkSync("/dev/full", join(place, "uploads", digest.slice("sha256:".length)));
  const refusal = refused(507, /no room for artefacts/);
  await assert.rejects(write(blobs, "too much"), refusal);
  rmSync(join(place, "uploads"), { recursive: true });
  mkdirSync(join(place, "uploads"));
  assert.deepEqual(await write(blobs, "too much"), { offset: 8, isComplete: true });
});

test("bucket: an upload that the storage refuses goes on where it was, after a restart too", async () => {
  const whole = "not now";
  storage.fault = (request) => (request.method === "PUT" ? new Response("", { status: 403 }) : undefined);
  await assert.rejects(write(bucketBlobs(), whole), refused(503, /the storage of artefacts: the storage answers 403/));
  storage.fault = null;
  const blobs = bucketBlobs();
  assert.deepEqual(await blobs.state(digestOf(whole)), { offset: whole.length, isComplete: false });
  assert.deepEqual(await write(blobs, whole, whole.length), { offset: whole.length, isComplete: true });
  assert.equal(await readAll(blobs, digestOf(whole)), whole);
  assert.deepEqual(readdirSync(uploads), [], "and leaves nothing here");
});

test("bucket: no program is given a damaged blob; reading that breaks off begins again", async () => {
  const blobs = bucketBlobs();
  await write(blobs, "genuine");
  const digest = digestOf("genuine");
  let reads = 0;
  storage.fault = (request) => {
    if (request.method !== "GET" || reads++ > 0) return undefined;
    const pieces = [new TextEncoder().encode("genu")];
    return new Response(
      new ReadableStream({
        pull: (stream) => (pieces.length > 0 ? stream.enqueue(pieces.pop()!) : stream.error(new Error("cut"))),
      }),
    );
  };
  assert.equal(await blobs.withFile(digest, async (path) => readFileSync(path, "utf8")), "genuine");
  assert.equal(reads, 2);
  storage.fault = () => new Response("genuin3");
  await assert.rejects(
    blobs.withFile(digest, async () => assert.fail("it is damaged")),
    /damaged in the bucket/,
  );
  assert.deepEqual(readdirSync(uploads), []);
});

extendedTest("bucket: a hub that is killed while it sends leaves no object, and the next one goes on", async () => {
  const whole = Buffer.alloc(40 << 20, "forty");
  const digest = digestOf(whole);
  // Lets 20 MiB through: a part and a half.
  const sockets: Socket[] = [];
  let passed = 0;
  const stalled = Promise.withResolvers<void>();
  const proxy = createServer((client) => {
    const { hostname, port } = new URL(storage.options.endpoint);
    const upstream = connect(Number(port), hostname);
    sockets.push(client, upstream);
    for (const socket of [client, upstream]) socket.on("error", () => {});
    upstream.pipe(client);
    client.on("data", (piece: Buffer) => {
      passed += piece.length;
      if (passed < 20 << 20) upstream.write(piece);
      else stalled.resolve();
    });
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const { fetch: _, ...options } = storage.options;
  const through = { ...options, endpoint: `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` };
  const program = `
    import { S3Bucket } from ${JSON.stringify(import.meta.resolve("@stratos/host-node/s3"))};
    import { BucketBlobs } from ${JSON.stringify(import.meta.resolve("./bucket-blobs.ts"))};
    const blobs = new BucketBlobs(new S3Bucket(${JSON.stringify(through)}),
      { folder: ${JSON.stringify(uploads)}, isRedirected: false });
    const content = (async function* () { yield Buffer.alloc(${whole.length}, "forty"); })();
    await blobs.write(${JSON.stringify(digest)}, { offset: 0, size: ${whole.length}, content });`;
  const hub = spawn(process.execPath, ["--input-type=module", "--eval", program], { stdio: "inherit" });
  try {
    const ended = once(hub, "exit");
    await Promise.race([stalled.promise, ended.then(() => assert.fail("it ended before it was killed"))]);
    hub.kill("SIGKILL");
    await ended;
  } finally {
    hub.kill("SIGKILL");
    for (const socket of sockets) socket.destroy();
    proxy.close();
  }
  const blobs = bucketBlobs();
  assert.deepEqual(await blobs.state(digest), { offset: whole.length, isComplete: false });
  const nothing = (async function* (): AsyncGenerator<Uint8Array> {})();
  assert.deepEqual(await blobs.write(digest, { offset: whole.length, size: whole.length, content: nothing }), {
    offset: whole.length,
    isComplete: true,
  });
  assert.equal(await blobs.withFile(digest, async () => "whole"), "whole");
  await blobs.remove(digest);
});
