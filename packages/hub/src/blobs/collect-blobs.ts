/** Blobs that no task has any more, and that nobody uploaded lately, go. */
import type { Database } from "../database/database.ts";
import type { Chore } from "../leader/housekeeping.ts";
import type { BlobStore } from "./blob-store.ts";

const BLOB_KEPT_HOURS = 24;
const SWEEP_EVERY_MS = 6 * 3_600_000;

export function blobChores(database: Database, blobs: BlobStore): Chore[] {
  return [
    {
      name: "uploads",
      everyMs: 600_000,
      work: async () => {
        await blobs.removeStaleUploads(Date.now() - BLOB_KEPT_HOURS * 3_600_000);
        return 0;
      },
    },
    {
      name: "blobs",
      everyMs: 60_000,
      work: (limit) => collectBlobs(database, blobs, { limit, hours: BLOB_KEPT_HOURS }),
    },
    {
      name: "blob sweep",
      everyMs: SWEEP_EVERY_MS,
      work: async () => {
        await adoptBlobs(database, blobs);
        return 0;
      },
    },
  ];
}

const UNUSED =
  "created <= now() - make_interval(hours => $2) and not exists (select 1 from task_artefact where digest = " +
  "a.digest) and not exists (select 1 from package where digest = a.digest)";

/**
 * A blob goes while its row is being deleted: who wants it again at that moment waits for the row, and then finds that
 * both are gone (`getBlobState`). Were the hub killed in between, the row would stay until the next call.
 */
export async function collectBlobs(
  database: Database,
  blobs: BlobStore,
  { limit, hours }: { limit: number; hours: number },
): Promise<number> {
  const unused = await database.query<{ digest: string }>(
    `select digest from artefact a where ${UNUSED} order by digest limit $1`,
    [limit, hours],
  );
  for (const { digest } of unused)
    await database.transaction("read committed", async (inside) => {
      const deleted = await inside.query(
        `delete from artefact where digest = (select digest from artefact a where digest = $1 and ${UNUSED} ` +
          "for update skip locked) returning digest",
        [digest, hours],
      );
      if (deleted.length > 0) await blobs.remove(digest);
    });
  return unused.length;
}

const BATCH = 500;

/** Blobs without a row, as a hub that was killed leaves them, get one, so that they are collected like others. */
export async function adoptBlobs(database: Database, blobs: BlobStore): Promise<number> {
  let adopted = 0;
  let batch: { digest: string; created: string }[] = [];
  const adopt = async (): Promise<void> => {
    const missing = await database.query<{ digest: string }>(
      "select digest from unnest($1::text[]) as x(digest) where not exists (select 1 from artefact where digest = " +
        "x.digest)",
      [batch.map(({ digest }) => digest)],
    );
    for (const { digest } of missing) {
      const size = await blobs.size(digest);
      if (size === null) continue;
      const { created } = batch.find((one) => one.digest === digest)!;
      const rows = await database.query(
        "insert into artefact (digest, size, created) values ($1, $2, $3) on conflict do nothing returning digest",
        [digest, size, created],
      );
      adopted += rows.length;
    }
    batch = [];
  };
  for await (const { digest, modifiedMs } of blobs.list()) {
    batch.push({ digest, created: new Date(modifiedMs).toISOString() });
    if (batch.length === BATCH) await adopt();
  }
  if (batch.length > 0) await adopt();
  return adopted;
}
