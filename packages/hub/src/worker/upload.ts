/** Files become artefacts: sent once for each digest, and taken up where a lost connection left them. */
import { createHash } from "node:crypto";
import { createReadStream, statSync } from "node:fs";
import { Readable } from "node:stream";
import { HubProblem, type HubClient } from "@stratos/hub-api";
import { pause } from "./pause.ts";

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

/** A hub that cannot be reached is waited for while the run lasts: codes of connect(2), getaddrinfo(3), fetch. */
const AWAY: ReadonlySet<unknown> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "EHOSTUNREACH",
  "EHOSTDOWN",
  "ENETUNREACH",
  "ENETDOWN",
  "EAI_AGAIN",
  "UND_ERR_SOCKET",
  "UND_ERR_CONNECT_TIMEOUT",
  "UND_ERR_HEADERS_TIMEOUT",
  "UND_ERR_BODY_TIMEOUT",
]);
/** Of a hub that answers with a trouble of its own, and of a name that a name server does not know. */
const TRIES_MAX = 8;
const PAUSE_MS = 500;
const PAUSE_MS_MAX = 5_000;

/**
 * A hub that is away, however long its restart takes, costs no work: the run's lease and its time-out bound the wait.
 *
 * @param signal  aborted when the run is to end
 * @throws HubProblem when the hub refuses it; at once what waiting does not mend, as a certificate or a file that
 *   cannot be read; the network's error once `signal` is aborted
 */
export async function uploadArtefacts(
  client: HubClient,
  files: readonly UploadFile[],
  signal: AbortSignal,
): Promise<UploadedArtefact[]> {
  const uploaded: UploadedArtefact[] = [];
  for (const { name, path, role, media } of files) {
    if (!statSync(path).isFile()) throw new Error(`${name}: is no file`);
    const digest = `sha256:${await digestOf(path, signal)}`;
    await upload(client, digest, path, signal);
    uploaded.push({ name, role, digest, media });
  }
  return uploaded;
}

async function digestOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const piece of createReadStream(path, { signal })) hash.update(piece as Uint8Array);
  return hash.digest("hex");
}

async function upload(client: HubClient, digest: string, path: string, signal: AbortSignal): Promise<void> {
  const { size } = statSync(path);
  let answered = 0;
  let isAnew = false;
  for (let pauseMs = PAUSE_MS; ; pauseMs = Math.min(pauseMs + PAUSE_MS, PAUSE_MS_MAX)) {
    try {
      const state = await client.call<{ offset: number; isComplete: boolean }>(
        "GET",
        `/blobs/${digest}/state`,
        undefined,
        { signal },
      );
      if (state.isComplete) return;
      const offset = isAnew ? 0 : state.offset;
      const rest = Readable.toWeb(createReadStream(path, { start: offset })) as ReadableStream<Uint8Array>;
      await client.raw("PUT", `/blobs/${digest}?offset=${offset}&size=${size}`, {
        body: size === 0 ? new Uint8Array(0) : rest,
        headers: { "content-type": "application/octet-stream" },
        signal,
      });
      return;
    } catch (error) {
      if (!signal.aborted) {
        // Behind a balancer it may be another hub that has the beginning.
        isAnew = error instanceof HubProblem && error.problem.type === "urn:stratos:hub:upload-offset";
        const most = triesAfter(error);
        if (most !== Infinity && ++answered >= most) throw error;
        await pause(pauseMs, signal);
      }
      if (signal.aborted) throw error;
    }
  }
}

/** How many requests may end so. */
function triesAfter(error: unknown): number {
  if (error instanceof HubProblem) return error.status < 500 && ![409, 429].includes(error.status) ? 1 : TRIES_MAX;
  // What fetch throws names the reason as its cause.
  const { cause = error } = error as Error;
  const { code } = cause as NodeJS.ErrnoException;
  return AWAY.has(code) ? Infinity : code === "ENOTFOUND" ? TRIES_MAX : 1;
}
