/** Which artefacts a task has. What they hold is in the blob store, by digest. */
import type { EndedRun, RunEnd } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";
import { SQL_FOREIGN_KEY_VIOLATION, type DatabaseError } from "../database/database.ts";
import { HubError } from "./hub-error.ts";

/** Only of runs that ended by this very request. @throws HubError 409 for an artefact that was not uploaded */
export async function addArtefacts(
  inside: Queryable,
  ended: readonly EndedRun[],
  ends: readonly RunEnd[],
): Promise<void> {
  const rows = ends.flatMap(({ run, artefacts }) => {
    const end = ended.find((one) => one.run === run);
    return end === undefined ? [] : artefacts!.map((artefact) => ({ ...artefact, run, task: end.task }));
  });
  if (rows.length === 0) return;
  try {
    await inside.query(
      `
      insert into task_artefact (task_id, run_id, name, role, digest, media)
      select task, run, name, role, digest, media from jsonb_to_recordset($1::jsonb)
        as x(task bigint, run bigint, name text, role text, digest text, media text)
      on conflict (task_id, name) do update set run_id = excluded.run_id, role = excluded.role, digest = \
excluded.digest, media = excluded.media`,
      [JSON.stringify(rows)],
    );
  } catch (error) {
    if ((error as DatabaseError).code === SQL_FOREIGN_KEY_VIOLATION)
      throw new HubError(
        409,
        "no-such-artefact",
        "an artefact of the result was not uploaded, or has been removed since; upload it again",
        { cause: error },
      );
    throw error;
  }
}

export async function noteArtefact(on: Queryable, digest: string, size: number): Promise<void> {
  await on.query(
    "insert into artefact (digest, size) values ($1, $2) on conflict (digest) do update set created = now()",
    [digest, size],
  );
}
