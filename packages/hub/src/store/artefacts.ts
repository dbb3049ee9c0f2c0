/** Which artefacts a task has. What they hold is in the blob store, by digest. */
import type { EndedRun, RunEnd } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";
import { SQL_FOREIGN_KEY_VIOLATION, type DatabaseError } from "../database/database.ts";
import { HubError } from "./hub-error.ts";

interface TaskArtefact {
  readonly task: number;
  /** 0: it came with the submission. */
  readonly run: number;
  readonly name: string;
  readonly role: string;
  readonly digest: string;
  readonly media: string;
}

/** Only of runs that ended by this very request. @throws HubError 409 for an artefact that was not uploaded */
export async function addArtefacts(
  inside: Queryable,
  ended: readonly EndedRun[],
  ends: readonly RunEnd[],
): Promise<void> {
  const rows: TaskArtefact[] = [];
  const toPublish: number[] = [];
  for (const { run, artefacts } of ends) {
    const end = ended.find((one) => one.run === run);
    if (end === undefined) continue;
    rows.push(...artefacts!.map((artefact) => ({ ...artefact, run, task: end.task })));
    if (end.state === "COMPLETED" && artefacts!.some(isPackage)) toPublish.push(end.task);
  }
  await noteTaskArtefacts(inside, rows);
  if (toPublish.length > 0)
    await inside.query("insert into to_publish (task_id) select * from unnest($1::bigint[])", [toPublish]);
}

/** Whether it goes into the repository of its task's channel. */
export function isPackage({ role, name }: { readonly role: string; readonly name: string }): boolean {
  return role === "package" && name.endsWith(".deb");
}

/** @throws HubError 409 for one that was not uploaded */
export async function noteTaskArtefacts(inside: Queryable, rows: readonly TaskArtefact[]): Promise<void> {
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
        "an artefact was not uploaded, or has been removed since; upload it again",
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
