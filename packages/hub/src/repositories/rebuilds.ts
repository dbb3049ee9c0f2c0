/**
 * Sources of a channel built anew, each as a binNMU: the same source, another version of its packages.
 *
 *     channel_package ──▶ sources, what they build on ──▶ waves ──▶ numbers ──▶ tasks of a workflow
 *
 * Numbers are given under a lock, and each is a row: of two rebuilds at once each has its own. A task starts when those
 * of earlier waves that it needs have completed and their packages are in the channel.
 */
import type { RebuildRequest, RebuildView, TaskSubmission } from "@stratos/hub-api";
import { compareVersions, parseControl } from "@stratos/pkg";
import type { BlobStore } from "../blobs/blob-store.ts";
import type { Database, Queryable } from "../database/database.ts";
import { findChannel } from "../store/channels.ts";
import { writeEvents } from "../store/events.ts";
import { HubError, notFound } from "../store/hub-error.ts";
import { submitTasks, type Admit } from "../store/submit-tasks.ts";
import { builtSources, type BuiltSource, type DependsOrigin } from "./build-depends.ts";
import { namesOf, planRebuild, type ChannelBinary, type ChannelSource, type PlannedSource } from "./plan-rebuild.ts";
import { ADVISORY_LOCKS } from "../database/advisory-locks.ts";

type PlannedItem = RebuildView["items"][number];
type LeftOut = RebuildView["leftOut"][number];

const NUMBER_MAX = 9_999;
const SUFFIX = /\+b(\d{1,6})$/;

/** A source as the channel has it: of its newest version. */
interface SourceOfChannel extends ChannelSource {
  /** Architectures that it has packages of its own for, and which task made them. */
  readonly tasks: ReadonlyMap<string, number | null>;
  readonly built: ReadonlyMap<number, BuiltSource>;
  readonly origin: DependsOrigin | null;
}

export class Rebuilds {
  readonly #database: Database;
  readonly #blobs: BlobStore;

  constructor(database: Database, blobs: BlobStore) {
    this.#database = database;
    this.#blobs = blobs;
  }

  /** What {@link submit} would do. Numbers are those that are free now. @throws HubError 404, 409, 422 */
  async plan(channel: string, request: RebuildRequest): Promise<RebuildView> {
    const { items, leftOut } = await this.#plan(this.#database, channel, request);
    return {
      channel,
      workflow: null,
      items: items.map(({ item }) => item),
      leftOut,
    };
  }

  /** @param inside  the transaction of an Idempotency-Key, if there is one */
  async submit(
    channel: string,
    request: RebuildRequest,
    { owner, inside, admit }: { owner: string; inside: Queryable | undefined; admit?: Admit },
  ): Promise<RebuildView> {
    const work = async (on: Queryable): Promise<RebuildView> => {
      await on.query("select pg_advisory_xact_lock($1)", [ADVISORY_LOCKS.rebuild]);
      const { items, leftOut } = await this.#plan(on, channel, request);
      if (items.length === 0) return { channel, workflow: null, items: [], leftOut };
      const what = [...(request.reverseDepends ?? []), ...(request.sources ?? [])].join(", ").slice(0, 200);
      const [workflow] = await on.query<{ id: number }>(
        "insert into workflow (name, owner) values ($1, $2) returning id",
        [`rebuild: ${what}`, owner],
      );
      const [time] = await on.query<{ now: number }>("select floor(extract(epoch from now()))::bigint as now");
      const tasks = await submitTasks(
        this.#database,
        items.map((one, index) => submissionOf(one, items.slice(0, index), { channel, request, date: time!.now })),
        { owner, workflow: workflow!.id, inside: on, ...(admit === undefined ? {} : { admit }) },
      );
      const done = items.map(({ item }, index) => ({ ...item, task: tasks[index]!.id }));
      await reserve(on, done, request.reason, owner);
      await writeEvents(on, [
        {
          actor: owner,
          what: "REBUILD",
          detail: { channel, workflow: workflow!.id, reason: request.reason, sources: done.length },
        },
      ]);
      return { channel, workflow: workflow!.id, items: done, leftOut };
    };
    return inside === undefined ? this.#database.transaction("read committed", work) : work(inside);
  }

