/** An artefact of a hub as a file, whose digest is proved before the file has its name. */
import { createHash } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { open } from "node:fs/promises";
import type { HubClient } from "@stratos/hub-api";

/** @throws Error when what comes has another digest; the file is not there then */
export async function downloadArtefact(
  client: HubClient,
  digest: string,
  path: string,
  signal?: AbortSignal,
): Promise<void> {
  const response = await client.raw("GET", `/blobs/${digest}`, signal === undefined ? {} : { signal });
  const draft = `${path}.part-${process.pid}`;
  const file = await open(draft, "wx", 0o644);
  try {
    const hash = createHash("sha256");
    for await (const piece of response.body as unknown as AsyncIterable<Uint8Array>) {
      hash.update(piece);
      await file.writeFile(piece);
    }
    const found = `sha256:${hash.digest("hex")}`;
    if (found !== digest) throw new Error(`${path}: what came has the digest ${found}, and not ${digest}`);
    await file.sync();
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  } finally {
    await file.close();
  }
}
