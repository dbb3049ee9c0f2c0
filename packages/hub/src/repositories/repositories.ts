/**
 * Results become repositories: the packages that tasks of a channel left are in the channel's, as apt reads it, and in
 * those that they are promoted to.
 *
 *     to_publish → package, channel_package → repository_file (signed lists) → waits for a package end
 *
 * All of a channel's change happens in one transaction under the channel's lock, so any hub may do it, and a client
 * sees the state before or the one after. A package of a name, version and architecture is in a channel once: another
 * file of the three is refused, since clients could not tell them apart.
 */
import { gzipSync } from "node:zlib";
import { createHash } from "node:crypto";
import type { PackageView } from "@stratos/hub-api";
import {
  archiveFiles,
  createSigningKey,
  debFileName,
  parseControl,
  poolPath,
  publicHalf,
  signRelease,
  type PoolEntry,
} from "@stratos/pkg";
import type { BlobStore } from "../blobs/blob-store.ts";
import { BoundedCache } from "../cache/bounded-cache.ts";
import type { Database, Queryable } from "../database/database.ts";
import { jsonText } from "../database/json-text.ts";
import { isPackage } from "../store/artefacts.ts";
import { builtSources } from "./build-depends.ts";
import { channelAndAncestors, endDependencyWaits, findChannel } from "../store/channels.ts";
import { writeEvents, type NewEvent } from "../store/events.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import { ADVISORY_CLASSES } from "../database/advisory-locks.ts";

/** What is read of a package's file. */
export type PackageDescription = Pick<PoolEntry, "sizeBytes" | "md5" | "sha256" | "files"> & {
  readonly control: string;
};
/** @throws Error for a file that is no package */
export type ReadPackage = (path: string) => Promise<PackageDescription>;

const COMPONENT = "main";
/** Each channel has lists of these: packages for all architectures serve images whose hosts build nothing here. */
const ARCHITECTURES = ["amd64", "arm64", "riscv64"];
const KEY_SETTING = "repository-key";

interface Placed {
  readonly name: string;
  readonly version: string;
  readonly arch: string;
  readonly digest: string;
  readonly task: number | null;
}

/** Lists that are kept in memory: bytes, and how long, so that what nobody asks for any more goes. */
const LISTS_BYTES_MAX = 64 << 20;
const LISTS_MS = 600_000;

export class Repositories {
  readonly #database: Database;
  readonly #blobs: BlobStore;
  readonly #readPackage: ReadPackage;
  /** Content of lists, by the state of their row. A crawler that reads all once puts none out that many read. */
  readonly cache = new BoundedCache<Uint8Array>({
    name: "lists",
    policy: "lfu",
    entriesMax: 1_000,
    bytesMax: LISTS_BYTES_MAX,
    lifeMs: LISTS_MS,
  });

  constructor(database: Database, blobs: BlobStore, readPackage: ReadPackage) {
    this.#database = database;
    this.#blobs = blobs;
    this.#readPackage = readPackage;
  }

