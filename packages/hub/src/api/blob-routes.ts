/** Artefacts by digest. */
import { BLOB_BYTES_MAX, type BlobStore } from "../blobs/blob-store.ts";
import { blobResponse } from "../blobs/blob-response.ts";
import { noteArtefact } from "../store/artefacts.ts";
import { HubError } from "../store/hub-error.ts";
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
        const state = await blobs.state(digest(request));
        if (!state.isComplete) return { body: state };
        // It is wanted again: the collector keeps it for another while, or has just taken it.
        await noteArtefact(request.hub.database, digest(request), state.offset);
        return { body: await blobs.state(digest(request)) };
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
      handle: async (request) =>
        blobResponse(blobs, digest(request), {
          asked: request.headers,
          headers: {
            "Content-Type": "application/octet-stream",
            "Cache-Control": "private, max-age=31536000, immutable",
          },
        }),
    },
  ];
}
