/**
 * New tasks. Without dependencies, brakes and fair shares one statement does all: it looks whether that is so, and
 * makes rows, queue, events and the wake-up call. Else it stands at the end of a transaction which first locks the
 * parents, so that none can end unseen.
 */
import type { TaskState, TaskSubmission } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import { jsonText } from "../database/json-text.ts";
import { kindCapability } from "../payloads/task-kinds.ts";
import { noteTaskArtefacts } from "./artefacts.ts";
import { HubError } from "./hub-error.ts";
import { isOpen } from "./task-states.ts";

export const BATCH_TASKS_MAX = 10_000;
const PARENTS_MAX = 1_000;
const TIMEOUT_SECONDS = 6 * 3_600;

/** What others make of tasks before they are submitted; as many as there were. @throws HubError to refuse them */
export type Admit = (tasks: readonly TaskSubmission[], owner: string) => Promise<readonly TaskSubmission[]>;

interface SubmissionContext {
  readonly owner: string;
  readonly admit?: Admit;
  readonly workflow?: number;
  /** The transaction that the tasks shall be part of. */
  readonly inside?: Queryable;
}

interface SubmittedTask {
  readonly id: number;
  readonly state: TaskState;
}

/** $4: names of channels; unless all are there, and neither brakes nor shares count, nothing is inserted. Or null. */
const INSERT = `
with g as materialized (
  select $4::text[] is null or not exists (select from brake where max_queued is not null)
    and cardinality($4::text[]) = (
      select count(*) from channel where name = any($4::text[]) and policy <> 'fair') as goes
), i as (
  select x.* from g cross join jsonb_to_recordset($1::jsonb) as x(ordinal int, id bigint, kind text, arch text, \
channel text, label text,
    payload jsonb, priority int, rank double precision, weight int, requires text[], blockers int, timeout int, \
cache_key text) where g.goes
), t as (
  insert into task (id, kind, arch, channel, label, payload, state, priority, rank, weight, requires, owner, \
workflow_id, blockers,
    timeout_seconds, cache_key)
  select coalesce(id, nextval('task_id_seq')), kind, arch, channel, label, payload,
    case when blockers > 0 then 'BLOCKED' else 'FREE' end, priority, rank, weight, requires, $2, $3::bigint, \
blockers, timeout, cache_key
  from i order by ordinal
  returning id, arch, channel, state, priority, rank, weight, requires
), q as (
  insert into runnable (task_id, channel, arch, priority, rank, weight, requires, owner)
  select t.id, t.channel, t.arch, case c.policy when 'fifo' then 0 else t.priority end, t.rank, t.weight, t.requires, $2
  from t join channel c on c.name = t.channel where t.state = 'FREE'
  returning channel, arch, priority, rank, task_id
), e as (
  insert into event (actor, what, task_id) select $2, state, id from t order by id
), n as (
  select pg_notify('hub_runnable', concat_ws(' ', q.channel, q.arch, count(*), min(-q.priority::bigint), min(q.rank),
    min(q.task_id))) from q group by q.channel, q.arch
)
select id, state, (select count(*) from n) as woken from t order by id`;

/**
 * @returns in the order of the submissions. @throws HubError 404 for channels and parents, 409 for parents that failed,
 *   429 over a brake
 */
export async function submitTasks(
  database: Database,
  given: readonly TaskSubmission[],
  context: SubmissionContext,
): Promise<SubmittedTask[]> {
  if (given.length > BATCH_TASKS_MAX)
    throw new HubError(413, "too-many", `${given.length} tasks at once; at most ${BATCH_TASKS_MAX}`);
  const submissions = (await context.admit?.(given, context.owner)) ?? given;
  const reader = context.inside ?? database;
  const isAlone = submissions.every(
    ({ after, afterEnd, afterInBatch, inputs }) => (after ?? afterEnd ?? afterInBatch ?? inputs) === undefined,
  );
  if (isAlone) {
    const submitted = await insert(reader, submissions.map(row), context, namesOfChannels(submissions));
    if (submitted.length === submissions.length) return submitted;
  }
  const channels = await channelsOf(reader, submissions);
  const brakes = await reader.query<Brake>("select scope, name, max_queued from brake where max_queued is not null");
  const work = (inside: Queryable): Promise<SubmittedTask[]> =>
    submitLinked(inside, submissions, context, { brakes, channels });
  return context.inside === undefined ? database.transaction("read committed", work) : work(context.inside);
}

