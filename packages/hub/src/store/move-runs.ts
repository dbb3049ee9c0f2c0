/**
 * What becomes of runs: started, renewed, ended, lost. Each is one statement for many runs; rows that come back fewer
 * than were asked for mean that somebody else won, and the caller is told the present state.
 *
 * A run's token is its fence: a statement moves a run only for who knows the token, and only while the run lives.
 */
import type { EndedRun, RenewAnswer, RunEnd, RunProof } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import { jsonText } from "../database/json-text.ts";
import { FAILURE_CLASSES, RETRY_PAUSE_SECONDS_MAX } from "./task-states.ts";

const PROOFS = "jsonb_to_recordset($1::jsonb) as x(run bigint, token uuid)";

/**
 * Of what is asked (`i`, with the number of a `run`) the tasks, locked in order. By keys alone, as all that follows
 * (`any(array(…))`): how many rows a parameter holds the planner doesn't know, and where it guesses it would rather
 * read the tables of runs and of tasks whole.
 */
const TASKS_OF_RUNS = `
p as materialized (
  select i.*, r.task_id from i cross join lateral (select task_id from run where id = i.run offset 0) r
), locked as materialized (
  select id, cancel_requested, failures from task where id = any(array(select task_id from p)) order by id for update
)`;

const START = `
with i as (select * from ${PROOFS}),
${TASKS_OF_RUNS},
l as (select p.* from locked t join p on p.task_id = t.id), r as (
  update run set state = 'RUNNING', started = now(), lease_until = now() + make_interval(secs => $2)
  from l where run.id = any(array(select run from l)) and run.id = l.run and run.token = l.token
    and run.state = 'ASSIGNED' and run.host = $3
  returning run.id, run.task_id
), u as (
  update task t set state = 'RUNNING', version = t.version + 1
  where t.id = any(array(select task_id from r)) and t.state = 'ASSIGNED' returning t.id
), e as (
  insert into event (actor, what, task_id, run_id) select $3, 'RUNNING', r.task_id, r.id from r join u on u.id = \
r.task_id order by r.id
)
select r.id as run from r join u on u.id = r.task_id`;

/** @returns the runs that are RUNNING by it */
export async function startRuns(
  database: Database,
  host: string,
  proofs: readonly RunProof[],
  leaseSeconds: number,
): Promise<number[]> {
  const rows = await database.query<{ run: number }>(START, [JSON.stringify(proofs), leaseSeconds, host]);
  return rows.map(({ run }) => run);
}

/** Tasks are locked here, too: who ends several of these runs at the same time takes the runs in any order. */
const RENEW = `
with i as (select * from ${PROOFS}),
${TASKS_OF_RUNS},
l as (select p.*, t.cancel_requested from locked t join p on p.task_id = t.id),
s as (update host set last_seen = now() where name = $3 returning name),
r as (
  update run set lease_until = now() + make_interval(secs => $2)
  from l where run.id = any(array(select run from l)) and run.id = l.run and run.token = l.token
    and run.state in ('ASSIGNED','RUNNING') and run.host = $3
  returning run.id, l.cancel_requested
)
select id as run, cancel_requested as cancel from r`;

export async function renewRuns(
  database: Database,
  host: string,
  proofs: readonly RunProof[],
  leaseSeconds: number,
): Promise<RenewAnswer> {
  const rows = await database.query<{ run: number; cancel: boolean }>(RENEW, [
    JSON.stringify(proofs),
    leaseSeconds,
    host,
  ]);
  const kept = rows.map(({ run }) => run);
  return {
    kept,
    cancel: rows.filter(({ cancel }) => cancel).map(({ run }) => run),
    lost: proofs.map(({ run }) => run).filter((run) => !kept.includes(run)),
  };
}

/** Rows of VALUES: class, retries at most, first pause. */
const CLASSES = Object.entries(FAILURE_CLASSES)
  .map(([name, { retriesMax, pauseSeconds }]) => `('${name}', ${retriesMax}, ${pauseSeconds})`)
  .join(", ");

/**
 * What follows when runs have ended (`r`: id, task_id, outcome, failure_class, message, result, and of the task as it
 * was locked, not as the statement's snapshot has it, cancel_requested and failures): the next state of their tasks,
 * what waits for them, the events. `failures` counts attempts that the policy of retries counts; a lost lease is one, a
 * task that was given back is none.
 */
