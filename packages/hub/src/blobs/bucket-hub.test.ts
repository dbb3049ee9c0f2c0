/**
 * Goal: a hub whose artefacts are in a bucket takes, gives and publishes them, waits for storage that is away, and
 * collects what nobody needs and nothing else. Method: a hub in this process, a server of S3's protocol.
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { HubProblem, type ClaimedRun } from "@stratos/hub-api";
import { S3Bucket } from "@stratos/host-node/s3";
import { startTestBucket, type TestBucket } from "@stratos/host-node/testing";
import { blobRoutes } from "../api/blob-routes.ts";
import type { ApiRequest } from "../api/route.ts";
import { startTestHub, type TestHub } from "../testing/test-hub.ts";
import { downloadArtefact } from "../worker/download-artefact.ts";
import { uploadArtefacts } from "../worker/upload.ts";
import { blobName } from "./blob-store.ts";
import { BucketBlobs } from "./bucket-blobs.ts";
import { adoptBlobs, collectBlobs } from "./collect-blobs.ts";
import { openBlobs } from "./open-blobs.ts";

const folder = mkdtempSync(join(tmpdir(), "hub-bucket-"));
let storage: TestBucket;
let bucket: S3Bucket;
let blobs: BucketBlobs;
let hub: TestHub;
before(async () => {
  storage = await startTestBucket();
  bucket = new S3Bucket(storage.options);
  blobs = new BucketBlobs(bucket, { folder: join(folder, "uploads"), isRedirected: false });
  hub = await startTestHub({
    blobs,
    readPackage: async (path) => {
      const control = readFileSync(path, "utf8");
      return { control, sizeBytes: control.length, md5: "0".repeat(32), sha256: "0".repeat(64), files: [] };
    },
  });
});
afterEach(() => {
  storage.fault = null;
});
after(async () => {
  await hub.close();
  await storage.close();
  rmSync(folder, { recursive: true, force: true });
});

const digestOf = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;
async function upload(text: string): Promise<string> {
  const path = join(folder, "file");
  writeFileSync(path, text);
  const file = { name: "file", path, role: "output", media: "text/plain" };
  const [artefact] = await uploadArtefacts(hub.admin, [file], new AbortController().signal);
  return artefact!.digest;
}

test("an artefact goes through the hub into the bucket and back, or readers are sent to the bucket", async () => {
  const digest = await upload("an artefact");
  assert.equal(await bucket.size(blobName(digest)), 11);
  await downloadArtefact(hub.admin, digest, join(folder, "back"));
  assert.equal(readFileSync(join(folder, "back"), "utf8"), "an artefact");
  const range = await hub.admin.raw("GET", `/blobs/${digest}`, { headers: { range: "bytes=3-5" } });
  assert.deepEqual([range.status, await range.text()], [206, "art"]);

  const sending = new BucketBlobs(bucket, { folder: join(folder, "uploads"), isRedirected: true });
  const other = await startTestHub({ blobs: sending });
  try {
    const path = `${other.server.url}/v1/blobs/${digest}`;
    const headers = { authorization: `Bearer ${other.adminToken}` };
    const sent = await fetch(path, { headers, redirect: "manual" });
    assert.equal(sent.status, 307);
    assert.match(sent.headers.get("location")!, /X-Amz-Signature=/);
    assert.equal((await fetch(path, { redirect: "manual" })).status, 401, "not who has no key of the hub");
    await downloadArtefact(other.admin, digest, join(folder, "sent"));
    assert.equal(readFileSync(join(folder, "sent"), "utf8"), "an artefact");
  } finally {
    await other.close();
  }
});

test("storage that is away is a 503 in words, and uploads wait; the hub's log tells it, and no key", async () => {
  let refusals = 0;
  storage.fault = (request) => {
    if (request.method !== "PUT" || refusals > 0) return undefined;
    refusals++;
    return new Response("<Error><Message>Quota is used up</Message></Error>", { status: 403 });
  };
  const digest = await upload("in spite of it");
  assert.equal(refusals, 1);
  assert.equal(await bucket.size(blobName(digest)), 14);
  assert.match(hub.warnings.join("\n"), /putBlob: the storage of artefacts: the storage answers 403: Quota is used up/);
  storage.fault = () => new Response("", { status: 403 });
  await assert.rejects(hub.admin.raw("GET", `/blobs/${digest}`, {}), (error: HubProblem) => {
    assert.deepEqual([error.status, error.problem.type], [503, "urn:stratos:hub:artefacts-away"]);
    return true;
  });
  assert.doesNotMatch(hub.warnings.join("\n"), /S3RVER/);
});

test("a package is published once the storage is there again", async () => {
  const text = "Package: late\nVersion: 1\nArchitecture: amd64\nMaintainer: T <t@mirror.example>\nDescription: late\n";
  const host = { arches: ["amd64"], channels: ["default"], capacity: 1 };
  const { session } = await hub.admin.call<{ session: string }>("PUT", "/hosts/h", host);
  await hub.admin.call("POST", "/tasks", { kind: "build", payload: { source: "hello" }, channel: "default" });
  const claim = { session, slots: 1, start: true, waitSeconds: 10, holding: [] };
  const { runs } = await hub.admin.call<{ runs: ClaimedRun[] }>("POST", "/hosts/h/claim", claim);
  const { run, token } = runs[0]!;
  const artefacts = [{ name: "late.deb", role: "package", digest: await upload(text), media: "x/y" }];
  const isTried = Promise.withResolvers<void>();
  storage.fault = (request) => {
    if (request.method === "GET") isTried.resolve();
    return new Response("", { status: 403 });
  };
  await hub.admin.call("POST", "/hosts/h/runs/end", { runs: [{ run, token, outcome: "COMPLETED", artefacts }] });
  await isTried.promise;
  storage.fault = null;
  for (let left = 1; left > 0; await new Promise((resolve) => setTimeout(resolve, 50)))
    left = (await hub.database.query("select 1 from to_publish")).length;
  assert.deepEqual(await hub.database.query("select name from channel_package"), [{ name: "late" }]);
  assert.deepEqual(await hub.database.query("select detail from event where what = 'NOT_PUBLISHED'"), []);
});

test("what no row knows is adopted, and then collected; what a package needs, and what is young, stays", async () => {
  await blobs.write(digestOf("orphan"), {
    offset: 0,
    size: 6,
    content: new Response("orphan").body as unknown as AsyncIterable<Uint8Array>,
  });
  await bucket.write("sha256/not-a-digest", new TextEncoder().encode("somebody else's"));
  assert.equal(await adoptBlobs(hub.database, blobs), 1);
  assert.equal(await adoptBlobs(hub.database, blobs), 0);
  assert.equal(await collectBlobs(hub.database, blobs, { limit: 10, hours: 24 }), 0);
  assert.equal(await blobs.size(digestOf("orphan")), 6, "it may belong to an upload that ends just now");
  assert.equal(await collectBlobs(hub.database, blobs, { limit: 10, hours: 0 }), 3);
  const left: string[] = [];
  for await (const { digest } of blobs.list()) left.push(digest);
  const rows = await hub.database.query<{ digest: string }>("select digest from package");
  assert.deepEqual(
    left,
    rows.map(({ digest }) => digest),
  );
  assert.equal(await bucket.size("sha256/not-a-digest"), 15);
});

test("who wants an artefact again at the moment at which it is collected is told that it is gone", async () => {
  const digest = await upload("wanted again");
  const getState = blobRoutes(blobs).find(({ id }) => id === "getBlobState")!;
  const hasSeen = Promise.withResolvers<void>();
  let asked: Promise<unknown> = Promise.resolve();
  storage.fault = async (request) => {
    if (request.method === "HEAD") {
      const answer = await fetch(request);
      hasSeen.resolve();
      return answer;
    }
    // Without the way through the API, whose look at the key would wait for the database's one connection.
    asked = getState.handle({ parameters: { digest }, hub: { database: hub.database } } as unknown as ApiRequest);
    // It has seen the blob, and waits for its row.
    await hasSeen.promise;
    return undefined;
  };
  assert.equal(await collectBlobs(hub.database, blobs, { limit: 10, hours: 0 }), 1);
  assert.deepEqual(await asked, { body: { offset: 0, isComplete: false } });
});

test("options that make no sense, and buckets that are not there, are refused in words", async () => {
  const environment = { ...process.env };
  try {
    Object.assign(process.env, { AWS_SHARED_CREDENTIALS_FILE: join(folder, "none") });
    for (const name of ["AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL", "AWS_REGION", "AWS_PROFILE"]) delete process.env[name];
    const s3 = { artefacts: "s3://artefacts/x", s3Endpoint: storage.options.endpoint };
    for (const [options, words] of [
      [{ s3Region: "eu" }, /--s3-region: is of a bucket/],
      [{ s3Redirect: true }, /--s3-redirect: is of a bucket/],
      [{ artefacts: "gs://x" }, /gs:\/\/x: expected a folder or s3:/],
      [{ artefacts: "s3://B_D" }, /expected s3:\/\/BUCKET/],
      [{ ...s3, s3Endpoint: "localhost" }, /--s3-endpoint: localhost: expected http/],
      [{ ...s3, s3Encryption: "rot13" }, /--s3-encryption: rot13: expected AES256/],
      [s3, /AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are needed, in the environment or in .*none/],
    ] as const)
      await assert.rejects(openBlobs(options, folder), words);
    Object.assign(process.env, { AWS_ACCESS_KEY_ID: "S3RVER", AWS_SECRET_ACCESS_KEY: "S3RVER" });
    await assert.rejects(
      openBlobs({ ...s3, artefacts: "s3://nowhere" }, folder),
      /s3:\/\/nowhere: the storage answers 404: The specified bucket/,
    );
    assert.equal(await (await openBlobs(s3, folder)).size(digestOf("x")), null);
  } finally {
    for (const name of Object.keys(process.env)) if (!(name in environment)) delete process.env[name];
    Object.assign(process.env, environment);
  }
});
