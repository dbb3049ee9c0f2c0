/**
 * `/repos/CHANNEL`: a channel's packages as apt reads them. They need no key: who may reach the hub may read them, and
 * the signature says whose they are.
 */
import { Hono } from "hono";
import { blobResponse } from "../blobs/blob-response.ts";
import type { BlobStore } from "../blobs/blob-store.ts";
import { notFound } from "../store/hub-error.ts";
import type { Repositories } from "./repositories.ts";

export function repositoryPages(repositories: Repositories, blobs: BlobStore): Hono {
  const app = new Hono();
  app.use("*", async (context, next) => {
    // What asks the database for it would fail.
    if (/%00/.test(context.req.url)) throw notFound(context.req.path);
    await next();
  });
  app.get("/archive-key.gpg", async () => keyResponse((await repositories.publicKey()).binary));
  app.get("/:channel/archive-key.gpg", async () => keyResponse((await repositories.publicKey()).binary));
  app.get("/:channel/dists/:suite/:path{.+}", async (context) => {
    const { channel, suite, path } = context.req.param();
    const file = channel === suite ? await repositories.file(channel, path) : null;
    if (file === null) throw notFound(context.req.path);
    const headers = {
      "Last-Modified": file.modified.toUTCString(),
      "Content-Type": "application/octet-stream",
      "Cache-Control": path.includes("/by-hash/") ? "max-age=86400, immutable" : "no-cache",
    };
    const since = Date.parse(context.req.header("if-modified-since") ?? "");
    if (!Number.isNaN(since) && file.modified.getTime() <= since) return new Response(null, { status: 304, headers });
    const content = await file.content();
    return new Response(new Uint8Array(content), {
      headers: { ...headers, "Content-Length": String(content.length) },
    });
  });
  app.get("/:channel/:path{pool/.+}", async (context) => {
    const { channel, path } = context.req.param();
    const digest = await repositories.pooled(channel, path);
    if (digest === null) throw notFound(context.req.path);
    return blobResponse(blobs, digest, {
      asked: context.req.raw.headers,
      headers: { "Content-Type": "application/vnd.debian.binary-package", "Cache-Control": "max-age=86400, immutable" },
    });
  });
  return app;
}

function keyResponse(key: Uint8Array): Response {
  return new Response(new Uint8Array(key), { headers: { "Content-Type": "application/pgp-keys" } });
}
