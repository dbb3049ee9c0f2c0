/**
 * Which builds there were of a source package, and whether they are reproducible: packages of one name have one version
 * and architecture, and those of two builds the same digest, or not.
 */
import type { SourceBuild, SourceHistory } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";

const BUILDS_MAX = 500;

interface Row extends Omit<SourceBuild, "created" | "finished" | "packages" | "beside"> {
  readonly created: Date;
  readonly finished: Date | null;
  readonly files: readonly { readonly name: string; readonly digest: string }[] | null;
}

/** By the index `task_source`, whose words are these. */
const HISTORY = `
select t.id as task, t.state, t.payload->>'source' as source, t.payload->>'suite' as suite, t.arch, t.channel, t.owner,
  (select host from run where task_id = t.id order by attempt desc limit 1) as host, t.created, t.finished,
  t.failure_class as "failureClass", (
    select jsonb_agg(jsonb_build_object('name', name, 'digest', digest) order by name) from task_artefact
    where task_id = t.id and role = 'package' and name like '%.deb'
  ) as files
from task t
where t.kind = 'build' and substring(t.payload->>'source' from '^[a-z0-9][a-z0-9+.-]*') = $1
order by t.id desc limit ${BUILDS_MAX}`;

/** The newest builds of it; none for a name that nobody built. */
export async function historyOf(on: Queryable, source: string): Promise<SourceHistory> {
  const rows = await on.query<Row>(HISTORY, [source]);
  const first = new Map<string, { readonly task: number; readonly digest: string }>();
  let [isCompared, isSame] = [false, true];
  const items: SourceBuild[] = [];
  for (const { files, created, finished, ...row } of rows.toReversed()) {
    const made = row.state === "COMPLETED" ? (files ?? []) : [];
    const before = made.filter(({ name }) => first.has(name));
    const differ = before.filter(({ name, digest }) => first.get(name)!.digest !== digest).map(({ name }) => name);
    isCompared ||= before.length > 0;
    isSame &&= differ.length === 0;
    items.push({
      ...row,
      created: created.toISOString(),
      finished: finished?.toISOString() ?? null,
      packages: made.length,
      beside: before.length === 0 ? null : { task: first.get(before[0]!.name)!.task, differ },
    });
    for (const { name, digest } of made) if (!first.has(name)) first.set(name, { task: row.task, digest });
  }
  return { source, reproducible: !isCompared ? "unknown" : isSame ? "yes" : "no", items: items.toReversed() };
}
