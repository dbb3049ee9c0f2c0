/** What people do to tasks: cancel, try again, put first. */
import type { TaskState } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import { HubError, notFound } from "./hub-error.ts";

const CANCEL_BLOCKED = `
with u as (
  update task set state = 'CANCELED', blockers = 0, finished = now(), message = $3, version = version + 1
  where id = $1 and state = 'BLOCKED' returning id, has_children
), o as (insert into outbox (task_id) select id from u where has_children),
e as (insert into event (actor, what, task_id, detail) select $2, 'CANCELED', id, jsonb_build_object('message', \
$3::text) from u)
select id from u`;

const CANCEL_FREE = `
with q as (delete from runnable where task_id = $1 returning task_id), w as (delete from waiting where task_id = $1 \
returning task_id),
u as (
  update task set state = 'CANCELED', finished = now(), message = $3, version = version + 1
  where id = any(array(select task_id from q union select task_id from w)) and state = 'FREE' returning id, has_children
), o as (insert into outbox (task_id) select id from u where has_children),
e as (insert into event (actor, what, task_id, detail) select $2, 'CANCELED', id, jsonb_build_object('message', \
$3::text) from u)
select id from u`;

const CANCEL_RUNNING = `
with u as (
  update task set cancel_requested = true, message = $3, version = version + 1
  where id = $1 and state in ('ASSIGNED','RUNNING') and not cancel_requested returning id
), e as (
  insert into event (actor, what, task_id, detail) select $2, 'CANCEL_ASKED', id, jsonb_build_object('message', \
$3::text) from u
), n as (select pg_notify('hub_cancel', r.host) from run r join u on u.id = r.task_id where r.state in \
('ASSIGNED','RUNNING'))
select id, (select count(*) from n) from u`;

/** States can change between two of its statements; so often it looks again. */
const LOOKS_MAX = 10;

/**
 * Ends a task: at once when no host has it, else when its host, which is told, has stopped.
 *
 * @returns the state that it has now. @throws HubError 404, or 409 for a task that has ended otherwise
 */
export async function cancelTask(
  database: Database,
  id: number,
  actor: string,
  reason = "canceled on request",
): Promise<TaskState> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    const { state, cancel_requested } = await stateOf(database, id);
    if (state === "CANCELED") return state;
    if (state === "COMPLETED" || state === "FAILED") throw new HubError(409, "task-ended", `task ${id} is ${state}`);
    if (cancel_requested) return state;
    const statement = state === "BLOCKED" ? CANCEL_BLOCKED : state === "FREE" ? CANCEL_FREE : CANCEL_RUNNING;
    const rows = await database.query(statement, [id, actor, reason]);
    if (rows.length > 0) return state === "BLOCKED" || state === "FREE" ? "CANCELED" : state;
  }
  throw busy(id);
}

/** Runs of a host that somebody wants to end. */
export async function canceledRunsOf(database: Database, host: string): Promise<number[]> {
  const rows = await database.query<{ id: number }>(
    "select r.id from run r join task t on t.id = r.task_id where r.host = $1 and r.state in " +
      "('ASSIGNED','RUNNING') and t.cancel_requested",
    [host],
  );
  return rows.map(({ id }) => id);
}

const RETRY = `
with u as (
  update task set state = 'FREE', finished = null, failures = 0, cancel_requested = false, failure_class = null, \
message = null,
    result = null, version = version + 1
  where id = $1 and state in ('FAILED', 'CANCELED') and channel in (select name from channel) returning *
), q as (
  insert into runnable (task_id, channel, arch, priority, rank, weight, requires, owner)
  select u.id, u.channel, u.arch, case c.policy when 'fifo' then 0 else u.priority end, u.rank, u.weight, u.requires, \
u.owner
  from u join channel c on c.name = u.channel
), e as (insert into event (actor, what, task_id) select $2, 'FREE', id from u),
n as (select pg_notify('hub_runnable', channel || ' ' || arch || ' 1') from u)
select id, (select count(*) from n) from u`;

/**
 * Tries a task again that failed or was canceled. What it waited for is not waited for again, and what waited for it,
 * and was canceled for that, stays canceled.
 */
export async function retryTask(on: Queryable, id: number, actor: string): Promise<void> {
  const rows = await on.query(RETRY, [id, actor]);
  if (rows.length > 0) return;
  const { state, channel } = await stateOf(on, id);
  if (state === "FAILED" || state === "CANCELED")
    throw new HubError(
      409,
      "no-such-channel",
      `task ${id} is of the channel ${channel}, which is there no more; submit it again to another`,
    );
  throw new HubError(409, "not-ended", `task ${id} is ${state}; only what FAILED or was CANCELED can be tried again`);
}

/** As a claim and the end of a pause do, before the task's row. */
const LOCK_QUEUED = `
with q as (select 1 from runnable where task_id = $1 for update), w as (select 1 from waiting where task_id = $1 for \
update)
select (select count(*) from q) + (select count(*) from w) as held`;

const PRIORITIZE = `
with u as (
  update task set priority = $2, version = version + 1 where id = $1 returning id, channel, version
), q as (
  update runnable set priority = $2 where task_id = any(array(select id from u)) and exists (
    select 1 from u join channel c on c.name = u.channel where c.policy <> 'fifo') returning channel, arch
), n as (
  select pg_notify('hub_runnable', channel || ' ' || arch || ' 0') from q
), e as (
  insert into event (actor, what, task_id, detail) select $3, 'PRIORITY', id, jsonb_build_object('priority', $2::int) \
from u
)
select version, (select count(*) from n) from u`;

/**
 * @param version  null: whatever it is now. @returns the new version. @throws HubError 412 when it is another by now,
 *   409 when it waits no more
 */
export async function setPriority(
  database: Database,
  id: number,
  { priority, actor, version }: { priority: number; actor: string; version: number | null },
): Promise<number> {
  for (let look = 0; look < LOOKS_MAX; look++) {
    const changed = await database.transaction("read committed", async (inside) => {
      const [queued] = await inside.query<{ held: number }>(LOCK_QUEUED, [id]);
      const now = await stateOf(inside, id, "for update");
      if (version !== null && now.version !== version)
        throw new HubError(412, "changed", `task ${id} has changed: it is version ${now.version} now`);
      if (now.state !== "BLOCKED" && now.state !== "FREE")
        throw new HubError(409, "not-waiting", `task ${id} is ${now.state}: its priority has no effect any more`);
      // It came into the queue, or from pausing, after the look for its row there.
      if (now.state === "FREE" && queued!.held === 0) return null;
      return (await inside.query<{ version: number }>(PRIORITIZE, [id, priority, actor]))[0]!.version;
    });
    if (changed !== null) return changed;
  }
  throw busy(id);
}

const busy = (id: number): HubError => new HubError(503, "busy", `task ${id} changes too quickly; try again`);

interface StateRow {
  state: TaskState;
  channel: string;
  cancel_requested: boolean;
  version: number;
}

async function stateOf(on: Queryable, id: number, lock: "for update" | "" = ""): Promise<StateRow> {
  const [row] = await on.query<StateRow>(
    `select state, channel, cancel_requested, version from task where id = $1 ${lock}`,
    [id],
  );
  if (row === undefined) throw notFound(`task ${id}`);
  return row;
}