  async #plan(
    on: Queryable,
    channel: string,
    request: RebuildRequest,
  ): Promise<{ items: { item: PlannedItem; source: SourceOfChannel }[]; leftOut: LeftOut[] }> {
    const { sources: asked = [], reverseDepends = [], recursive = false, arches } = request;
    if (asked.length + reverseDepends.length === 0)
      throw new HubError(
        422,
        "nothing-asked",
        "sources, or packages whose reverse dependencies are meant, are missing",
      );
    await findChannel(on, channel);
    const all = await sourcesOf(on, this.#blobs, channel);
    const unknown = asked.find((name) => !all.some(({ source }) => source === name));
    if (unknown !== undefined) throw notFound(`source ${unknown} in channel ${channel}`);
    const planned = planRebuild(all, { changed: reverseDepends, isRecursive: recursive, sources: asked });
    const leftOut: LeftOut[] = all
      .filter(({ origin, tasks }) => origin === null && tasks.size > 0)
      .map(({ source, version }) => ({
        source,
        version,
        why: "what it builds on is not known: the task that built it is gone, and nothing of it was kept",
      }))
      .filter(({ source }) => !asked.includes(source));
    const numbers = await freeNumbers(on, planned, request.number);
    const gone = await goneFiles(on, planned);
    const items: { item: PlannedItem; source: SourceOfChannel }[] = [];
    for (const one of planned) {
      const { source } = one;
      const why = gone.get(source.source) ?? (source.tasks.size === 0 ? ONLY_ALL : undefined);
      if (why !== undefined) {
        leftOut.push({ source: source.source, version: source.version, why });
        continue;
      }
      for (const arch of source.tasks.keys())
        if (arches === undefined || arches.includes(arch))
          items.push({ source, item: itemOf(one, arch, numbers.get(source.source)!) });
    }
    return { items, leftOut };
  }
}

const ONLY_ALL = "it has packages for all architectures only, which take a new version of the source";

function itemOf({ source, ...one }: PlannedSource<SourceOfChannel>, arch: string, number: number): PlannedItem {
  const { version, origin } = source;
  return { ...one, source: source.source, version, arch, number, known: origin ?? "unknown", task: null };
}

async function sourcesOf(on: Queryable, blobs: BlobStore, channel: string): Promise<SourceOfChannel[]> {
  const rows = await on.query<{ version: string; arch: string; task: number | null; source: string; control: string }>(
    "select c.version, c.arch, c.task_id as task, p.source, p.description->>'control' as control from " +
      "channel_package c join package p on p.digest = c.digest where c.channel = $1 order by c.added, c.name",
    [channel],
  );
  const built = await builtSources(on, blobs, [...new Set(rows.flatMap(({ task }) => task ?? []))]);
  return [...Map.groupBy(rows, ({ source }) => source)].map(([source, packages]) => {
    const read = packages.map((row) => ({ ...row, ...readControl(row.control, row.version) }));
    const version = read.reduce(
      (newest, one) => (compareVersions(one.sourceVersion, newest) > 0 ? one.sourceVersion : newest),
      read[0]!.sourceVersion,
    );
    const current = read.filter(({ sourceVersion }) => sourceVersion === version);
    // What came last counts: a binNMU's packages are newer than those that it was made of.
    const binaries = new Map(current.map(({ binary }) => [binary.name, binary]));
    const tasks = new Map(current.filter(({ arch }) => arch !== "all").map(({ arch, task }) => [arch, task]));
    const known = [...tasks.values()].flatMap((task) => (task === null ? [] : (built.get(task) ?? [])));
    return {
      source,
      version,
      binaries: [...binaries.values()],
      tasks,
      built,
      depends: [...new Set(known.flatMap(({ depends }) => depends))],
      origin: known[0]?.origin ?? null,
    };
  });
}

function readControl(control: string, version: string): { sourceVersion: string; binary: ChannelBinary } {
  const stanza = parseControl(control, "package")[0]!;
  const field = (name: string): string[] => namesOf(stanza.get(name) ?? "");
  return {
    // `Source: hello (2.10-3)` where the two versions differ. Source: deb-control(5).
    sourceVersion: /\(([^()\s]+)\)/.exec(stanza.get("Source") ?? "")?.[1] ?? version,
    binary: {
      name: stanza.get("Package")!,
      depends: [...field("Depends"), ...field("Pre-Depends")],
      provides: field("Provides"),
    },
  };
}

