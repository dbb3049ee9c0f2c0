/**
 * Goal: objects of a bucket are what was written, whole or not there, whatever the storage and the network do.
 * Method: a server of S3's protocol that checks signatures, and faults in front of it.
 */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, afterEach, before, test } from "node:test";
import { extendedTest } from "@stratos/base/testing";
import { S3Bucket, S3Error } from "./s3-bucket.ts";
import { readS3Credentials } from "./s3-credentials.ts";
import { startTestBucket, type TestBucket } from "./testing/test-bucket.ts";

const folder = mkdtempSync(join(tmpdir(), "s3-bucket-"));
let storage: TestBucket;
let bucket: S3Bucket;
before(async () => {
  storage = await startTestBucket();
  bucket = new S3Bucket(storage.options);
});
afterEach(() => {
  storage.fault = null;
  storage.requests.length = 0;
});
after(async () => {
  await storage.close();
  rmSync(folder, { recursive: true, force: true });
});

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const textOf = async (content: ReadableStream<Uint8Array> | null): Promise<string | null> =>
  content === null ? null : new Response(content).text();
const namesOf = async (beginning: string): Promise<string[]> => {
  const names: string[] = [];
  for await (const { key } of bucket.list(beginning)) names.push(key);
  return names;
};
/** Larger than one part: 40 MiB, no two parts alike. */
function largeFile(): { path: string; size: number } {
  const path = join(folder, "large");
  const content = Buffer.alloc(40 << 20);
  for (let at = 0; at < content.length; at += 4096) content.writeUInt32LE(at, at);
  writeFileSync(path, content);
  return { path, size: content.length };
}

test("an object is written, read in whole and in ranges, listed and removed", async () => {
  assert.equal(await bucket.size("a/one"), null);
  assert.equal(await bucket.read("a/one"), null);
  await bucket.write("a/one", bytes("content"));
  await bucket.write("a/empty ~(é)+1", bytes(""));
  assert.equal(await bucket.size("a/one"), 7);
  assert.equal(await textOf(await bucket.read("a/one")), "content");
  assert.equal(await textOf(await bucket.read("a/one", { start: 2, end: 4 })), "nte");
  assert.deepEqual(await namesOf("a/"), ["a/empty ~(é)+1", "a/one"]);
  assert.deepEqual(await namesOf("b"), []);
  await bucket.remove("a/one");
  await bucket.remove("a/one");
  assert.equal(await bucket.size("a/one"), null);
  const url = await bucket.signedUrl("a/empty ~(é)+1", 60);
  assert.equal((await fetch(url)).status, 200, "whoever has the address may read");
  assert.equal((await fetch(url.replace("X-Amz-Expires=60", "X-Amz-Expires=600"))).status, 403);
});

