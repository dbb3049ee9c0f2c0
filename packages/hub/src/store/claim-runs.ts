/**
 * A host takes what it can do: one statement picks tasks off the queue, makes their runs and writes down both. Claims
 * at the same time skip each other's rows (`skip locked`), so none waits and none gets what another got.
 *
 * Order of locks, here and everywhere: runnable or waiting, then task by ascending id, then run.
 */
import type { ClaimedRun } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import { HubError } from "./hub-error.ts";
import { offerTasks } from "./offer-tasks.ts";
import type { QueueHead, QueueHeads } from "./queue-heads.ts";
import { ADVISORY_LOCKS } from "../database/advisory-locks.ts";

interface ClaimRequest {
  readonly host: string;
  /** Of the host's registration; a later registration makes it void. */
  readonly session: string;
  readonly slots: number;
  readonly leaseSeconds: number;
  /** The host begins at once: the runs are RUNNING when they arrive. */
  readonly start: boolean;
  /** Of this hub, where it remembers them. */
  readonly heads?: QueueHeads;
}

const CLAIM_SLOTS_MAX = 500;
/** Heads of queues beyond those asked for: so many other claims at once leave one with something. */
const SPARE_HEADS = 16;
const SPARE_HEADS_AGAIN = 256;

/**
 * The queue is read in its order, and by its index, until there are enough (`offset 0` keeps the planner from looking
 * into it): how few of all it takes for all tests to hold is nothing that the planner can know, and by its guess it
 * would read the whole queue for each claim. So are other tables, by keys (`any(array(…))`). $11 to $15: where queues
 * begin, as far as is known (queue-heads.ts); $16: whether that is to be found, `heads`.
 */
const CLAIM = `
with h as materialized (
  select channels, arches || '{any}'::text[] as arches, capabilities, capacity - coalesce((
    select sum(weight) from run where run.host = host.name and state in ('ASSIGNED','RUNNING')), 0) as room
  from host where name = $1 and session = $2::uuid and enabled and (not $10 or not exists (
    select from brake where max_running is not null) and not exists (
    select from channel c where c.balance <> 'first' and c.name = any(host.channels)))
), s as materialized (
  select c.channel, a.arch, coalesce(b.p, -2147483648) as p, coalesce(b.rank, '-infinity') as rank,
    coalesce(b.task, 0) as task
  from h cross join unnest(h.channels) as c(channel) cross join unnest(h.arches) as a(arch)
  left join unnest($11::text[], $12::text[], $13::bigint[], $14::float8[], $15::bigint[])
    as b(channel, arch, p, rank, task) on b.channel = c.channel and b.arch = a.arch
), k as materialized (
  select q.task_id from h cross join s cross join lateral (
    select task_id, priority, rank from (
      select * from runnable where channel = s.channel and arch = s.arch
        and (-priority::bigint, rank, task_id) >= (s.p, s.rank, s.task)
      order by -priority::bigint, rank, task_id offset 0
    ) r
    where r.requires <@ h.capabilities and r.weight <= h.room
      and ($7::text[] is null or r.owner <> all($7::text[])) and ($8::text[] is null or r.channel <> all($8::text[]))
      and case when r.host is null then $9::text[] is null or r.channel <> all($9::text[])
        else r.host = $1 or r.until <= now() end
    limit $6
  ) q order by q.priority desc, q.rank, q.task_id limit $6
), v as (
  select jsonb_agg(jsonb_build_object('channel', s.channel, 'arch', s.arch, 'place', q.place)) as heads
  from s cross join lateral (
    select jsonb_build_array(-priority::bigint, rank, task_id) as place from runnable
    where $16 and channel = s.channel and arch = s.arch
      and (-priority::bigint, rank, task_id) >= (s.p, s.rank, s.task) order by -priority::bigint, rank, task_id limit 1
  ) q
), l as materialized (
  select task_id, weight, priority, rank from runnable where task_id = any(array(select task_id from k))
  order by priority desc, rank, task_id limit $3 for update skip locked
), f as (
  select task_id from (
    select task_id, sum(weight) over (order by priority desc, rank, task_id) as sum from l
  ) s where sum <= (select room from h)
), d as (
  delete from runnable where task_id = any(array(select task_id from f)) returning task_id
), u as (
  update task t set state = case when $5 then 'RUNNING' else 'ASSIGNED' end, attempt = t.attempt + 1, version = \
t.version + 1
  where t.id = any(array(select task_id from d)) and t.state = 'FREE'
  returning t.id, t.attempt, t.kind, t.arch, t.channel, t.label, t.payload, t.weight, t.timeout_seconds
), r as (
  insert into run (task_id, attempt, host, state, weight, lease_until, started)
  select id, attempt, $1, case when $5 then 'RUNNING' else 'ASSIGNED' end, weight, now() + make_interval(secs => $4),
    case when $5 then now() end from u
  returning id, task_id, token
), e as (
  insert into event (actor, what, task_id, run_id)
  select $1, w.what, r.task_id, r.id from r cross join (values (1, 'ASSIGNED'), (2, 'RUNNING')) w(n, what)
  where $5 or w.n = 1 order by r.id, w.n
)
select r.id as run, r.token, r.task_id as task, u.attempt, u.kind, u.arch, u.channel, u.label, u.payload,
  u.timeout_seconds as "timeoutSeconds", (select heads from v) as heads
from r join u on u.id = r.task_id join l on l.task_id = r.task_id order by l.priority desc, l.rank, l.task_id`;

