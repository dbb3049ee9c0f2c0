/**
 * Why runs failed: found once for each run, a moment after its end, and counted by cause. What was found stays as it is
 * when rules change, until somebody has it looked at again.
 */
import type { FailedRunView, FailureClass, FailureReport, FailureView } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import { jsonText } from "../database/json-text.ts";
import { causeOfLog, LOG_TAIL_BYTES } from "../failures/cause-of-log.ts";
import type { FoundCause } from "../failures/find-cause.ts";
import type { OwnRules } from "../failures/own-rules.ts";
import { notFound } from "./hub-error.ts";

interface UndiagnosedRow {
  id: number;
  /** Null: it is gone. */
  task_id: number | null;
  at: Date;
  failure_class: FailureClass | null;
  message: string | null;
  log_bytes: number;
  kind: string;
  channel: string;
  arch: string;
  label: string;
  payload: Record<string, unknown>;
  result: { readonly source?: { readonly name?: unknown } } | null;
}

const BATCH = 20;
/** The leader has other chores, which may not wait. */
const TURN_MS = 200;
const WORD_MAX = 128;

/** @returns 0, so that other chores have their turn before it goes on: there may be a hundred thousand, of before */
export async function diagnoseRuns(database: Database, rules: OwnRules): Promise<number> {
  const startedMs = performance.now();
  while (performance.now() - startedMs < TURN_MS) {
    const rows = await database.query<UndiagnosedRow>(
      `select d.run_id as id, t.id as task_id, r.ended as at, r.failure_class, r.message, r.log_bytes, t.kind, \
t.channel, t.arch, t.label, t.payload, t.result
      from (select run_id from to_diagnose order by run_id limit ${BATCH}) d left join run r on r.id = d.run_id
        left join task t on t.id = r.task_id order by d.run_id`,
    );
    if (rows.length === 0) return 0;
    const found: object[] = [];
    for (const row of rows)
      if (row.task_id !== null) found.push({ ...placeOf(row), ...causeColumns(await diagnose(database, rules, row)) });
    await database.query(KEEP, [jsonText(found), rows.map(({ id }) => id)]);
  }
  return 0;
}

const KEEP = `
with i as (
  select * from jsonb_to_recordset($1::jsonb) as x(run bigint, task bigint, at timestamptz, id text, cause text, \
stage text, text text, package text, suite text, arch text, channel text, line text, file text)
), c as (
  insert into failure_cause (id, cause, stage, line, first_seen)
  select id, min(cause), min(stage), min(text), min(at) from i group by id order by id
  on conflict (id) do update set first_seen = least(failure_cause.first_seen, excluded.first_seen)
), f as (
  insert into failed_run (run_id, task_id, cause_id, at, package, suite, arch, channel, line, file)
  select run, task, id, at, package, suite, arch, channel, line, file from i
  on conflict (run_id) do update set cause_id = excluded.cause_id, line = excluded.line, file = excluded.file
)
delete from to_diagnose where run_id = any($2::bigint[])`;

const causeColumns = ({ id, cause, stage, text, line, file }: FoundCause): object => ({
  ...{ id, cause, stage, text, line, file },
});

async function diagnose(database: Queryable, rules: OwnRules, row: UndiagnosedRow): Promise<FoundCause> {
  const from = Math.max(row.log_bytes - LOG_TAIL_BYTES, 0);
  const chunks = await database.query<{ start: number; content: Uint8Array }>(
    "select start, content from log_chunk where run_id = $1 and start + length(content) > $2 order by start",
    [row.id, from],
  );
  const log = Buffer.concat(chunks.map(({ content }) => content));
  const run = { failureClass: row.failure_class, message: row.message ?? "" };
  return causeOfLog(log, run, rules, (chunks[0]?.start ?? 0) > 0);
}

/** What was built, or done: without a version, so that a source stays itself. */
function placeOf({ id, task_id, at, kind, channel, arch, label, payload, result }: UndiagnosedRow): object {
  const word = (value: unknown): string => (typeof value === "string" ? value.slice(0, WORD_MAX).toWellFormed() : "");
  const source = kind === "build" ? word(result?.source?.name ?? sourceName(payload["source"])) : "";
  return {
    run: id,
    task: task_id,
    at: at.toISOString(),
    package: source === "" ? word(label) || kind : source,
    suite: word(payload["suite"]),
    arch: word(payload["host"]) || arch,
    channel,
  };
}

