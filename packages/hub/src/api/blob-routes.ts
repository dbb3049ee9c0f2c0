/** Artefacts by digest. */
import { BLOB_BYTES_MAX, type BlobStore } from "../blobs/blob-store.ts";
import { noteArtefact } from "../store/artefacts.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import type { ApiRequest, ApiRoute } from "./route.ts";

export function blobRoutes(blobs: BlobStore): readonly ApiRoute[] {
  const digest = ({ parameters }: ApiRequest): string => parameters["digest"]!;
  return [
    {
      id: "getBlobState",
      method: "get",
      path: "/blobs/{digest}/state",
      tag: "artefacts",
      permission: "artefact:write",
      summary: "How much of an artefact is there.",
      handle: async (request) => {
        const state = blobs.state(digest(request));
        // It is wanted again: the collector keeps it for another while.
        if (state.isComplete) await noteArtefact(request.hub.database, digest(request), state.offset);
        return { body: state };
      },
    },
    {
      id: "putBlob",
      method: "put",
      path: "/blobs/{digest}",
      tag: "artefacts",
      permission: "artefact:write",
      takes: "bytes",
      bodyBytesMax: BLOB_BYTES_MAX,
      status: 200,
      summary: "Uploads an artefact, or the next piece of it. One that broke off goes on at its state's offset.",
      query: {
        offset: {
          schema: { type: "integer", minimum: 0, maximum: BLOB_BYTES_MAX },
          description: "where the body begins (default 0)",
        },
        size: { schema: { type: "integer", minimum: 0, maximum: BLOB_BYTES_MAX }, description: "bytes of the whole" },
      },
      handle: async (request) => {
        const size = request.query["size"] as number | undefined;
        if (size === undefined) throw new HubError(400, "bad-query", "size: missing");
        const offset = (request.query["offset"] as number | undefined) ?? 0;
        const body = await blobs.write(digest(request), { offset, size, content: request.content });
        if (body.isComplete) await noteArtefact(request.hub.database, digest(request), body.offset);
        return { body };
      },
    },
    {
      id: "getBlob",
      method: "get",
      path: "/blobs/{digest}",
      tag: "artefacts",
      permission: "artefact:read",
      answers: "bytes",
      summary: "An artefact's content, or a range of it.",
      handle: async (request) => {
        const size = blobs.size(digest(request));
        if (size === null) throw notFound(`artefact ${digest(request)}`);
        const headers = {
          "Content-Type": "application/octet-stream",
          "Accept-Ranges": "bytes",
          ETag: `"${digest(request)}"`,
          "Cache-Control": "private, max-age=31536000, immutable",
        };
        const range = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(request.headers.get("range") ?? "");
        if (range === null)
          return new Response(blobs.read(digest(request), { start: 0, end: size - 1 }), {
            headers: { ...headers, "Content-Length": String(size) },
          });
        const start = Number(range[1]);
        const end = range[2] === "" ? size - 1 : Math.min(Number(range[2]), size - 1);
        if (start > end)
          throw new HubError(416, "bad-range", `the artefact has ${size} bytes`, {
            headers: { "Content-Range": `bytes */${size}` },
          });
        return new Response(blobs.read(digest(request), { start, end }), {
          status: 206,
          headers: {
            ...headers,
            "Content-Length": String(end - start + 1),
            "Content-Range": `bytes ${start}-${end}/${size}`,
          },
        });
      },
    },
  ];
}
