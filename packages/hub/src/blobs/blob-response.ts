/** A blob over HTTP: the whole, or a range of it (RFC 9110 §14), or where it is read from. */
import { HubError, notFound } from "../store/hub-error.ts";
import type { BlobStore } from "./blob-store.ts";

/** @throws HubError 404, 416, 503 */
export async function blobResponse(
  blobs: BlobStore,
  digest: string,
  { range, headers }: { readonly range: string | null; readonly headers: Readonly<Record<string, string>> },
): Promise<Response> {
  const size = await blobs.size(digest);
  if (size === null) throw notFound(`artefact ${digest}`);
  const address = await blobs.address(digest);
  if (address !== null)
    return new Response(null, { status: 307, headers: { Location: address, "Cache-Control": "no-store" } });
  const told = { ...headers, "Accept-Ranges": "bytes", ETag: `"${digest}"` };
  const match = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(range ?? "");
  if (match === null)
    return new Response(await blobs.read(digest, { start: 0, end: size - 1 }), {
      headers: { ...told, "Content-Length": String(size) },
    });
  const start = Number(match[1]);
  const end = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
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
