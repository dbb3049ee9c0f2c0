/**
 * Offers: in a channel with a balancing strategy a task is taken by the host that the strategy names.
 *
 *     runnable ──strategy──▶ host, until ──▶ that host claims it
 *                                      └──▶ nobody came: offered to another, or to whoever asks
 *
 * Whoever claims makes the offers that are due first, for all hosts, one claimer at a time; so no hub has to lead for
 * it, and hosts that have room are never left idle: only they are offered anything.
 */
import type { Balance } from "@stratos/hub-api";
import { chooseHost, newBalanceState, type BalanceState, type Candidate } from "../balance/strategies.ts";
import type { Database, Queryable } from "../database/database.ts";
import { HOST_SILENT_SECONDS } from "./hosts.ts";
import { ADVISORY_LOCKS } from "../database/advisory-locks.ts";

/** A host that waits comes at once; one that does not come for so long hangs. */
export const OFFER_SECONDS = 2;
/** A host that let an offer lapse is passed over for so long, if there are others. */
const LAPSED_SECONDS = 30;
/** Offers of one pass, and tasks that it looks at: some fit no host. */
const OFFERS_MAX = 500;
const HEADS_MAX = 2_000;

interface ChannelState extends BalanceState {
  /** Hosts that let offers lapse, and when, in seconds of the epoch. */
  lapsed: Record<string, number>;
}

interface Head {
  task_id: number;
  arch: string;
  weight: number;
  requires: string[];
  owner: string;
  key: string;
}

interface OfferHost extends Candidate {
  readonly arches: readonly string[];
  readonly capabilities: readonly string[];
  readonly channels: readonly string[];
}

/** Which of the channels have tasks that nobody was offered, or that nobody took. */
const DUE = `
select c.name, c.balance, c.balance_state as state, extract(epoch from now()) as now from channel c
where c.name = any($1::text[]) and c.balance <> 'first'
  and exists (select 1 from runnable r where r.channel = c.name and (r.host is null or r.until <= now()))
order by c.name`;

interface DueChannel {
  name: string;
  balance: Exclude<Balance, "first">;
  state: ChannelState | null;
  now: number;
}

/** @returns how many offers were made; the hosts are told when the transaction ends */
export async function offerTasks(database: Database, channels: readonly string[]): Promise<number> {
  if ((await database.query(DUE, [[...channels]])).length === 0) return 0;
  return database.transaction("read committed", async (inside) => {
    await inside.query("select pg_advisory_xact_lock($1)", [ADVISORY_LOCKS.offer]);
    // Again: another has made them, perhaps, while this one waited.
    const due = await inside.query<DueChannel>(DUE, [[...channels]]);
    if (due.length === 0) return 0;
    const hosts = await hostsOf(inside, due);
    let made = 0;
    for (const channel of due) made += await offerChannel(inside, channel, hosts);
    return made;
  });
}

async function offerChannel(inside: Queryable, channel: DueChannel, hosts: readonly OfferHost[]): Promise<number> {
  const { name, balance, now } = channel;
  const serving = hosts.filter((host) => host.channels.includes(name));
  // While all are busy, each that asks comes here: nothing is read of the queue then.
  if (!serving.some(({ capacity, used }) => used < capacity)) return 0;
  const state: ChannelState = { ...newBalanceState(name), lapsed: {}, ...channel.state };
  await noteLapsed(inside, channel, state);
  // What is not there any more is forgotten.
  for (const table of [state.owed, state.lapsed])
    for (const host of Object.keys(table)) if (!serving.some((one) => one.name === host)) delete table[host];
  const brakes = await brakesOf(inside, name);
  const heads = await headsOf(inside, name, serving);
  const offers: { task: number; host: string }[] = [];
  for (const { task_id, arch, weight, requires, owner, key } of heads) {
    if (offers.length === OFFERS_MAX) break;
    const able = serving.filter(
      (host) =>
        host.capacity - host.used >= weight &&
        (arch === "any" || host.arches.includes(arch)) &&
        requires.every((capability) => host.capabilities.includes(capability)),
    );
    const brake = brakes.filter((one) => one.scope === "channel" || one.name === owner);
    if (able.length === 0 || brake.some(({ left }) => left <= 0)) continue;
    const heard = able.filter((host) => (state.lapsed[host.name] ?? -Infinity) < now - LAPSED_SECONDS);
    const chosen = chooseHost(balance, { weight, key }, heard.length > 0 ? heard : able, state);
    chosen.used += weight;
    chosen.runs++;
    for (const one of brake) one.left--;
    offers.push({ task: task_id, host: chosen.name });
  }
  await inside.query(
    `
    with o as (select * from jsonb_to_recordset($1::jsonb) as x(task bigint, host text)),
    u as (
      update runnable r set host = o.host, until = now() + make_interval(secs => ${OFFER_SECONDS})
      from o where r.task_id = o.task returning o.host
    ), s as (update channel set balance_state = $2::jsonb where name = $3)
    select pg_notify('hub_offered', host) from (select distinct host from u) h`,
    [JSON.stringify(offers), JSON.stringify(state), name],
  );
  return offers.length;
}