const SETTLE = `
n as (
  select r.*, c.pause, case
    when r.outcome = 'COMPLETED' then 'COMPLETED'
    when r.outcome = 'CANCELED' or r.cancel_requested then 'CANCELED'
    when r.outcome = 'RELEASED' or r.failures < c.retries then 'FREE'
    else 'FAILED' end as next
  from r left join (values ${CLASSES}) c(class, retries, pause) on c.class = r.failure_class
), u as (
  update task t set state = n.next, version = t.version + 1,
    failures = t.failures + case when n.outcome in ('FAILED', 'LOST') then 1 else 0 end,
    finished = case when n.next = 'FREE' then null else now() end,
    failure_class = case when n.next in ('COMPLETED','CANCELED') then null else n.failure_class end,
    message = n.message, result = coalesce(n.result, t.result)
  from n where t.id = any(array(select task_id from n)) and t.id = n.task_id and t.state in ('ASSIGNED','RUNNING')
  returning t.id, t.state, t.has_children, t.failures
), w as (
  insert into waiting (task_id, due)
  select u.id, now() + make_interval(secs => case when n.outcome = 'RELEASED' then 0
    else least(n.pause * power(2, least(n.failures, 20)), ${RETRY_PAUSE_SECONDS_MAX}) end)
  from u join n on n.task_id = u.id where u.state = 'FREE'
), o as (
  insert into outbox (task_id) select id from u where state <> 'FREE' and has_children order by id returning task_id
), y as (
  insert into to_diagnose (run_id) select id from n where outcome in ('FAILED', 'LOST') order by id
), k as (
  select pg_notify('hub_ended', '') from o limit 1
), e as (
  insert into event (actor, what, task_id, run_id, detail)
  select x.actor, x.what, x.task_id, x.run_id, x.detail from (
    select $2::text as actor, 'RUN_' || n.outcome as what, n.task_id, n.id as run_id, 1 as n,
      jsonb_strip_nulls(jsonb_build_object('class', n.failure_class, 'message', n.message)) as detail
    from n where n.outcome <> n.next
    union all
    select $2, u.state, u.id, n.id, 2, case when n.failure_class is null then null
      else jsonb_build_object('class', n.failure_class, 'message', n.message) end
    from u join n on n.task_id = u.id
  ) x order by x.task_id, x.n
)`;

const END = `
with i as (
  select * from jsonb_to_recordset($1::jsonb)
    as x(run bigint, token uuid, outcome text, "failureClass" text, message text, result jsonb)
), ${TASKS_OF_RUNS},
l as (select t.cancel_requested, t.failures, p.* from locked t join p on p.task_id = t.id), r as (
  update run set state = l.outcome, ended = now(), failure_class = l."failureClass", message = l.message
  from l where run.id = any(array(select run from l)) and run.id = l.run and run.token = l.token and run.host = $2
    and (run.state = 'RUNNING' or run.state = 'ASSIGNED' and l.outcome <> 'COMPLETED')
  returning run.id, run.task_id, l.outcome, l."failureClass" as failure_class, l.message, l.result,
    l.cancel_requested, l.failures
), ${SETTLE}
select r.id as run, u.id as task, u.state, (select count(*) from k) as told from r join u on u.id = r.task_id`;

/** @returns the runs that ended by it; one that is missing was not this host's, or not alive, any more */
export async function endRuns(on: Queryable, host: string, ends: readonly RunEnd[]): Promise<EndedRun[]> {
  return (await on.query<EndedRun>(END, [jsonText(ends), host])).map(ended);
}

const EXPIRE = `
with x as materialized (
  select id, task_id from run where state in ('ASSIGNED','RUNNING') and lease_until < now() order by lease_until \
limit $1
), locked as materialized (
  select id, cancel_requested, failures from task where id = any(array(select task_id from x)) order by id for update
), l as (
  select t.id as task_id, t.cancel_requested, t.failures, x.id as run from locked t join x on x.task_id = t.id
), r as (
  update run set state = 'LOST', ended = now(), failure_class = 'infrastructure', message = 'its lease ended: the \
host was not heard of'
  from l where run.id = any(array(select run from l)) and run.id = l.run and run.state in ('ASSIGNED','RUNNING')
    and run.lease_until < now()
  returning run.id, run.task_id, 'LOST' as outcome, run.failure_class, run.message, null::jsonb as result,
    l.cancel_requested, l.failures
), ${SETTLE}
select r.id as run, u.id as task, u.state, (select count(*) from k) as told from r join u on u.id = r.task_id`;

/** Runs whose lease has ended are nobody's any more. @returns at most `limit` of them */
export async function expireRuns(database: Database, limit: number): Promise<EndedRun[]> {
  return (await database.query<EndedRun>(EXPIRE, [limit, "hub"])).map(ended);
}

const ended = ({ run, task, state }: EndedRun): EndedRun => ({ run, task, state });

/**
 * Frees the runs of a host that its worker does not know: the answer to its claim was lost, or it was started anew. A
 * worker claims one claim at a time, so what it does not list when it claims it never had, or has no more.
 */
export async function releaseUnknown(database: Database, host: string, known: readonly number[]): Promise<number> {
  const rows = await database.query<{ run: number; token: string }>(
    "select id as run, token from run where host = $1 and state in ('ASSIGNED','RUNNING') and id <> all($2::bigint[])",
    [host, [...known]],
  );
  if (rows.length === 0) return 0;
  const message = "its worker does not know of it: an answer was lost, or the worker was started anew";
  return (
    await endRuns(
      database,
      host,
      rows.map((proof) => ({ ...proof, outcome: "RELEASED" as const, message })),
    )
  ).length;
}
