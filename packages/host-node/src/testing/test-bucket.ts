/** S3-compatible storage of a test's own: a server in this process that checks signatures, over a folder. */
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { S3Options } from "../s3-bucket.ts";

/** As the package's README has it; it brings no types. */
interface S3rver {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
  readonly httpServer: { closeAllConnections(): void };
}
type S3rverClass = new (options: object) => S3rver;

export interface TestBucket {
  readonly options: S3Options & { readonly endpoint: string };
  /** Where the storage has its files. */
  readonly folder: string;
  /** What of each request is done in place of the network, from the first of them on. */
  fault: ((request: globalThis.Request) => Promise<Response | undefined> | Response | undefined) | null;
  /** `METHOD PATH?QUERY` of all requests that were sent by these options. */
  readonly requests: string[];
  close(): Promise<void>;
}

export async function startTestBucket(): Promise<TestBucket> {
  const folder = mkdtempSync(join(tmpdir(), "test-bucket-"));
  const name: string = "@20minutes/s3rver";
  const { default: Server } = (await import(name)) as { default: S3rverClass };
  const server = new Server({
    address: "127.0.0.1",
    port: 0,
    silent: true,
    directory: folder,
    vhostBuckets: false,
    configureBuckets: [{ name: "artefacts" }],
  });
  const { port } = await server.run();
  const bucket: TestBucket = {
    options: {
      bucket: "artefacts",
      prefix: "hub one/",
      endpoint: `http://127.0.0.1:${port}`,
      region: "us-east-1",
      credentials: { accessKeyId: "S3RVER", secretAccessKey: "S3RVER" },
      fetch: async (input, init) => {
        const request = new Request(input, init);
        const { pathname, search } = new URL(request.url);
        bucket.requests.push(`${request.method} ${pathname}${search}`);
        return (await bucket.fault?.(request)) ?? (await fetch(request));
      },
    },
    folder,
    fault: null,
    requests: [],
    close: async () => {
      const closed = server.close();
      server.httpServer.closeAllConnections();
      await closed;
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return bucket;
}