/** Of a name, a .dsc or the URL of a repository. */
function sourceName(source: unknown): string {
  if (typeof source !== "string") return "";
  const last = source
    .replace(/[#?].*$/s, "")
    .replace(/\/+$/, "")
    .split("/")
    .at(-1)!;
  return last.replace(/\.git$/, "").split(/[=_]/)[0]!;
}

export interface FailureFilter {
  readonly since: Date;
  readonly until: Date;
  readonly package?: string;
  readonly suite?: string;
  readonly arch?: string;
  readonly channel?: string;
  readonly cause?: string;
}

const PACKAGES_SHOWN = 10;

function whereOf(filter: FailureFilter): { where: string; parameters: unknown[] } {
  const parameters: unknown[] = [filter.since, filter.until];
  const tests = ["f.at >= $1", "f.at < $2"];
  for (const name of ["package", "suite", "arch", "channel"] as const)
    if (filter[name] !== undefined) tests.push(`f.${name} = $${parameters.push(filter[name])}`);
  if (filter.cause !== undefined)
    tests.push(`f.cause_id in (select id from failure_cause where cause = $${parameters.push(filter.cause)})`);
  return { where: tests.join(" and "), parameters };
}

/** Failures of a span by cause, those that most tasks have first. */
export async function failureReport(on: Queryable, filter: FailureFilter, limit: number): Promise<FailureReport> {
  const { where, parameters } = whereOf(filter);
  const [all] = await on.query<{ runs: number; tasks: number; causes: number }>(
    `select count(*) as runs, count(distinct task_id) as tasks, count(distinct cause_id) as causes from failed_run f \
where ${where}`,
    parameters,
  );
  const rows = await on.query<{
    id: string;
    cause: string;
    stage: string;
    text: string;
    runs: number;
    tasks: number;
    first: Date;
    last: Date;
    is_new: boolean;
    run_id: number;
    task_id: number;
    line: string;
    file: string;
  }>(
    `
    with g as materialized (
      select cause_id, count(*) as runs, count(distinct task_id) as tasks, min(at) as first, max(at) as last, \
max(run_id) as run_id
      from failed_run f where ${where} group by cause_id
      order by tasks desc, last desc, cause_id limit $${parameters.length + 1}
    )
    select c.id, c.cause, c.stage, c.line as text, g.runs, g.tasks, g.first, g.last, c.first_seen >= $1 as is_new,
      g.run_id, e.task_id, e.line, e.file
    from g join failure_cause c on c.id = g.cause_id join failed_run e on e.run_id = g.run_id
    order by g.tasks desc, g.last desc, c.id`,
    [...parameters, limit],
  );
  const packages = await on.query<{ cause_id: string; package: string; runs: number; all: number }>(
    `
    select * from (
      select cause_id, package, count(*) as runs, count(*) over (partition by cause_id) as all,
        row_number() over (partition by cause_id order by count(*) desc, package) as place
      from failed_run f where ${where} and cause_id = any($${parameters.length + 1}::text[]) group by cause_id, package
    ) p where place <= ${PACKAGES_SHOWN} order by cause_id, place`,
    [...parameters, rows.map(({ id }) => id)],
  );
  const items = rows.map((row): FailureView => {
    const mine = packages.filter(({ cause_id }) => cause_id === row.id);
    return {
      id: row.id,
      cause: row.cause,
      stage: row.stage,
      text: row.text,
      runs: row.runs,
      tasks: row.tasks,
      firstSeen: row.first.toISOString(),
      lastSeen: row.last.toISOString(),
      isNew: row.is_new,
      packages: mine.map(({ package: name, runs }) => ({ name, runs })),
      packageCount: mine[0]?.all ?? 0,
      example: { task: row.task_id, run: row.run_id, line: row.line, file: row.file },
    };
  });
  return { since: filter.since.toISOString(), until: filter.until.toISOString(), ...all!, items, next: null };
}

/** Runs of one cause, the newest first. @throws HubError 404 */
export async function runsOfFailure(
  on: Queryable,
  id: string,
  { before, limit }: { before: number | null; limit: number },
): Promise<FailedRunView[]> {
  const [known] = await on.query("select 1 from failure_cause where id = $1", [id]);
  if (known === undefined) throw notFound(`failure ${id}`);
  const rows = await on.query<Omit<FailedRunView, "at"> & { at: Date }>(
    `select run_id as run, task_id as task, at, package, suite, arch, channel, line, file from failed_run \
where cause_id = $1 and ($2::bigint is null or run_id < $2) order by run_id desc limit $3`,
    [id, before, limit],
  );
  return rows.map((row) => ({ ...row, at: row.at.toISOString() }));
}

/** They are looked at again, by the rules of now. @returns how many */
export async function diagnoseAgain(on: Queryable, since: Date): Promise<number> {
  const [row] = await on.query<{ count: number }>(
    `with r as (
      insert into to_diagnose select run_id from failed_run where at >= $1 on conflict do nothing returning run_id
    ) select count(*) as count from r`,
    [since],
  );
  return row!.count;
}

/** Runs of the last day, by the kind of their cause. */
export function countFailures(on: Queryable): Promise<{ cause: string; count: number }[]> {
  return on.query(
    "select c.cause, count(*) as count from failed_run f join failure_cause c on c.id = f.cause_id where f.at > " +
      "now() - interval '1 day' group by 1 order by 1",
  );
}

/** Of runs that retention has removed. */
export async function removeUnusedCauses(database: Queryable, limit: number): Promise<number> {
  const rows = await database.query(
    `delete from failure_cause where id in (
      select id from failure_cause c where not exists (select 1 from failed_run where cause_id = c.id) limit $1) \
returning 1`,
    [limit],
  );
  return rows.length;
}