  /** What tasks left since. @returns of how many tasks; fewer than `limit`: of all */
  async publishEnded(limit: number): Promise<number> {
    const ended = await this.#database.query<{ id: number; task: number; channel: string | null }>(
      "select p.id, p.task_id as task, t.channel from to_publish p left join task t on t.id = p.task_id order by " +
        "p.id limit $1",
      [limit],
    );
    for (const [channel, entries] of Map.groupBy(ended, (entry) => entry.channel)) {
      const tasks = entries.map(({ task }) => task);
      const { placed, events } = channel === null ? { placed: [], events: [] } : await this.#read(tasks);
      // While the task is there to ask.
      if (channel !== null) await builtSources(this.#database, this.#blobs, tasks);
      await this.#database.transaction("read committed", async (inside) => {
        if (channel !== null) await this.#place(inside, channel, placed, "hub");
        await writeEvents(inside, events);
        await inside.query("delete from to_publish where id = any($1::bigint[])", [entries.map(({ id }) => id)]);
      });
    }
    return ended.length;
  }

  /**
   * Brings packages of sources, as `from` has them, into another channel.
   *
   * @param sources  `NAME` (what came last) or `NAME=VERSION`
   * @throws HubError 404 for a source that is not there, 409 for another file of the same name and version
   */
  async promote(
    sources: readonly string[],
    { from, to, actor }: { from: string; to: string; actor: string },
  ): Promise<PackageView[]> {
    return this.#database.transaction("read committed", async (inside) => {
      await findChannel(inside, from);
      await findChannel(inside, to);
      const chosen: PackageView[] = [];
      for (const wanted of sources) {
        const [source, version] = splitSource(wanted);
        const found = await packagesOf(inside, { channel: from, source, version });
        if (found.length === 0) throw notFound(`source ${wanted} in channel ${from}`);
        // Of each package what came last; a source's packages may have come one architecture after the other.
        chosen.push(...new Map(found.map((one) => [`${one.name} ${one.arch}`, one])).values());
      }
      await this.#place(inside, to, chosen, actor);
      const names = new Set(chosen.map(({ name }) => name));
      const there = await packagesOf(inside, { channel: to });
      const other = chosen.find(({ digest }) => !there.some((one) => one.digest === digest));
      if (other !== undefined)
        throw new HubError(
          409,
          "other-package",
          `${other.name} ${other.version} (${other.arch}): channel ${to} has another file; it takes a new version`,
        );
      return there.filter(({ name, digest }) => names.has(name) && chosen.some((one) => one.digest === digest));
    });
  }

  /** @returns what is gone from the channel. @throws HubError 404 */
  async withdraw(
    sources: readonly string[],
    { channel, actor }: { channel: string; actor: string },
  ): Promise<PackageView[]> {
    return this.#database.transaction("read committed", async (inside) => {
      await findChannel(inside, channel);
      const gone: PackageView[] = [];
      for (const wanted of sources) {
        const [source, version] = splitSource(wanted);
        const found = await packagesOf(inside, { channel, source, version });
        if (found.length === 0) throw notFound(`source ${wanted} in channel ${channel}`);
        gone.push(...found);
      }
      await this.#lock(inside, channel);
      await inside.query("delete from channel_package where channel = $1 and digest = any($2::text[])", [
        channel,
        gone.map(({ digest }) => digest),
      ]);
      await inside.query(
        "delete from package p where digest = any($1::text[]) and not exists (select 1 from channel_package c where " +
          "c.digest = p.digest)",
        [gone.map(({ digest }) => digest)],
      );
      await this.#writeLists(inside, channel);
      await writeEvents(inside, [{ actor, what: "WITHDRAWN", detail: { channel, packages: gone.map(words) } }]);
      return gone;
    });
  }

  /** Where builds of a channel find packages: its own repository and those that it inherits, if they have any. */
  async placesOf(channel: string): Promise<{ path: string; suite: string; components: string[] }[]> {
    const names = await channelAndAncestors(this.#database, channel);
    const there = await this.#database.query<{ channel: string }>(
      "select channel from repository_file where channel = any($1::text[]) and path = 'InRelease'",
      [names],
    );
    return names
      .filter((name) => there.some((row) => row.channel === name))
      .map((name) => ({ path: `/repos/${name}`, suite: name, components: [COMPONENT] }));
  }

  /** Whom clients trust. The key is made when it is asked for first, and is the same for all channels. */
  async publicKey(): Promise<{ fingerprint: string; binary: Uint8Array; armored: string }> {
    const { fingerprint, binary, publicKey } = await publicHalf(await this.#privateKey(this.#database));
    return { fingerprint, binary, armored: publicKey };
  }

  /** A file of a channel's lists; which content it has now is asked of the database, as any hub may change it. */
  async file(
    channel: string,
    path: string,
  ): Promise<{ readonly modified: Date; readonly content: () => Promise<Uint8Array> } | null> {
    const [row] = await this.#database.query<{ modified: Date; state: string }>(
      "select modified, xmin::text as state from repository_file where channel = $1 and path = $2",
      [channel, path],
    );
    if (row === undefined) return null;
    const key = (state: string): string => `${state} ${channel} ${path}`;
    const content = async (): Promise<Uint8Array> => {
      const cached = this.cache.get(key(row.state));
      if (cached !== undefined) return cached;
      const [now] = await this.#database.query<{ content: Uint8Array; state: string }>(
        "select content, xmin::text as state from repository_file where channel = $1 and path = $2",
        [channel, path],
      );
      if (now === undefined) throw notFound(`${channel}/${path}`);
      this.cache.set(key(now.state), now.content, now.content.length);
      return now.content;
    };
    return { modified: row.modified, content };
  }

  /** The digest of a package by its path in the pool. */
  async pooled(channel: string, filename: string): Promise<string | null> {
    const [row] = await this.#database.query<{ digest: string }>(
      "select c.digest from package p join channel_package c on c.digest = p.digest where c.channel = $1 and " +
        "p.filename = $2",
      [channel, filename],
    );
    return row?.digest ?? null;
  }

  /** Reads the files of tasks that nobody has read. Files that are no packages are told of and left out. */
  async #read(tasks: readonly number[]): Promise<{ placed: Placed[]; events: NewEvent[] }> {
    const artefacts = await this.#database.query<{ task: number; name: string; role: string; digest: string }>(
      "select task_id as task, name, role, digest from task_artefact where task_id = any($1::bigint[]) order by " +
        "task_id, name",
      [[...tasks]],
    );
    const placed: Placed[] = [];
    const events: NewEvent[] = [];
    for (const { task, name: file, digest } of artefacts.filter(isPackage)) {
      try {
        placed.push({ task, digest, ...(await this.#describe(digest, file)) });
      } catch (error) {
        // What cannot be read now is published later.
        if (error instanceof HubError && error.status === 503) throw error;
        const why = error instanceof Error ? error.message : String(error);
        events.push({ actor: "hub", what: "NOT_PUBLISHED", task, detail: { file, why } });
      }
    }
    return { placed, events };
  }

  async #describe(digest: string, file: string): Promise<{ name: string; version: string; arch: string }> {
    const [known] = await this.#database.query<{ name: string; version: string; arch: string }>(
      "select name, version, arch from package where digest = $1",
      [digest],
    );
    if (known !== undefined) return known;
    const description = await this.#blobs.withFile(digest, this.#readPackage);
    const control = parseControl(description.control, file)[0]!;
    const name = control.get("Package")!;
    const version = control.get("Version")!;
    const arch = control.get("Architecture")!;
    const source = (control.get("Source") ?? name).split(" ")[0]!;
    await this.#database.query(
      "insert into package (digest, name, version, arch, source, filename, description) values ($1, $2, $3, $4, $5, " +
        "$6, $7::jsonb) on conflict (digest) do nothing",
      [digest, name, version, arch, source, poolPath(control, COMPONENT, debFileName(control)), jsonText(description)],
    );
    return { name, version, arch };
  }

  async #lock(inside: Queryable, channel: string): Promise<void> {
    const hash = createHash("sha256").update(channel).digest().readInt32BE(0);
    await inside.query("select pg_advisory_xact_lock($1::int, $2::int)", [ADVISORY_CLASSES.publish, hash]);
  }

  async #place(inside: Queryable, channel: string, placed: readonly Placed[], actor: string): Promise<void> {
    if (placed.length === 0) return;
    await this.#lock(inside, channel);
    const added = await inside.query<Placed>(
      `
      insert into channel_package (channel, name, version, arch, digest, task_id, actor)
      select $1, name, version, arch, digest, task, $3 from jsonb_to_recordset($2::jsonb)
        as x(name text, version text, arch text, digest text, task bigint)
      on conflict do nothing returning name, version, arch, digest, task_id as task`,
      [channel, jsonText(placed), actor],
    );
    const there = await packagesOf(inside, { channel });
    const events: NewEvent[] = placed
      .filter(({ digest }) => !there.some((one) => one.digest === digest))
      .map((one) => ({
        actor: "hub",
        what: "NOT_PUBLISHED",
        task: one.task,
        detail: { channel, package: words(one), why: "the channel has another file of this name and version" },
      }));
    for (const [task, packages] of Map.groupBy(added, (one) => one.task))
      events.push({ actor, what: "PUBLISHED", task, detail: { channel, packages: packages.map(words) } });
    await writeEvents(inside, events);
    if (added.length === 0) return;
    await this.#writeLists(inside, channel);
    await this.#endWaits(inside, channel, added);
  }

  /** Tasks that failed for want of one of these packages, and wait to be tried again, are tried now. */
  async #endWaits(inside: Queryable, channel: string, added: readonly Placed[]): Promise<void> {
    const rows = await inside.query<{ control: string }>(
      "select description->>'control' as control from package where digest = any($1::text[])",
      [added.map(({ digest }) => digest)],
    );
    const names = rows.flatMap(({ control }) => {
      const stanza = parseControl(control, "package")[0]!;
      const provided = (stanza.get("Provides") ?? "").split(",").map((one) => one.trim().split(/[\s(]/)[0]!);
      return [stanza.get("Package")!, ...provided.filter((name) => name !== "")];
    });
    await endDependencyWaits(inside, channel, names);
  }

  async #writeLists(inside: Queryable, channel: string): Promise<void> {
    const rows = await inside.query<{ filename: string; description: PackageDescription }>(
      "select p.filename, p.description from channel_package c join package p on p.digest = c.digest where " +
        "c.channel = $1 order by p.filename",
      [channel],
    );
    const pool = rows.map(({ filename, description: { control, ...description } }) => ({
      ...description,
      component: COMPONENT,
      filename,
      control: parseControl(control, filename)[0]!,
    }));
    const hosts = await inside.query<{ arch: string }>(
      "select distinct unnest(arches) as arch from host where $1 = any(channels)",
      [channel],
    );
    const architectures = new Set(
      [
        ...ARCHITECTURES,
        ...pool.map(({ control }) => control.get("Architecture")!),
        ...hosts.map(({ arch }) => arch),
      ].filter((arch) => /^[a-z0-9-]+$/.test(arch) && arch !== "all" && arch !== "any"),
    );
    const [time] = await inside.query<{ now: number; last: number }>(
      `
      select floor(extract(epoch from now()))::bigint as now,
        (select coalesce(floor(extract(epoch from max(modified))), 0)::bigint from repository_file where channel = $1) \
as last`,
      [channel],
    );
    // HTTP tells times in seconds: a list that is made within the second of the last one must still be newer.
    const date = Math.max(time!.now, time!.last + 1);
    const files = archiveFiles(
      {
        suite: channel,
        codename: channel,
        origin: "Stratos hub",
        label: channel,
        description: `Packages of channel ${channel}`,
        architectures: [...architectures].sort(),
        components: [COMPONENT],
        validDays: 0,
      },
      pool,
      date,
      { hasher, gzip: (bytes) => gzipSync(bytes, { level: 9 }) },
    );
    const release = files.at(-1)!;
    const { inRelease, detached } = await signRelease(
      Buffer.from(release.bytes).toString("utf8"),
      await this.#privateKey(inside),
      time!.now,
    );
    // What the state before told by its hashes stays for clients that have begun with it; what is older goes.
    await inside.query(
      "delete from repository_file where channel = $1 and modified < (select max(modified) from repository_file " +
        "where channel = $1)",
      [channel],
    );
    for (const { path, bytes } of [
      ...files,
      { path: "Release.gpg", bytes: Buffer.from(detached) },
      { path: "InRelease", bytes: Buffer.from(inRelease) },
    ])
      await inside.query(
        "insert into repository_file (channel, path, content, modified) values ($1, $2, $3, to_timestamp($4)) on " +
          "conflict (channel, path) do update set content = $3, modified = to_timestamp($4)",
        [channel, path, bytes, date],
      );
  }

  async #privateKey(on: Queryable): Promise<string> {
    const read = async (): Promise<string | undefined> =>
      (await on.query<{ value: string }>("select value from setting where name = $1", [KEY_SETTING]))[0]?.value;
    const known = await read();
    if (known !== undefined) return known;
    const [time] = await on.query<{ now: number }>("select floor(extract(epoch from now()))::bigint as now");
    const { privateKey } = await createSigningKey("Stratos hub", time!.now);
    await on.query("insert into setting (name, value) values ($1, $2) on conflict do nothing", [
      KEY_SETTING,
      privateKey,
    ]);
    return (await read())!;
  }
}