test("storage that passes over ranges, or tells no size, is not believed", async () => {
  storage.fault = () => new Response("the whole object");
  assert.equal(await textOf(await bucket.read("a/one")), "the whole object");
  await assert.rejects(bucket.read("a/one", { start: 4, end: 5 }), /other bytes than those that were asked for/);
  storage.fault = () => new Response("x", { status: 206, headers: { "content-range": "bytes 0-0/16" } });
  await assert.rejects(bucket.read("a/one", { start: 4, end: 5 }), /other bytes/);
  storage.fault = () => new Response(null);
  await assert.rejects(bucket.size("a/one"), /does not tell an object's size/);
});

test("a list goes on beyond the storage's page", async () => {
  const page = (key: string, next: string): Response =>
    new Response(
      `<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>hub+one%2Fmany%2F${key}</Key>` +
        `<LastModified>2026-01-01T00:00:00.000Z</LastModified></Contents>${next}</ListBucketResult>`,
    );
  storage.fault = (request) =>
    request.url.includes("continuation-token=1%2F%2B")
      ? page("b", "")
      : page("a", "<NextContinuationToken>1/+</NextContinuationToken>");
  assert.deepEqual(await namesOf("many/"), ["many/a", "many/b"]);
});

test("a large file goes in parts, of which a failed one is sent again", async () => {
  const { path, size } = largeFile();
  let failures = 0;
  storage.fault = (request) => {
    if (!request.url.includes("partNumber=2") || failures === 2) return undefined;
    failures++;
    if (failures === 1) return new Response("<Error><Code>SlowDown</Code></Error>", { status: 503 });
    throw new TypeError("fetch failed", { cause: new Error("read ECONNRESET") });
  };
  await bucket.writeFile("large", path);
  assert.equal(failures, 2);
  assert.equal(await bucket.size("large"), size);
  const content = Buffer.from(await new Response(await bucket.read("large")).arrayBuffer());
  for (let at = 0; at < size; at += 4096) assert.equal(content.readUInt32LE(at), at);
});

extendedTest("an upload that cannot be ended leaves no object, and is aborted", async () => {
  const { path } = largeFile();
  storage.fault = (request) => (request.url.includes("partNumber=3") ? new Response("", { status: 403 }) : undefined);
  await assert.rejects(bucket.writeFile("broken", path), (error: S3Error) => error.status === 403);
  assert.equal(await bucket.size("broken"), null);
  assert.ok(
    storage.requests.some((request) => /^DELETE .*uploadId=/.test(request)),
    storage.requests.join("\n"),
  );

  // An end that answers 200, and then says that it failed (CompleteMultipartUpload).
  storage.fault = (request) =>
    /\?uploadId=/.test(request.url) && request.method === "POST"
      ? new Response("<Error><Code>InternalError</Code><Message>try later</Message></Error>")
      : undefined;
  await assert.rejects(bucket.writeFile("broken", path), /try later/);
  assert.equal(await bucket.size("broken"), null);
});

test("an upload's end whose answer is lost is an end", async () => {
  const { path, size } = largeFile();
  let isLost = false;
  storage.fault = async (request) => {
    if (isLost || request.method !== "POST" || !request.url.includes("?uploadId=")) return undefined;
    isLost = true;
    await (await fetch(request)).text();
    throw new TypeError("fetch failed", { cause: new Error("socket hang up") });
  };
  await bucket.writeFile("ended", path);
  assert.ok(isLost);
  assert.equal(await bucket.size("ended"), size);
});

test("what the storage refuses is said in its words at once, and never with a key", async () => {
  const other = { accessKeyId: "S3RVER", secretAccessKey: "not-the-secret" };
  const stranger = new S3Bucket({ ...storage.options, credentials: other });
  await assert.rejects(stranger.write("x", bytes("y")), (error: S3Error) => {
    assert.equal(error.status, 403);
    assert.match(error.message, /the storage answers 403: The request signature/);
    assert.doesNotMatch(error.message + String(error.stack), /not-the-secret/);
    return true;
  });
  assert.equal(storage.requests.length, 1, "it would not be granted at a second try");
  await assert.rejects(
    (async () => {
      for await (const one of new S3Bucket({ ...storage.options, bucket: "nowhere" }).list("")) assert.fail(one.key);
    })(),
    /404: The specified bucket does not exist/,
  );
  storage.fault = () => new Response("", { status: 301, headers: { "x-amz-bucket-region": "eu-west-9" } });
  await assert.rejects(bucket.size("x"), /301: .*\(the bucket is in the region eu-west-9\)/);
});

test("encryption that was asked for is asked of the storage, for small and large objects", async () => {
  const asked: string[] = [];
  storage.fault = (request) => {
    const algorithm = request.headers.get("x-amz-server-side-encryption");
    const key = request.headers.get("x-amz-server-side-encryption-aws-kms-key-id");
    if (algorithm !== null) asked.push(`${request.method} ${algorithm} ${key}`);
    return undefined;
  };
  const sealed = new S3Bucket({ ...storage.options, encryption: { algorithm: "aws:kms", keyId: "key-1" } });
  await sealed.write("small", bytes("x"));
  await sealed.writeFile("sealed", largeFile().path);
  assert.deepEqual(asked, ["PUT aws:kms key-1", "POST aws:kms key-1"]);
});

test("uploads that nobody ended are aborted, young ones and those of others stay", async () => {
  const upload = (key: string, initiated: string): string =>
    `<Upload><Key>${key}</Key><UploadId>id-${key.at(-1)}</UploadId><Initiated>${initiated}</Initiated></Upload>`;
  storage.fault = (request) =>
    request.method === "DELETE"
      ? new Response(null, { status: 204 })
      : new Response(
          `<ListMultipartUploadsResult>${upload("hub one/sha256/a", "2026-01-01T00:00:00.000Z")}` +
            upload("hub one/sha256/b", "2026-01-03T00:00:00.000Z") +
            upload("other/c", "2026-01-01T00:00:00.000Z") +
            "</ListMultipartUploadsResult>",
        );
  assert.equal(await bucket.abortUploads("sha256/", Date.parse("2026-01-02")), 1);
  assert.deepEqual(storage.requests.slice(1), ["DELETE /artefacts/hub%20one/sha256/a?uploadId=id-a"]);
});

test("credentials are of the environment, else of a profile in the file", () => {
  const file = join(folder, "credentials");
  writeFileSync(
    file,
    "[default]\naws_access_key_id = one\naws_secret_access_key = a=b\n# no\n[ci]\naws_access_key_id=two\n" +
      "aws_secret_access_key=c\naws_session_token=d\n[half]\naws_access_key_id=x\n",
  );
  const inFile = { AWS_SHARED_CREDENTIALS_FILE: file };
  assert.deepEqual(readS3Credentials({ ...inFile, AWS_ACCESS_KEY_ID: "k", AWS_SECRET_ACCESS_KEY: "s" }), {
    credentials: { accessKeyId: "k", secretAccessKey: "s" },
  });
  assert.deepEqual(readS3Credentials(inFile), { credentials: { accessKeyId: "one", secretAccessKey: "a=b" } });
  assert.deepEqual(readS3Credentials({ ...inFile, AWS_PROFILE: "ci" }), {
    credentials: { accessKeyId: "two", secretAccessKey: "c", sessionToken: "d" },
  });
  assert.match(JSON.stringify(readS3Credentials({ ...inFile, AWS_PROFILE: "half" })), /profile half has no/);
  assert.match(JSON.stringify(readS3Credentials({ AWS_SHARED_CREDENTIALS_FILE: "/nowhere" })), /or in \/nowhere/);
});

test("an answer that breaks off, and a request that came too slowly, are tried again", async () => {
  await bucket.write("c/one", bytes("content"));
  let faults = 0;
  storage.fault = () => {
    if (faults++ > 0) return undefined;
    const broken = new ReadableStream<Uint8Array>({ pull: (stream) => stream.error(new Error("reset")) });
    return new Response(broken);
  };
  assert.deepEqual(await namesOf("c/"), ["c/one"]);
  assert.equal(faults, 2);
  faults = 0;
  storage.fault = () =>
    faults++ > 0 ? undefined : new Response("<Error><Code>RequestTimeout</Code></Error>", { status: 400 });
  await bucket.write("c/two", bytes("more"));
  assert.equal(faults, 2);
  storage.fault = () => new Response("<Error><Code>InvalidRequest</Code></Error>", { status: 400 });
  storage.requests.length = 0;
  await assert.rejects(bucket.write("c/two", bytes("more")), { status: 400 });
  assert.equal(storage.requests.length, 1);
});

test("uploads that nobody ended are ended on each page of their list", async () => {
  const page = (name: string, rest: string): string =>
    `<L><Upload><Key>hub one/u/${name}</Key><UploadId>${name}</UploadId><Initiated>2020-01-01T00:00:00Z</Initiated>` +
    `</Upload>${rest}</L>`;
  const more =
    "<IsTruncated>true</IsTruncated><NextKeyMarker>hub one/u/a&amp;b</NextKeyMarker>" +
    "<NextUploadIdMarker>m</NextUploadIdMarker>";
  const ended: string[] = [];
  storage.fault = ({ method, url }) => {
    const { searchParams } = new URL(url);
    if (method === "DELETE") ended.push(searchParams.get("uploadId")!);
    const isFirst = searchParams.get("key-marker") === null;
    if (!isFirst)
      assert.deepEqual([searchParams.get("key-marker"), searchParams.get("upload-id-marker")], ["hub one/u/a&b", "m"]);
    const last = page("two", "<IsTruncated>false</IsTruncated>");
    return method === "DELETE" ? new Response(null, { status: 204 }) : new Response(isFirst ? page("one", more) : last);
  };
  assert.equal(await bucket.abortUploads("u/", Date.now()), 2);
  assert.deepEqual(ended, ["one", "two"]);
});
