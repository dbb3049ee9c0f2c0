/**
 * A bucket of S3-compatible storage: its objects as streams and files. Requests are signed by Signature Version 4.
 *
 * What was sent is proved by the storage against a SHA-256 that is signed with the request, so that an object is what
 * its writer had. Requests that the storage, or the network, fails are tried again; each may be repeated.
 *
 * @see Amazon S3 API Reference, API version 2006-03-01
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { AwsClient } from "aws4fetch";
import type { S3Credentials } from "./s3-credentials.ts";

export interface S3Options {
  readonly bucket: string;
  /** Of each object's name; empty, or ends with `/`. */
  readonly prefix: string;
  /** Of storage that is not Amazon's; the bucket then stands in the path. */
  readonly endpoint?: string | undefined;
  readonly region: string;
  readonly credentials: S3Credentials;
  /** How the storage is to encrypt objects, by its own default if nothing is said. */
  readonly encryption?: { readonly algorithm: string; readonly keyId?: string | undefined } | undefined;
  /** The network; the platform's, but for tests. */
  readonly fetch?: typeof fetch;
}

export interface S3Object {
  /** Without the prefix. */
  readonly key: string;
  readonly modifiedMs: number;
}

/** The storage, or the way to it, failed or refused. Its words never hold a key. */
export class S3Error extends Error {
  /** HTTP's; 0: no answer came. */
  readonly status: number;

  constructor(message: string, status: number, options?: ErrorOptions) {
    super(message, options);
    this.status = status;
  }
}

/** Also the size beyond which a file is sent in parts. At most 10,000 parts: 156 GiB. */
const PART_BYTES = 16 << 20;
const PARTS_AT_ONCE = 4;
const TRIES_MAX = 5;
const PAUSE_MS = 100;

interface Request {
  readonly query?: Readonly<Record<string, string>>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array;
  /** Whoever asks reads the body; else it has come with the answer, or is asked for again. */
  readonly isStream?: true;
  /** Statuses beside 2xx that are answers. */
  readonly accept?: readonly number[];
}

export class S3Bucket {
  readonly #options: S3Options;
  readonly #client: AwsClient;
  readonly #root: string;
  readonly #fetch: typeof fetch;

  constructor(options: S3Options) {
    this.#options = options;
    const { bucket, endpoint, region } = options;
    this.#client = new AwsClient({ ...options.credentials, service: "s3", region });
    this.#root =
      endpoint === undefined
        ? `https://${bucket}.s3.${region}.amazonaws.com`
        : `${endpoint.replace(/\/+$/, "")}/${bucket}`;
    this.#fetch = options.fetch ?? fetch;
  }

  /** Bytes of an object; null: there is none. */
  async size(key: string): Promise<number | null> {
    const response = await this.#send("HEAD", key, { accept: [404] });
    if (response.status === 404) return null;
    const size = response.headers.get("content-length");
    if (size === null) throw new S3Error("the storage does not tell an object's size", response.status);
    return Number(size);
  }

  /** Null: there is none. `end` is the last byte. */
  async read(
    key: string,
    range?: { readonly start: number; readonly end: number },
  ): Promise<ReadableStream<Uint8Array> | null> {
    const headers = range === undefined ? {} : { Range: `bytes=${range.start}-${range.end}` };
    const response = await this.#send("GET", key, { headers, accept: [404], isStream: true });
    // Who passes over the range would have its bytes taken for others (RFC 9110, 14.2).
    const isPart =
      response.status === 206 && response.headers.get("content-range")?.startsWith(`bytes ${range?.start}-`);
    const isRight = response.ok && (range === undefined || isPart === true);
    if (isRight) return response.body ?? new ReadableStream({ start: (stream) => stream.close() });
    await response.body?.cancel();
    if (response.ok)
      throw new S3Error("the storage answers with other bytes than those that were asked for", response.status);
    return null;
  }

  async write(key: string, body: Uint8Array): Promise<void> {
    await this.#send("PUT", key, { body, headers: this.#encryption() });
  }

