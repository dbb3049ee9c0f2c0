/** Tasks, as they are read. Lists go by id, newest first, and are continued behind the last one seen. */
import type { ArtefactView, RunView, TaskDetails, TaskState, TaskView } from "@stratos/hub-api";
import type { Queryable } from "../database/database.ts";
import { notFound } from "./hub-error.ts";

interface TaskRow extends Omit<
  TaskView,
  "workflow" | "cancelRequested" | "timeoutSeconds" | "created" | "finished" | "failureClass"
> {
  workflow_id: number | null;
  cancel_requested: boolean;
  timeout_seconds: number;
  created: Date;
  finished: Date | null;
  failure_class: TaskView["failureClass"];
}

const COLUMNS = `id, kind, arch, channel, label, payload, state, priority, weight, requires, owner, workflow_id, \
attempt,
  cancel_requested, timeout_seconds, created, finished, failure_class, message, result, version`;

function view({
  workflow_id,
  cancel_requested,
  timeout_seconds,
  created,
  finished,
  failure_class,
  ...row
}: TaskRow): TaskView {
  return {
    ...row,
    workflow: workflow_id,
    cancelRequested: cancel_requested,
    timeoutSeconds: timeout_seconds,
    created: created.toISOString(),
    finished: finished?.toISOString() ?? null,
    failureClass: failure_class,
  };
}

interface TaskFilter {
  readonly states?: readonly TaskState[];
  readonly channel?: string;
  readonly kind?: string;
  readonly owner?: string;
  readonly workflow?: number;
  /** Only tasks before this one. */
  readonly before?: number;
}

const OPEN = ["BLOCKED", "FREE", "ASSIGNED", "RUNNING"];

/** Payloads and results of one page; whatever it is, a page has one task at least. */
const PAGE_BYTES_MAX = 8 << 20;

interface TaskPage {
  readonly items: TaskView[];
  /** Of the next page; null: this is the last. */
  readonly next: string | null;
}

/** A page ends early where what its tasks hold is too much for one answer. */
export async function listTasks(on: Queryable, filter: TaskFilter, limit: number): Promise<TaskPage> {
  const parameters: unknown[] = [limit];
  const tests: string[] = [];
  const test = (sql: string, value: unknown): void => {
    parameters.push(value);
    tests.push(sql.replace("?", `$${parameters.length}`));
  };
  if (filter.states !== undefined) {
    test("state = any(?::text[])", [...filter.states]);
    // The partial indexes are found by their own words alone.
    if (filter.states.every((state) => OPEN.includes(state)))
      tests.push("state in ('BLOCKED','FREE','ASSIGNED','RUNNING')");
    if (filter.states.every((state) => state === "FAILED")) tests.push("state = 'FAILED'");
  }
  if (filter.channel !== undefined) test("channel = ?", filter.channel);
  if (filter.kind !== undefined) test("kind = ?", filter.kind);
  if (filter.owner !== undefined) test("owner = ?", filter.owner);
  if (filter.workflow !== undefined) test("workflow_id = ?", filter.workflow);
  if (filter.before !== undefined) test("id < ?", filter.before);
  const rows = await on.query<TaskRow & { found: number }>(
    `
    with p as materialized (
      select ${COLUMNS} from task${tests.length === 0 ? "" : ` where ${tests.join(" and ")}`} order by id desc limit $1
    ), s as (
      select p.*, row_number() over w as place, count(*) over () as found,
        sum(octet_length(payload::text) + coalesce(octet_length(result::text), 0)) over w as bytes
      from p window w as (order by id desc)
    )
    select ${COLUMNS}, found from s where place = 1 or bytes <= ${PAGE_BYTES_MAX} order by id desc`,
    parameters,
  );
  const hasMore = rows.length > 0 && (rows[0]!.found === limit || rows.length < rows[0]!.found);
  return { items: rows.map(({ found: _, ...row }) => view(row)), next: hasMore ? String(rows.at(-1)!.id) : null };
}

export async function findTask(on: Queryable, id: number): Promise<TaskView> {
  const [row] = await on.query<TaskRow>(`select ${COLUMNS} from task where id = $1`, [id]);
  if (row === undefined) throw notFound(`task ${id}`);
  return view(row);
}

const RUNS_MAX = 100;

export async function taskDetails(on: Queryable, id: number): Promise<TaskDetails> {
  const task = await findTask(on, id);
  const runs = await on.query<{
    id: number;
    attempt: number;
    host: string;
    state: RunView["state"];
    assigned: Date;
    started: Date | null;
    ended: Date | null;
    lease_until: Date;
    failure_class: RunView["failureClass"];
    message: string | null;
    log_bytes: number;
  }>(
    `select id, attempt, host, state, assigned, started, ended, lease_until, failure_class, message, log_bytes
      from run where task_id = $1 order by id desc limit ${RUNS_MAX}`,
    [id],
  );
  const parents = await on.query<TaskDetails["parents"][number]>(
    "select t.id, t.state, e.needs from edge e join task t on t.id = e.parent where e.child = $1 order by t.id",
    [id],
  );
  const children = await on.query<{ child: number }>(
    "select child from edge where parent = $1 order by child limit 1000",
    [id],
  );
  const artefacts = await on.query<ArtefactView>(
    "select ta.name, ta.role, ta.digest, ta.media, a.size from task_artefact ta join artefact a using (digest) " +
      "where task_id = $1 order by name",
    [id],
  );
  const [failure] = await on.query<NonNullable<TaskDetails["failure"]>>(
    "select c.id, c.cause, f.line from failed_run f join failure_cause c on c.id = f.cause_id where task_id = $1 " +
      "order by run_id desc limit 1",
    [id],
  );
  const [published] = await on.query<{ open: boolean }>(
    "select exists (select 1 from to_publish where task_id = $1) as open",
    [id],
  );
  return {
    ...task,
    failure: failure ?? null,
    publishing: published!.open,
    parents,
    artefacts,
    children: children.map(({ child }) => child),
    runs: runs.reverse().map((run) => ({
      id: run.id,
      attempt: run.attempt,
      host: run.host,
      state: run.state,
      assigned: run.assigned.toISOString(),
      started: run.started?.toISOString() ?? null,
      ended: run.ended?.toISOString() ?? null,
      leaseUntil: run.lease_until.toISOString(),
      failureClass: run.failure_class,
      message: run.message,
      logBytes: run.log_bytes,
    })),
  };
}

/** Counts for the overview and the metrics. */
export interface QueueCounts {
  readonly states: readonly { readonly channel: string; readonly state: TaskState; readonly count: number }[];
  readonly oldestWaitSeconds: readonly { readonly channel: string; readonly seconds: number }[];
  readonly failures: readonly { readonly channel: string; readonly class: string; readonly count: number }[];
}

export async function countQueue(on: Queryable): Promise<QueueCounts> {
  const states = await on.query<QueueCounts["states"][number]>(
    "select channel, state, count(*) as count from task where state in ('BLOCKED','FREE','ASSIGNED','RUNNING') " +
      "group by channel, state order by channel, state",
  );
  const oldestWaitSeconds = await on.query<QueueCounts["oldestWaitSeconds"][number]>(`
    select c.name as channel, extract(epoch from now() - t.created)::float8 as seconds from channel c
    cross join lateral (select min(task_id) as id from runnable where channel = c.name) r join task t on t.id = r.id`);
  const failures = await on.query<QueueCounts["failures"][number]>(
    "select channel, coalesce(failure_class, 'none') as class, count(*) as count from task where state = " +
      "'FAILED' group by 1, 2 order by 1, 2",
  );
  return { states, oldestWaitSeconds, failures };
}