/** In the order in which they came, or the last first. */
export async function packagesOf(
  on: Queryable,
  { channel, source, version }: { channel?: string | undefined; source?: string; version?: string | undefined },
  { limit = PACKAGES_MAX, lastFirst = false }: { limit?: number; lastFirst?: boolean } = {},
): Promise<PackageView[]> {
  return on.query<PackageView>(
    `
    select c.channel, c.name, c.version, c.arch, p.source, c.digest, a.size, c.task_id as task, c.actor,
      to_char(c.added at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') as added
    from channel_package c join package p on p.digest = c.digest join artefact a on a.digest = c.digest
    where ($1::text is null or c.channel = $1) and ($2::text is null or p.source = $2)
      and ($3::text is null or c.version = $3)
    order by c.added ${lastFirst ? "desc" : ""}, c.name, c.arch limit $4`,
    [channel ?? null, source ?? null, version ?? null, limit],
  );
}

const PACKAGES_MAX = 100_000;

function splitSource(text: string): [source: string, version: string | undefined] {
  const equals = text.indexOf("=");
  return equals < 0 ? [text, undefined] : [text.slice(0, equals), text.slice(equals + 1)];
}

function words({ name, version, arch }: Pick<Placed, "name" | "version" | "arch">): string {
  return `${name} ${version} ${arch}`;
}

function hasher(algorithm: "sha256" | "md5"): { update(bytes: Uint8Array): void; hex(): string } {
  const hash = createHash(algorithm);
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest("hex") };
}