  /**
   * A file of the host becomes an object, whole or not at all. The key is to be of its content: where the storage does
   * not know an upload's end any more, an object of that key and size is taken for it.
   */
  async writeFile(key: string, path: string): Promise<void> {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      const piece = async (start: number): Promise<Uint8Array> => {
        const bytes = new Uint8Array(Math.min(PART_BYTES, size - start));
        for (let done = 0; done < bytes.length;) {
          const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done);
          if (bytesRead === 0) throw new Error(`${path}: it became shorter while it was sent`);
          done += bytesRead;
        }
        return bytes;
      };
      if (size <= PART_BYTES) await this.write(key, await piece(0));
      else await this.#writeParts(key, size, piece);
    } finally {
      await file.close();
    }
  }

  async remove(key: string): Promise<void> {
    await this.#send("DELETE", key, { accept: [404] });
  }

  /** Objects whose names begin so. */
  async *list(beginning: string): AsyncGenerator<S3Object> {
    const { prefix } = this.#options;
    const query = { "list-type": "2", "encoding-type": "url", prefix: prefix + beginning };
    for (let token: string | null = null; ;) {
      const page = { ...query, ...(token === null ? {} : { "continuation-token": token }) };
      const text = await (await this.#send("GET", null, { query: page })).text();
      const isEncoded = element(text, "EncodingType") === "url";
      for (const entry of elements(text, "Contents")) {
        const told = element(entry, "Key")!;
        const key = isEncoded ? decodeURIComponent(told.replaceAll("+", " ")) : told;
        yield { key: key.slice(prefix.length), modifiedMs: Date.parse(element(entry, "LastModified")!) };
      }
      token = element(text, "NextContinuationToken");
      if (token === null) return;
    }
  }

  /** Ends uploads in parts that nobody ended, which cost room that no list of objects shows. */
  async abortUploads(beginning: string, beforeMs: number): Promise<number> {
    const { prefix } = this.#options;
    const query = { uploads: "", prefix: prefix + beginning };
    let ended = 0;
    for (let next = {}; ;) {
      // Storage that cannot tell them ends them by itself, or never.
      const text = await (await this.#send("GET", null, { query: { ...query, ...next }, accept: [501] })).text();
      for (const upload of elements(text, "Upload")) {
        const key = element(upload, "Key")!;
        if (!key.startsWith(query.prefix) || Date.parse(element(upload, "Initiated")!) > beforeMs) continue;
        await this.#abort(key.slice(prefix.length), element(upload, "UploadId")!);
        ended++;
      }
      const marker = element(text, "NextKeyMarker");
      if (element(text, "IsTruncated") !== "true" || marker === null) return ended;
      next = { "key-marker": marker, "upload-id-marker": element(text, "NextUploadIdMarker") ?? "" };
    }
  }

  /** An address from which whoever knows it may read an object for so long. */
  async signedUrl(key: string, seconds: number): Promise<string> {
    const url = this.#url(key, { "X-Amz-Expires": String(seconds) });
    return (await this.#client.sign(url, { method: "GET", aws: { signQuery: true } })).url;
  }

  async #writeParts(key: string, size: number, piece: (start: number) => Promise<Uint8Array>): Promise<void> {
    const begun = await this.#send("POST", key, { query: { uploads: "" }, headers: this.#encryption() });
    const uploadId = element(await begun.text(), "UploadId");
    if (uploadId === null) throw new S3Error("the storage began no upload", begun.status);
    try {
      const tags: string[] = new Array<string>(Math.ceil(size / PART_BYTES));
      let next = 0;
      const sendSome = async (): Promise<void> => {
        for (let part = next++; part < tags.length; part = next++) {
          const query = { partNumber: String(part + 1), uploadId };
          const response = await this.#send("PUT", key, { query, body: await piece(part * PART_BYTES) });
          tags[part] = response.headers.get("etag") ?? "";
        }
      };
      const senders = await Promise.allSettled(Array.from({ length: PARTS_AT_ONCE }, sendSome));
      for (const sender of senders) if (sender.status === "rejected") throw sender.reason;
      const failure = await this.#complete(key, uploadId, tags).catch((error: unknown) => error);
      const found = await this.size(key);
      if (found !== size)
        throw failure ?? new S3Error(`the storage has ${found ?? "nothing"} of the ${size} bytes sent`, 0);
    } catch (error) {
      await this.#abort(key, uploadId).catch(() => {});
      throw error;
    }
  }

  async #complete(key: string, uploadId: string, tags: readonly string[]): Promise<void> {
    const parts = tags.map((tag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${tag}</ETag></Part>`);
    const body = new TextEncoder().encode(`<CompleteMultipartUpload>${parts.join("")}</CompleteMultipartUpload>`);
    const response = await this.#send("POST", key, { query: { uploadId }, body });
    const text = await response.text();
    // It may fail after its status is sent.
    if (element(text, "Error") !== null) throw refusal(200, text, "");
  }

  async #abort(key: string, uploadId: string): Promise<void> {
    await this.#send("DELETE", key, { query: { uploadId }, accept: [404] });
  }

  #encryption(): Record<string, string> {
    const { encryption } = this.#options;
    if (encryption === undefined) return {};
    return {
      "x-amz-server-side-encryption": encryption.algorithm,
      ...(encryption.keyId === undefined ? {} : { "x-amz-server-side-encryption-aws-kms-key-id": encryption.keyId }),
    };
  }

  #url(key: string | null, query: Readonly<Record<string, string>> = {}): string {
    const name = key === null ? [] : (this.#options.prefix + key).split("/");
    const path = name.map((part) => `/${encodeURIComponent(part)}`).join("");
    // As the signature has it: URLSearchParams would make `+` of a space.
    const search = Object.entries(query).map((pair) => pair.map(encodeURIComponent).join("="));
    return this.#root + path + (search.length === 0 ? "" : `?${search.join("&")}`);
  }

  async #send(method: string, key: string | null, request: Request): Promise<Response> {
    const { query, headers, body, isStream, accept = [] } = request;
    const url = this.#url(key, query);
    const init = {
      method,
      headers: {
        ...headers,
        "X-Amz-Content-Sha256": createHash("sha256")
          .update(body ?? "")
          .digest("hex"),
      },
      // Another region's address would be sent what was signed for this one.
      redirect: "manual" as const,
      ...(body === undefined ? {} : { body: body as NonNullable<RequestInit["body"]> }),
    };
    for (let attempt = 1; ; attempt++) {
      let failure: S3Error;
      try {
        // Signed anew: a signature has its time.
        const response = await this.#fetch(await this.#client.sign(url, init));
        if (response.ok || accept.includes(response.status))
          return isStream === true ? response : await whole(response);
        const text = await response.text();
        failure = refusal(response.status, text, response.headers.get("x-amz-bucket-region") ?? "");
        if (!isPassing(response.status, text)) throw failure;
      } catch (error) {
        if (error instanceof S3Error) throw error;
        const { cause, message } = error as Error & { cause?: Error };
        failure = new S3Error(`cannot be reached: ${cause?.message || message}`, 0, { cause: error });
      }
      if (attempt === TRIES_MAX) throw failure;
      await pause(PAUSE_MS * 2 ** attempt * (0.5 + Math.random() / 2));
    }
  }
}

async function whole(response: Response): Promise<Response> {
  const { status, headers } = response;
  const bytes = await response.arrayBuffer();
  return new Response(bytes.byteLength === 0 ? null : bytes, { status, headers });
}

/** Of the storage's or the way's; a request that came too slowly is a 400 (S3 API, "Error responses"). */
function isPassing(status: number, text: string): boolean {
  return status >= 500 || status === 429 || (status === 400 && element(text, "Code") === "RequestTimeout");
}

function refusal(status: number, text: string, region: string): S3Error {
  const words = element(text, "Message") ?? element(text, "Code") ?? "no reason";
  const other = status >= 300 && status < 400 && region !== "" ? ` (the bucket is in the region ${region})` : "";
  return new S3Error(`the storage answers ${status}: ${words}${other}`, status);
}

/** The storage's XML has neither attributes nor nesting in what is read of it. Null: there is no such element. */
function element(xml: string, name: string): string | null {
  const [first] = elements(xml, name);
  return first === undefined ? null : ENTITIES.reduce((text, [entity, sign]) => text.replaceAll(entity, sign), first);
}

function elements(xml: string, name: string): string[] {
  return [...xml.matchAll(new RegExp(`<${name}>(.*?)</${name}>`, "gs"))].map((match) => match[1]!);
}

const ENTITIES = [
  ["&lt;", "<"],
  ["&gt;", ">"],
  ["&quot;", '"'],
  ["&apos;", "'"],
  ["&#34;", '"'],
  ["&#39;", "'"],
  ["&amp;", "&"],
] as const;