/** For each source one number for all of its architectures. @throws HubError 409 when the wanted one is taken */
async function freeNumbers(
  on: Queryable,
  planned: readonly PlannedSource<SourceOfChannel>[],
  wanted: number | undefined,
): Promise<Map<string, number>> {
  const names = planned.map(({ source }) => source.source);
  const given = await on.query<{ source: string; version: string; number: number }>(
    "select b.source, b.version, b.number from bin_nmu b left join task t on t.id = b.task_id where b.source = " +
      "any($1::text[]) and coalesce(t.state, '') not in ('FAILED', 'CANCELED')",
    [names],
  );
  // Of all channels: packages may be promoted.
  const there = await on.query<{ source: string; version: string; control: string }>(
    "select source, version, description->>'control' as control from package where source = any($1::text[]) and " +
      "version ~ '[+]b[0-9]{1,6}$'",
    [names],
  );
  const taken = new Map<string, Set<number>>();
  const take = (source: string, version: string, number: number): void => {
    const key = `${source} ${version}`;
    if (!taken.has(key)) taken.set(key, new Set());
    taken.get(key)!.add(number);
  };
  for (const { source, version, number } of given) take(source, version, number);
  for (const { source, version, control } of there)
    take(source, readControl(control, version.replace(SUFFIX, "")).sourceVersion, Number(SUFFIX.exec(version)![1]));
  return new Map(
    planned.map(({ source: { source, version } }) => {
      const numbers = taken.get(`${source} ${version}`) ?? new Set<number>();
      const next = Math.max(0, ...numbers) + 1;
      if (wanted !== undefined && numbers.has(wanted))
        throw new HubError(409, "number-taken", `${source} ${version}+b${wanted} is there already; ${next} is free`);
      if (next > NUMBER_MAX)
        throw new HubError(409, "number-taken", `${source} ${version} was built anew ${NUMBER_MAX} times`);
      return [source, wanted ?? next];
    }),
  );
}

/** A number whose task came to nothing is given again. */
async function reserve(on: Queryable, items: readonly PlannedItem[], reason: string, actor: string): Promise<void> {
  await on.query(
    `
    insert into bin_nmu (source, version, arch, number, task_id, reason, actor)
    select source, version, arch, number, task, $2, $3 from jsonb_to_recordset($1::jsonb)
      as x(source text, version text, arch text, number int, task bigint)
    on conflict (source, version, arch, number) do update
      set task_id = excluded.task_id, reason = excluded.reason, actor = excluded.actor, created = now()`,
    [JSON.stringify(items), reason, actor],
  );
}

type InputFile = NonNullable<TaskSubmission["inputs"]>[number];
const DIGEST = /^sha256:[0-9a-f]{64}$/;
/** A payload is what somebody submitted: what does not look as it should is none. */
function filesOf({ payload: { files } }: BuiltSource): readonly InputFile[] {
  if (!Array.isArray(files)) return [];
  return (files as (Partial<InputFile> | null)[]).flatMap((file) =>
    typeof file?.name === "string" && typeof file.digest === "string" && DIGEST.test(file.digest)
      ? [{ name: file.name, digest: file.digest }]
      : [],
  );
}

/** Sources that were uploaded, and whose files are not kept any more. */
async function goneFiles(
  on: Queryable,
  planned: readonly PlannedSource<SourceOfChannel>[],
): Promise<Map<string, string>> {
  const wanted = planned.flatMap(({ source: { source, tasks, built } }) =>
    [...tasks.values()].flatMap((task) => {
      const one = task === null ? undefined : built.get(task);
      return one === undefined
        ? []
        : filesOf(one).map(({ name, digest }) => ({ source, task: one.task, name, digest }));
    }),
  );
  const there = await on.query<{ digest: string }>("select digest from artefact where digest = any($1::text[])", [
    wanted.map(({ digest }) => digest),
  ]);
  const digests = new Set(there.map(({ digest }) => digest));
  return new Map(
    wanted
      .filter(({ digest }) => !digests.has(digest))
      .map(({ source, task, name }) => [source, `${name} of its source is not kept any more, as task ${task} is not`]),
  );
}

function submissionOf(
  { item, source }: { item: PlannedItem; source: SourceOfChannel },
  before: readonly { item: PlannedItem }[],
  { channel, request, date }: { channel: string; request: RebuildRequest; date: number },
): TaskSubmission {
  const task = source.tasks.get(item.arch) ?? null;
  const built = task === null ? undefined : source.built.get(task);
  const files = built === undefined ? [] : filesOf(built);
  const { source: name, binNmu: _before, ...payload } = built?.payload ?? {};
  // By name it would be the suite's newest, and of another repository of git what is there now: `of` refuses that.
  const reference = typeof name === "string" && /[:/]|\.dsc$/.test(name.replace(/=.*$/, "")) ? name : null;
  const { number, version } = item;
  return {
    kind: "build",
    channel,
    arch: item.arch,
    label: `rebuild ${item.source} ${version}+b${number}`.slice(0, 200),
    payload: {
      ...payload,
      source: reference ?? `${item.source}=${version}`,
      binNmu: { number, reason: request.reason, date, of: version },
    },
    ...(request.priority === undefined ? {} : { priority: request.priority }),
    ...(files.length === 0 ? {} : { inputs: files }),
    afterInBatch: before.flatMap(({ item: other }, index) =>
      other.arch === item.arch && item.after.includes(other.source) ? [index] : [],
    ),
  };
}