/** @throws HubError 409 when the session is not the host's */
export async function claimRuns(database: Database, request: ClaimRequest): Promise<ClaimedRun[]> {
  const slots = Math.min(request.slots, CLAIM_SLOTS_MAX);
  if (slots === 0) {
    await requireSession(database, request);
    return [];
  }
  // Most hubs have neither brakes nor balances: then this is all that a claim takes.
  const simple = await claimHeads(database, request, slots, { spare: SPARE_HEADS, isAlone: true });
  if (simple.length > 0) return simple;
  const { braked, balanced, is_current, is_queued } = await lookAround(database, request);
  // A host that waits looks now and then, and most have nothing to find: then this is the last statement.
  if (!is_queued && is_current === true) return [];
  if (balanced !== null) await offerTasks(database, balanced);
  const except = { full: null, balanced };
  const claimed = braked
    ? await claimBraked(database, request, slots, balanced)
    : // What has just found nothing would find nothing.
      await (balanced === null
        ? claimHeads(database, request, slots, { spare: SPARE_HEADS_AGAIN, except })
        : claimFrom(database, request, slots, except));
  if (claimed.length === 0) await requireSession(database, request);
  return claimed;
}

interface Around {
  readonly braked: boolean;
  readonly balanced: string[] | null;
  /** Whether the session is the host's; null: there is no such host. */
  readonly is_current: boolean | null;
  /** In some queue of the host. By their index: whoever reads the table walks over all that was in it. */
  readonly is_queued: boolean;
}

async function lookAround(database: Database, { host, session }: ClaimRequest): Promise<Around> {
  const [around] = await database.query<Around>(
    `
    with h as materialized (select channels, arches, session from host where name = $1)
    select exists (select 1 from brake where max_running is not null) as braked, (
      select array_agg(c.name) from channel c join h on c.name = any(h.channels) where c.balance <> 'first'
    ) as balanced, (select coalesce(session = $2::uuid, false) from h) as is_current, exists (
      select 1 from h cross join unnest(h.channels) as c(channel) cross join unnest(h.arches || '{any}'::text[]) as \
a(arch)
      cross join lateral (select 1 from runnable where channel = c.channel and arch = a.arch limit 1) q
    ) as is_queued`,
    [host, session],
  );
  return around!;
}