interface Brake {
  scope: "owner" | "channel";
  name: string;
  max_queued: number;
}
interface Channel {
  name: string;
  policy: string;
}
interface Row {
  ordinal: number;
  blockers: number;
  rank: number;
  id: number | null;
  [column: string]: unknown;
}

function row(submission: TaskSubmission, ordinal: number): Row {
  return {
    ordinal,
    id: null,
    kind: submission.kind,
    arch: submission.arch ?? "any",
    channel: submission.channel ?? "default",
    label: submission.label ?? "",
    payload: submission.payload,
    priority: submission.priority ?? 0,
    rank: 0,
    weight: submission.weight ?? 1,
    requires: requirementsOf(submission),
    blockers: 0,
    timeout: submission.timeoutSeconds ?? TIMEOUT_SECONDS,
    cache_key: submission.cacheKey ?? null,
  };
}

function requirementsOf({ kind, requires = [] }: TaskSubmission): readonly string[] {
  const capability = kindCapability(kind);
  return capability === null || requires.includes(capability) ? requires : [...requires, capability];
}

/** @param onlyIn  of channels where nothing else is to be looked at; none is inserted where something is */
function insert(
  on: Queryable,
  rows: readonly Row[],
  { owner, workflow }: SubmissionContext,
  onlyIn: readonly string[] | null = null,
): Promise<SubmittedTask[]> {
  return on.query<SubmittedTask>(INSERT, [jsonText(rows), owner, workflow ?? null, onlyIn]);
}

function namesOfChannels(submissions: readonly TaskSubmission[]): string[] {
  return [...new Set(submissions.map(({ channel }) => channel ?? "default"))];
}

async function channelsOf(on: Queryable, submissions: readonly TaskSubmission[]): Promise<Channel[]> {
  const names = namesOfChannels(submissions);
  const found = await on.query<Channel>("select name, policy from channel where name = any($1::text[])", [names]);
  const missing = names.find((name) => !found.some((channel) => channel.name === name));
  if (missing !== undefined) throw new HubError(404, "no-such-channel", `${missing}: no such channel`);
  return found;
}

async function submitLinked(
  inside: Queryable,
  submissions: readonly TaskSubmission[],
  context: SubmissionContext,
  { brakes, channels }: { brakes: readonly Brake[]; channels: readonly Channel[] },
): Promise<SubmittedTask[]> {
  for (const brake of brakes) await checkBrake(inside, brake, submissions, context.owner);
  const parents = await lockParents(inside, submissions);
  const ids = await inside.query<{ id: number }>(
    "select nextval('task_id_seq') as id from generate_series(1, $1::int)",
    [submissions.length],
  );
  const rows = submissions.map((submission, ordinal) => ({ ...row(submission, ordinal), id: ids[ordinal]!.id }));
  const edges: { parent: number; child: number; needs: string }[] = [];
  const withChildren = new Set<number>();
  submissions.forEach((submission, ordinal) => {
    const child = rows[ordinal]!;
    const open = new Map<number, "success" | "end">();
    for (const [needs, list] of [
      ["end", submission.afterEnd],
      ["success", submission.after],
    ] as const) {
      for (const parent of list ?? []) if (requireParent(parents, parent, needs)) open.set(parent, needs);
    }
    for (const position of submission.afterInBatch ?? []) {
      // Only backwards: so no circle can be said.
      if (position >= ordinal)
        throw new HubError(
          422,
          "bad-order",
          `task ${ordinal} waits for task ${position} of the same submission, which does not come before it`,
        );
      open.set(rows[position]!.id!, "success");
    }
    child.blockers = open.size;
    for (const [parent, needs] of open) {
      edges.push({ parent, child: child.id!, needs });
      withChildren.add(parent);
    }
  });
  await takeShares(inside, rows, channels, context.owner);
  const inserted = await insert(inside, rows, context);
  const inputs = submissions.flatMap((submission, ordinal) =>
    (submission.inputs ?? []).map((input) => ({
      ...input,
      task: rows[ordinal]!.id!,
      run: 0,
      role: "input",
      media: "application/octet-stream",
    })),
  );
  await noteTaskArtefacts(inside, inputs);
  if (edges.length > 0) {
    await inside.query(
      "insert into edge (parent, child, needs) select parent, child, needs from jsonb_to_recordset($1::jsonb) as " +
        "x(parent bigint, child bigint, needs text)",
      [JSON.stringify(edges)],
    );
    await inside.query("update task set has_children = true where id = any($1::bigint[]) and not has_children", [
      [...withChildren],
    ]);
  }
  return inserted;
}

