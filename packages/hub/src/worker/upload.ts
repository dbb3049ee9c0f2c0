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

/** Of a hub that answers with a trouble of its own; one that cannot be reached is waited for while the run lasts. */
const TRIES_MAX = 8;
const PAUSE_MS = 500;
const PAUSE_MS_MAX = 5_000;

/**
 * A hub that is away, however long its restart takes, costs no work: the run's lease and its time-out bound the wait.
 *
 * @param signal  aborted when the run is to end
 * @throws HubProblem when the hub refuses it; the network's error once `signal` is aborted
 */
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
  let answered = 0;
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs + PAUSE_MS, PAUSE_MS_MAX)) {
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
      if (error instanceof HubProblem) {
        const isFinal = error.status < 500 && error.status !== 409;
        if (isFinal || ++answered === TRIES_MAX) throw error;
      }
      if (signal.aborted) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
