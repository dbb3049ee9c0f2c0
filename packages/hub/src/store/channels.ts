/** Channels: queues with a policy, a retention and brakes. */
import type { ChannelView } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import { writeEvents } from "./events.ts";
import { HubError, notFound } from "./hub-error.ts";
import { demandCondition, UNCONDITIONAL, type Condition } from "./versions.ts";

const SELECT = `
select c.name, c.policy, c.balance, c.description, c.retention_days as "retentionDays", c.inherits, c.version,
  b.max_queued as "maxQueued", b.max_running as "maxRunning"
from channel c left join brake b on b.scope = 'channel' and b.name = c.name`;

export function listChannels(on: Queryable): Promise<ChannelView[]> {
  return on.query<ChannelView>(`${SELECT} order by c.name`);
}

export async function findChannel(on: Queryable, name: string): Promise<ChannelView> {
  const [row] = await on.query<ChannelView>(`${SELECT} where c.name = $1`, [name]);
  if (row === undefined) throw notFound(`channel ${name}`);
  return row;
}

export interface ChannelSettings {
  readonly policy?: ChannelView["policy"];
  readonly balance?: ChannelView["balance"];
  readonly description?: string;
  readonly retentionDays?: number | null;
  readonly inherits?: readonly string[];
  readonly maxQueued?: number | null;
  readonly maxRunning?: number | null;
}

const channelChanged = (name: string, version: number): HubError =>
  new HubError(412, "changed", `channel ${name} has changed: it is version ${version} now`);

/**
 * Makes a channel or changes it: what is not said becomes the default. @throws HubError 412 when it is another version
 * by now, is not there and must be, or is there and must not be
 */
export async function putChannel(
  database: Database,
  name: string,
  settings: ChannelSettings,
  { actor, version, mustExist = null }: { actor: string; version: number | null; mustExist?: boolean | null },
): Promise<ChannelView> {
  return database.transaction("read committed", async (inside) => {
    // Locked, so that it stays until it is changed.
    if (
      mustExist === true &&
      (await inside.query("select 1 from channel where name = $1 for update", [name])).length === 0
    )
      throw new HubError(412, "changed", `channel ${name} is not there`);
    const rows = await inside.query(
      `
      insert into channel (name, policy, description, retention_days, inherits, balance) values ($1, $2, $3, $4, $6, $7)
      on conflict (name) do update
        set policy = $2, description = $3, retention_days = $4, inherits = $6, balance = $7,
          balance_state = case when channel.balance = $7 then channel.balance_state end, version = channel.version + 1
        where ($5::int is null or channel.version = $5) and not $8
      returning version`,
      [
        name,
        settings.policy ?? "priority",
        settings.description ?? "",
        settings.retentionDays ?? null,
        version,
        [...(settings.inherits ?? [])],
        settings.balance ?? "first",
        mustExist === false,
      ],
    );
    if (rows.length === 0) {
      if (mustExist === false) throw new HubError(412, "changed", `there is a channel ${name} already`);
      throw channelChanged(name, (await findChannel(inside, name)).version);
    }
    if ((settings.inherits ?? []).length > 0) {
      await requireAncestors(inside, name);
      await endDependencyWaits(inside, name, null);
    }
    await putBrake(inside, "channel", name, settings);
    await writeEvents(inside, [{ actor, what: "CHANNEL_CHANGED", detail: { channel: name, ...settings } }]);
    return findChannel(inside, name);
  });
}

/** A channel and those whose packages its builds may use, the nearest first. @throws HubError 404 */
export async function channelAndAncestors(on: Queryable, name: string): Promise<string[]> {
  const parents = new Map((await listChannels(on)).map((channel) => [channel.name, channel.inherits]));
  const found: string[] = [];
  for (const queue = [name]; queue.length > 0;) {
    const next = queue.shift()!;
    if (found.includes(next)) continue;
    const inherited = parents.get(next);
    if (inherited === undefined) throw notFound(`channel ${next}`);
    found.push(next);
    queue.push(...inherited);
  }
  return found;
}

/**
 * Tasks of a channel, and of those that inherit it, which failed for want of a package and wait to be tried again, are
 * tried now.
 *
 * @param names  of packages that came; null: which came is not known
 */
