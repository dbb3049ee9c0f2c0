/** A blob over HTTP: the whole, or a range of it (RFC 9110 §14), or where it is read from. */
import { HubError, notFound } from "../store/hub-error.ts";
import type { BlobStore } from "./blob-store.ts";
import { isKnown } from "./entity-tags.ts";

/** @throws HubError 404, 416, 503 */
export async function blobResponse(
  blobs: BlobStore,
  digest: string,
  { asked, headers }: { readonly asked: Headers; readonly headers: Readonly<Record<string, string>> },
): Promise<Response> {
  const size = await blobs.size(digest);
  if (size === null) throw notFound(`artefact ${digest}`);
  if (isKnown(asked.get("if-none-match") ?? undefined, `"${digest}"`))
    return new Response(null, { status: 304, headers: { ...headers, ETag: `"${digest}"` } });
  const address = await blobs.address(digest);
  if (address !== null)
    return new Response(null, { status: 307, headers: { Location: address, "Cache-Control": "no-store" } });
  const etag = `"${digest}"`;
  const told = { ...headers, "Accept-Ranges": "bytes", ETag: etag };
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(asked.get("range") ?? "");
  // A range of another content is no part of this one.
  const isOfThis = (asked.get("if-range") ?? etag) === etag;
  if (match === null || match[0] === "bytes=-" || !isOfThis)
    return new Response(await blobs.read(digest, { start: 0, end: size - 1 }), {
      headers: { ...told, "Content-Length": String(size) },
    });
  // `-N`: the last N.
  const isSuffix = match[1] === "";
  const start = isSuffix ? Math.max(0, size - Number(match[2])) : Number(match[1]);
  const end = isSuffix || match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (start > end)
    throw new HubError(416, "bad-range", `the artefact has ${size} bytes`, {
      headers: { "Content-Range": `bytes */${size}` },
    });
  return new Response(await blobs.read(digest, { start, end }), {
    status: 206,
    headers: {
      ...told,
      "Content-Length": String(end - start + 1),
      "Content-Range": `bytes ${start}-${end}/${size}`,
    },
  });
}