/** One submitter at a time for each brake that applies: the count must hold until the rows are there. */
async function checkBrake(
  inside: Queryable,
  brake: Brake,
  submissions: readonly TaskSubmission[],
  owner: string,
): Promise<void> {
  const added =
    brake.scope === "owner"
      ? brake.name === owner
        ? submissions.length
        : 0
      : submissions.filter(({ channel }) => (channel ?? "default") === brake.name).length;
  if (added === 0) return;
  await inside.query("select 1 from brake where scope = $1 and name = $2 for update", [brake.scope, brake.name]);
  const column = brake.scope === "owner" ? "owner" : "channel";
  const [counted] = await inside.query<{ queued: number }>(
    `select count(*) as queued from task where ${column} = $1 and state in ('BLOCKED','FREE','ASSIGNED','RUNNING')`,
    [brake.name],
  );
  if (counted!.queued + added <= brake.max_queued) return;
  throw new HubError(
    429,
    "brake",
    `${brake.scope} ${brake.name} has ${counted!.queued} open tasks and may have ${brake.max_queued}; ${added} ` +
      "more are refused",
    { headers: { "Retry-After": "60" } },
  );
}

async function lockParents(inside: Queryable, submissions: readonly TaskSubmission[]): Promise<Map<number, TaskState>> {
  const wanted = new Set<number>();
  for (const { after, afterEnd } of submissions)
    for (const id of [...(after ?? []), ...(afterEnd ?? [])]) wanted.add(id);
  if (wanted.size > PARENTS_MAX)
    throw new HubError(413, "too-many", `${wanted.size} tasks to wait for; at most ${PARENTS_MAX}`);
  if (wanted.size === 0) return new Map();
  const rows = await inside.query<{ id: number; state: TaskState }>(
    "select id, state from task where id = any($1::bigint[]) order by id for update",
    [[...wanted]],
  );
  return new Map(rows.map(({ id, state }) => [id, state]));
}

/** @returns whether it is still to be waited for */
function requireParent(parents: ReadonlyMap<number, TaskState>, id: number, needs: "success" | "end"): boolean {
  const state = parents.get(id);
  if (state === undefined) throw new HubError(404, "no-such-task", `task ${id}: there is none to wait for`);
  if (isOpen(state)) return true;
  if (needs === "success" && state !== "COMPLETED")
    throw new HubError(409, "parent-failed", `task ${id} is ${state}: what waits for its success would never start`);
  return false;
}

/**
 * Start-time fair queueing: each owner has a clock (`tag`) which its tasks advance by their weight, and the channel
 * serves the smallest. An owner that comes new, or comes back, begins where the channel is, so it neither waits for the
 * others nor owes.
 */
async function takeShares(
  inside: Queryable,
  rows: readonly Row[],
  channels: readonly Channel[],
  owner: string,
): Promise<void> {
  for (const { name, policy } of channels) {
    if (policy !== "fair") continue;
    const own = rows.filter(({ channel }) => channel === name);
    const total = own.reduce((sum, { weight }) => sum + (weight as number), 0);
    const [share] = await inside.query<{ tag: number }>(
      `
      insert into share (channel, owner, tag) values ($1, $2, coalesce((select min(rank) from runnable where channel \
= $1), 0) + $3)
      on conflict (channel, owner) do update
        set tag = greatest(share.tag, coalesce((select min(rank) from runnable where channel = $1), share.tag)) + $3
      returning tag`,
      [name, owner, total],
    );
    let tag = share!.tag - total;
    for (const task of own) {
      task.rank = tag;
      tag += task["weight"] as number;
    }
  }
}
