/** Files become artefacts: sent once for each digest, and taken up where a lost connection left them. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { HubProblem, type HubClient } from "@stratos/hub-api";

export interface UploadFile {
  readonly name: string;
  readonly path: string;
  readonly role: string;
  readonly media: string;
}
interface UploadedArtefact {
  readonly name: string;
  readonly role: string;
  readonly digest: string;
  readonly media: string;
}

const TRIES_MAX = 8;
const PAUSE_MS = 500;

/** @throws HubProblem, or the network's error after several tries */
export async function uploadArtefacts(
  client: HubClient,
  files: readonly UploadFile[],
  signal: AbortSignal,
): Promise<UploadedArtefact[]> {
  const uploaded: UploadedArtefact[] = [];
  for (const { name, path, role, media } of files) {
    const digest = `sha256:${await digestOf(path)}`;
    await upload(client, digest, path, signal);
    uploaded.push({ name, role, digest, media });
  }
  return uploaded;
}

async function digestOf(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path)) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

async function upload(client: HubClient, digest: string, path: string, signal: AbortSignal): Promise<void> {
  const { size } = statSync(path);
  for (let attempt = 1; ; attempt++) {
    try {
      const { offset, isComplete } = await client.call<{ offset: number; isComplete: boolean }>(
        "GET",
        `/blobs/${digest}/state`,
        undefined,
        { signal },
      );
      if (isComplete) return;
      const rest = Readable.toWeb(createReadStream(path, { start: offset })) as ReadableStream<Uint8Array>;
      await client.raw("PUT", `/blobs/${digest}?offset=${offset}&size=${size}`, {
        body: size === 0 ? new Uint8Array(0) : rest,
        headers: { "content-type": "application/octet-stream" },
        signal,
      });
      return;
    } catch (error) {
      const isFinal = error instanceof HubProblem && error.status < 500 && error.status !== 409;
      if (isFinal || signal.aborted || attempt === TRIES_MAX) throw error;
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS * attempt));
    }
  }
}