export async function endDependencyWaits(
  inside: Queryable,
  channel: string,
  names: readonly string[] | null,
): Promise<void> {
  await inside.query(
    `
    with recursive heir(name) as (
      select $1::text union select c.name from channel c join heir h on h.name = any(c.inherits)
    )
    update waiting w set due = now() from task t join run r on r.task_id = t.id and r.attempt = t.attempt
    where t.id = w.task_id and t.channel in (select name from heir) and r.failure_class = 'dependency-wait'
      and ($2::text[] is null
        or exists (select 1 from unnest($2::text[]) as n(name) where strpos(r.message, n.name) > 0))`,
    [channel, names],
  );
}

/** @throws HubError 422 when a channel inherits itself, over however many; 404 when one is not there */
async function requireAncestors(inside: Queryable, name: string): Promise<void> {
  const { inherits } = await findChannel(inside, name);
  for (const parent of inherits)
    if ((await channelAndAncestors(inside, parent)).includes(name))
      throw new HubError(422, "circle", `channels inherit in a circle: ${name} → ${parent} → … → ${name}`);
}

/** @throws HubError 409 while it has open tasks, while another inherits it, and for the channel `default` */
export async function removeChannel(
  database: Database,
  name: string,
  { actor, version }: { readonly actor: string; readonly version: number | null },
): Promise<void> {
  if (name === "default") throw new HubError(409, "built-in", "the channel default is part of every hub");
  await database.transaction("read committed", async (inside) => {
    const [kept] = await inside.query<{ version: number }>("select version from channel where name = $1 for update", [
      name,
    ]);
    if (kept === undefined) throw notFound(`channel ${name}`);
    if (version !== null && kept.version !== version) throw channelChanged(name, kept.version);
    const rows = await inside.query(
      "delete from channel where name = $1 and not exists (select 1 from task where channel = $1 and state in " +
        "('BLOCKED','FREE','ASSIGNED','RUNNING')) returning name",
      [name],
    );
    if (rows.length === 0) throw new HubError(409, "channel-busy", `channel ${name} has open tasks`);
    const [heir] = await inside.query<{ name: string }>("select name from channel where $1 = any(inherits)", [name]);
    if (heir !== undefined) throw new HubError(409, "channel-inherited", `channel ${heir.name} inherits ${name}`);
    await inside.query("delete from brake where scope = 'channel' and name = $1", [name]);
    await inside.query("delete from channel_package where channel = $1", [name]);
    await inside.query("delete from repository_file where channel = $1", [name]);
    await writeEvents(inside, [{ actor, what: "CHANNEL_REMOVED", detail: { channel: name } }]);
  });
}

export interface Brake {
  readonly maxQueued?: number | null;
  readonly maxRunning?: number | null;
}

/** Without limits there is no brake. */
export async function putBrake(
  on: Queryable,
  scope: "owner" | "channel",
  name: string,
  { maxQueued, maxRunning }: Brake,
): Promise<void> {
  if ((maxQueued ?? maxRunning ?? null) === null)
    await on.query("delete from brake where scope = $1 and name = $2", [scope, name]);
  else {
    await on.query(
      "insert into brake (scope, name, max_queued, max_running) values ($1, $2, $3, $4) on conflict (scope, " +
        "name) do update set max_queued = $3, max_running = $4, version = brake.version + 1",
      [scope, name, maxQueued ?? null, maxRunning ?? null],
    );
  }
}

type OwnerBrake = Brake & { readonly owner: string; readonly version: number };

export function listOwnerBrakes(on: Queryable): Promise<OwnerBrake[]> {
  return on.query(
    `select name as owner, max_queued as "maxQueued", max_running as "maxRunning", version from brake \
where scope = 'owner' order by name`,
  );
}

/** @returns null when the owner has none now. @throws HubError 412 */
export function putOwnerBrake(
  database: Database,
  { owner, ...limits }: Brake & { readonly owner: string },
  actor: string,
  condition: Condition = UNCONDITIONAL,
): Promise<OwnerBrake | null> {
  return database.transaction("read committed", async (inside) => {
    await demandCondition(inside, { kind: "brake", name: owner }, condition);
    await putBrake(inside, "owner", owner, limits);
    await writeEvents(inside, [{ actor, what: "BRAKE_CHANGED", detail: { owner, ...limits } }]);
    return (await listOwnerBrakes(inside)).find((brake) => brake.owner === owner) ?? null;
  });
}
