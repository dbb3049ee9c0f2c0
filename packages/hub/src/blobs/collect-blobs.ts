/** Blobs that no task has any more, and that nobody uploaded lately, go. */
import type { Database } from "../database/database.ts";
import type { Chore } from "../leader/housekeeping.ts";
import type { BlobStore } from "./blob-store.ts";

const BLOB_KEPT_HOURS = 24;

export function blobChore(database: Database, blobs: BlobStore): Chore {
  return {
    name: "blobs",
    everyMs: 60_000,
    work: async (limit) => {
      blobs.removeStaleUploads(BLOB_KEPT_HOURS * 3_600_000, Date.now());
      return collectBlobs(database, blobs, { limit, hours: BLOB_KEPT_HOURS });
    },
  };
}

/**
 * The row goes before the file: a file without a row is found again by its next upload, a row without a file would be a
 * lie.
 */
export async function collectBlobs(
  database: Database,
  blobs: BlobStore,
  { limit, hours }: { limit: number; hours: number },
): Promise<number> {
  const rows = await database.query<{ digest: string }>(
    `
    delete from artefact where digest in (
      select digest from artefact a where created <= now() - make_interval(hours => $2)
        and not exists (select 1 from task_artefact where digest = a.digest) order by digest limit $1 for update skip \
locked)
    returning digest`,
    [limit, hours],
  );
  for (const { digest } of rows) blobs.remove(digest);
  return rows.length;
}