/** How a claim goes about the queue. */
interface Heads {
  /** Beyond those asked for. */
  readonly spare: number;
  /** Nothing, where a brake or a balance has a say. */
  readonly isAlone?: boolean;
  readonly except?: Except;
}

async function claimHeads(
  on: Queryable,
  request: ClaimRequest,
  slots: number,
  { spare, isAlone = false, except: { full, balanced } = { full: null, balanced: null } }: Heads,
): Promise<ClaimedRun[]> {
  const { host, session, leaseSeconds, start, heads } = request;
  const { owners = null, channels = null } = full ?? {};
  const known = heads?.known ?? [];
  const isToFind = heads?.isOld === true;
  const askedMs = heads?.nowMs() ?? 0;
  const rows = await on.query<ClaimedRun & { heads?: readonly QueueHead[] | null }>(CLAIM, [
    ...[host, session, slots, leaseSeconds, start, slots + spare, owners, channels, balanced, isAlone],
    known.map(({ channel }) => channel),
    known.map(({ arch }) => arch),
    ...[0, 1, 2].map((index) => known.map(({ place }) => place[index])),
    isToFind,
  ]);
  if (isToFind && rows.length > 0) heads.found(rows[0]!.heads ?? [], askedMs);
  for (const row of rows) delete row.heads;
  return rows;
}

/** What is not to be taken. */
interface Except {
  readonly full: { readonly owners: readonly string[]; readonly channels: readonly string[] } | null;
  /** Channels of which a host takes what it was offered. */
  readonly balanced: readonly string[] | null;
}

async function claimFrom(on: Queryable, request: ClaimRequest, slots: number, except: Except): Promise<ClaimedRun[]> {
  const claimed = await claimHeads(on, request, slots, { spare: SPARE_HEADS, except });
  return claimed.length > 0 ? claimed : claimAgain(on, request, slots, except);
}

/** Others may have been at all the heads in the moment of the first look. */
async function claimAgain(on: Queryable, request: ClaimRequest, slots: number, except: Except): Promise<ClaimedRun[]> {
  const [left] = await on.query<{ found: boolean }>("select exists (select 1 from runnable) as found");
  return left!.found ? claimHeads(on, request, slots, { spare: SPARE_HEADS_AGAIN, except }) : [];
}

/** One by one, and one claimer at a time: so no limit is overstepped. */
function claimBraked(
  database: Database,
  request: ClaimRequest,
  slots: number,
  balanced: readonly string[] | null,
): Promise<ClaimedRun[]> {
  return database.transaction("read committed", async (inside) => {
    await inside.query("select pg_advisory_xact_lock($1)", [ADVISORY_LOCKS.runningBrake]);
    const claimed: ClaimedRun[] = [];
    while (claimed.length < slots) {
      const rows = await inside.query<{ scope: string; name: string }>(`
        select b.scope, b.name from brake b where b.max_running is not null and b.max_running <= (
          select count(*) from task t where t.state in ('ASSIGNED','RUNNING')
            and case b.scope when 'owner' then t.owner else t.channel end = b.name)`);
      const named = (scope: string): string[] => rows.filter((row) => row.scope === scope).map(({ name }) => name);
      const full = { owners: named("owner"), channels: named("channel") };
      const next = await claimFrom(inside, request, 1, { full, balanced });
      if (next.length === 0) break;
      claimed.push(...next);
    }
    return claimed;
  });
}

async function requireSession(database: Database, { host, session }: ClaimRequest): Promise<void> {
  const [row] = await database.query<{ current: boolean }>(
    "select coalesce(session = $2::uuid, false) as current from host where name = $1",
    [host, session],
  );
  if (row === undefined) throw new HubError(404, "no-such-host", `host ${host} is not registered`);
  if (!row.current)
    throw new HubError(
      409,
      "session-replaced",
      `host ${host} was registered again by another worker, and this one's session is over`,
    );
}
