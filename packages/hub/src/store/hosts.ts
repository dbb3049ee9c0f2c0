/** Hosts: what they can do, and whether they are heard of. */
import { randomUUID } from "node:crypto";
import type { ArtefactCacheView, HostRegistration, HostView } from "@stratos/hub-api";
import type { Database, Queryable } from "../database/database.ts";
import { writeEvents } from "./events.ts";
import { HubError, notFound } from "./hub-error.ts";

/** A host that was silent for so long is offline. */
export const HOST_SILENT_SECONDS = 60;

interface HostRow {
  name: string;
  arches: string[];
  channels: string[];
  capabilities: string[];
  capacity: number;
  used: number;
  enabled: boolean;
  online: boolean;
  software: string;
  last_seen: Date;
  version: number;
  artefact_cache: ArtefactCacheView | null;
}

const SELECT = `
select h.name, h.arches, h.channels, h.capabilities, h.capacity, h.enabled, h.software, h.last_seen, h.version,
  h.artefact_cache,
  h.session is not null and h.last_seen > now() - interval '${HOST_SILENT_SECONDS} s' as online,
  coalesce((select sum(weight) from run where host = h.name and state in ('ASSIGNED','RUNNING')), 0) as used
from host h`;

export async function listHosts(on: Queryable): Promise<HostView[]> {
  return (await on.query<HostRow>(`${SELECT} order by h.name`)).map(view);
}

export async function findHost(on: Queryable, name: string): Promise<HostView> {
  const [row] = await on.query<HostRow>(`${SELECT} where h.name = $1`, [name]);
  if (row === undefined) throw notFound(`host ${name}`);
  return view(row);
}

function view({ last_seen, artefact_cache, ...row }: HostRow): HostView {
  const told = artefact_cache === null ? {} : { artefactCache: artefact_cache };
  return { ...row, lastSeen: last_seen.toISOString(), ...told };
}

/** A worker tells of its cache, when it has changed. */
export async function tellArtefactCache(
  on: Queryable,
  { name, session }: { readonly name: string; readonly session: string },
  cache: ArtefactCacheView,
): Promise<void> {
  await on.query("update host set artefact_cache = $3::jsonb where name = $1 and session = $2::uuid", [
    name,
    session,
    JSON.stringify(cache),
  ]);
}

/** @returns the session by which it claims; the one before is over */
export async function registerHost(
  database: Database,
  name: string,
  host: HostRegistration,
  actor: string,
): Promise<string> {
  const session = randomUUID();
  const channels = await database.query<{ name: string }>("select name from channel where name = any($1::text[])", [
    [...host.channels],
  ]);
  const missing = host.channels.find((channel) => !channels.some((known) => known.name === channel));
  if (missing !== undefined) throw new HubError(404, "no-such-channel", `${missing}: no such channel`);
  await database.transaction("read committed", async (inside) => {
    await inside.query(
      `
      insert into host (name, arches, channels, capabilities, capacity, session, software)
      values ($1, $2, $3, $4, $5, $6, $7)
      on conflict (name) do update set arches = $2, channels = $3, capabilities = $4, capacity = $5, session = $6, \
software = $7,
        last_seen = now(), version = host.version + 1`,
      [
        name,
        [...host.arches],
        [...host.channels],
        [...(host.capabilities ?? [])],
        host.capacity,
        session,
        host.software ?? "",
      ],
    );
    await writeEvents(inside, [
      { actor, what: "HOST_REGISTERED", detail: { host: name, arches: host.arches, channels: host.channels } },
    ]);
  });
  return session;
}

/** A host asks for tasks: it is online from now on. @returns what it serves; null: the session is not its own */
export async function hearHost(
  on: Queryable,
  name: string,
  session: string,
): Promise<{ channels: string[]; arches: string[] } | null> {
  const [row] = await on.query<{ channels: string[]; arches: string[] }>(
    "update host set last_seen = now() where name = $1 and session = $2::uuid returning channels, arches",
    [name, session],
  );
  return row ?? null;
}

const hostChanged = (name: string, version: number): HubError =>
  new HubError(412, "changed", `host ${name} has changed: it is version ${version} now`);

/** It takes no more tasks, or takes them again. @returns its new version. @throws HubError 412 when it has changed */
export async function enableHost(
  database: Database,
  name: string,
  { enabled, actor, version }: { enabled: boolean; actor: string; version: number | null },
): Promise<number> {
  return database.transaction("read committed", async (inside) => {
    const [row] = await inside.query<{ version: number }>(
      "update host set enabled = $2, version = version + 1 where name = $1 and ($3::int is null or version = $3) " +
        "returning version",
      [name, enabled, version],
    );
    if (row === undefined) {
      throw hostChanged(name, (await findHost(inside, name)).version);
    }
    await writeEvents(inside, [{ actor, what: enabled ? "HOST_ENABLED" : "HOST_DISABLED", detail: { host: name } }]);
    return row.version;
  });
}

/** @throws HubError 409 while it has runs, 412 when it is another version by now */
export async function removeHost(
  database: Database,
  name: string,
  { actor, version }: { readonly actor: string; readonly version: number | null },
): Promise<void> {
  await database.transaction("read committed", async (inside) => {
    const rows = await inside.query(
      "delete from host where name = $1 and ($2::int is null or version = $2) and not exists (select 1 from run " +
        "where host = $1 and state in ('ASSIGNED','RUNNING')) returning name",
      [name, version],
    );
    if (rows.length === 0) {
      const { used, version: now } = await findHost(inside, name);
      if (version !== null && now !== version) throw hostChanged(name, now);
      throw new HubError(
        409,
        "host-busy",
        `host ${name} has runs (${used} units); disable it, and remove it when they have ended`,
      );
    }
    await writeEvents(inside, [{ actor, what: "HOST_REMOVED", detail: { host: name } }]);
  });
}

/** The worker goes: its host is offline at once. */
export async function endSession(database: Database, name: string, session: string): Promise<void> {
  await database.query("update host set session = null where name = $1 and session = $2::uuid", [name, session]);
}