async function noteLapsed(inside: Queryable, { name, now }: DueChannel, { lapsed }: ChannelState): Promise<void> {
  const rows = await inside.query<{ host: string }>(
    "select distinct host from runnable where channel = $1 and host is not null and until <= now()",
    [name],
  );
  for (const { host } of rows) lapsed[host] = now;
}

/** In the order in which they would be claimed; `skip locked`: somebody takes or cancels it in this moment. */
async function headsOf(inside: Queryable, channel: string, serving: readonly OfferHost[]): Promise<Head[]> {
  const arches = [...new Set(["any", ...serving.flatMap((host) => host.arches)])];
  return inside.query<Head>(
    `
    select r.task_id, r.arch, r.weight, r.requires, r.owner,
      coalesce(nullif(split_part(split_part(t.payload->>'source', '=', 1), '_', 1), ''), nullif(t.label, ''),
        t.id::text) as key
    from runnable r join task t on t.id = r.task_id
    where r.channel = $1 and r.arch = any($2::text[]) and (r.host is null or r.until <= now())
    order by -r.priority::bigint, r.rank, r.task_id limit ${HEADS_MAX} for update of r skip locked`,
    [channel, arches],
  );
}

/** Hosts that are heard of, by name; what they were offered counts as used. One strategy asks how quick they are. */
async function hostsOf(inside: Queryable, channels: readonly DueChannel[]): Promise<OfferHost[]> {
  return inside.query<OfferHost>(
    `
    with o as (select host, sum(weight) as used, count(*) as runs from runnable where until > now() group by host),
    u as (select host, sum(weight) as used, count(*) as runs from run where state in ('ASSIGNED','RUNNING') \
group by host),
    t as (
      select host, avg(extract(epoch from ended - coalesce(started, assigned))) as seconds from run
      where $2::boolean and id > (select max(id) from run) - 2000 and state = 'COMPLETED' group by host
    )
    select h.name, h.arches, h.capabilities, h.channels, h.capacity,
      coalesce(u.used, 0)::int + coalesce(o.used, 0)::int as used,
      coalesce(u.runs, 0)::int + coalesce(o.runs, 0)::int as runs, coalesce(t.seconds, 0)::float8 as seconds
    from host h left join o on o.host = h.name left join u on u.host = h.name left join t on t.host = h.name
    where h.enabled and h.session is not null and h.last_seen > now() - interval '${HOST_SILENT_SECONDS} s'
      and h.channels && $1::text[]
    order by h.name collate "C"`,
    [channels.map(({ name }) => name), channels.some(({ balance }) => balance === "fastest")],
  );
}

interface BrakeRoom {
  readonly scope: "owner" | "channel";
  readonly name: string;
  /** So many more may run. */
  left: number;
}

/** A task that a brake holds would only lapse at the host that it is offered to. */
function brakesOf(inside: Queryable, channel: string): Promise<BrakeRoom[]> {
  return inside.query<BrakeRoom>(
    `
    select b.scope, b.name, b.max_running - (
      select count(*) from task t where t.state in ('ASSIGNED','RUNNING')
        and case b.scope when 'owner' then t.owner else t.channel end = b.name
    )::int - (
      select count(*) from runnable r where r.until > now()
        and case b.scope when 'owner' then r.owner else r.channel end = b.name
    )::int as left
    from brake b where b.max_running is not null and (b.scope = 'owner' or b.name = $1)`,
    [channel],
  );
}
