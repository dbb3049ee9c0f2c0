/**
 * Sources become packages of a channel: what is there is taken, the rest is built, and who asked waits for it.
 *
 *     packages of the channel ──▶ there? ──no──▶ task ──▶ COMPLETED ──▶ published ──▶ BuiltSource
 *
 * A submission has a key made of what is built, so that who asks again, after an end in the middle, finds the task of
 * before; one that failed is tried again. Sources may need each other: their tasks wait for what they want, in any
 * order.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  HubProblem,
  type EventView,
  type HubClient,
  type PackageView,
  type RepositoriesView,
  type TaskDetails,
  type TaskSubmission,
  type TaskView,
  type WaitReason,
} from "@stratos/hub-api";
import { isPackage } from "../store/artefacts.ts";
import { pause } from "../worker/pause.ts";
import { uploadArtefacts, type UploadFile } from "../worker/upload.ts";

export interface WantedSource {
  /** In the words of who wants it, for messages. */
  readonly item: string;
  readonly name: string;
  /** Absent: any that the channel has, else the newest of the suite. */
  readonly version?: string | undefined;
  /** For which its packages shall be; those for all will do. */
  readonly arch: string;
  /** Whether it has packages for all architectures alone, which any host can build. */
  readonly isForAll?: boolean;
  readonly suite?: string | undefined;
  /** A .dsc, the first, and the files that it lists. */
  readonly files?: readonly UploadFile[];
}

interface BuildOptions {
  readonly channel: string;
  /** `look`: nothing is built; `anew`: sources without a version are, whatever the channel has. */
  readonly mode: "build" | "look" | "anew";
  readonly signal: AbortSignal;
  /** Sentences on what goes on. */
  readonly tell: (message: string) => void;
  readonly pollMs?: number;
}

interface BuiltSources {
  readonly packages: readonly PackageView[];
  /** Where they are, the channel's own first, and by which key they are signed. */
  readonly repositories: RepositoriesView;
}

/** A source that cannot be had: why, from the hub inwards. */
export class SourceError extends Error {
  override name = "SourceError";
  readonly source: WantedSource;

  constructor(source: WantedSource, message: string) {
    super(message);
    this.source = source;
  }
}

const POLL_MS = 1_000;
/** A task that nobody has taken by then: it is said why. */
const PATIENCE_POLLS = 5;
/** A hub that is away for longer has ended. */
const AWAY_POLLS_MAX = 60;

/** @throws SourceError; HubProblem, or fetch's errors, when the hub refuses or is away */
export async function buildSources(
  client: HubClient,
  wanted: readonly WantedSource[],
  options: BuildOptions,
): Promise<BuiltSources> {
  const channel = `/channels/${encodeURIComponent(options.channel)}`;
  const repositoriesOf = (): Promise<RepositoriesView> => client.call("GET", `${channel}/repositories`);
  const places = (await repositoriesOf()).items.map(({ suite }) => suite);
  const packages: PackageView[] = [];
  const jobs: Job[] = [];
  for (const source of wanted) {
    const found =
      options.mode === "anew" && source.version === undefined ? [] : await findBuilt(client, source, places);
    packages.push(...found);
    if (found.length > 0) continue;
    if (options.mode === "look") throw new SourceError(source, `channel ${options.channel} has no packages of it`);
    jobs.push(await submit(client, source, options));
  }
  await waitForAll(client, jobs, options);
  return { packages: [...packages, ...jobs.flatMap(({ built }) => built ?? [])], repositories: await repositoriesOf() };
}

/** Of the nearest channel that has it what came last. @throws SourceError for another source of the same version */
async function findBuilt(
  client: HubClient,
  source: WantedSource,
  channels: readonly string[],
): Promise<readonly PackageView[]> {
  for (const channel of channels) {
    const fitting = (await packagesOf(client, channel, source.name)).filter(
      ({ version, arch }) =>
        (arch === source.arch || arch === "all") &&
        // A binary's version may be its source's with a build number behind it: deb-version(7).
        (source.version === undefined || version.replace(/\+b\d+$/, "") === source.version),
    );
    const last = fitting.at(-1);
    if (last === undefined) continue;
    await requireSameSource(client, source, last);
    return fitting.filter(({ version }) => version === last.version);
  }
  return [];
}

async function packagesOf(client: HubClient, channel: string, source: string): Promise<readonly PackageView[]> {
  const query = new URLSearchParams({ channel, source });
  return (await client.call<{ items: readonly PackageView[] }>("GET", `/packages?${query}`)).items;
}

/** @throws SourceError when the packages came of another .dsc than this one */
async function requireSameSource(
  client: HubClient,
  { files, ...source }: WantedSource,
  one: PackageView,
): Promise<void> {
  if (files === undefined || one.task === null) return;
  const payload = (await taskOf(client, one.task))?.payload as { files?: { name: string; digest: string }[] };
  const before = payload?.files?.find(({ name }) => name === files[0]!.name);
  const digest = `sha256:${createHash("sha256").update(readFileSync(files[0]!.path)).digest("hex")}`;
  if (before !== undefined && before.digest !== digest)
    throw new SourceError(
      source,
      `channel ${one.channel} has ${source.name} ${one.version} of another ${files[0]!.name}; a changed source ` +
        "takes a new version",
    );
}

interface Job {
  readonly source: WantedSource;
  readonly task: number;
  /** What was told of it last. */
  told: string;
  polls: number;
  built?: readonly PackageView[];
}

async function submit(
  client: HubClient,
  source: WantedSource,
  { channel, mode, signal, tell }: BuildOptions,
): Promise<Job> {
  const uploaded = await uploadArtefacts(client, source.files ?? [], signal);
  const files = uploaded.map(({ name, digest }) => ({ name, digest }));
  const named = source.version === undefined ? source.name : `${source.name}=${source.version}`;
  const submission: TaskSubmission = {
    kind: "build",
    label: `build ${named}`.slice(0, 200).toWellFormed(),
    channel,
    arch: source.isForAll === true ? "any" : source.arch,
    payload: {
      source: files[0]?.name ?? named,
      ...(source.suite === undefined ? {} : { suite: source.suite }),
      ...(files.length === 0 ? {} : { files }),
    },
    ...(files.length === 0 ? {} : { inputs: files }),
  };
  const task = await submitOnce(client, submission, { source: source.name, isAnew: mode === "anew" });
  tell(`${source.item}: task ${task.id} builds it`);
  return { source, task: task.id, told: "", polls: 0 };
}

/** What was submitted before and can still come to something is taken up. */
async function submitOnce(
  client: HubClient,
  submission: TaskSubmission,
  { source, isAnew }: { source: string; isAnew: boolean },
): Promise<TaskView> {
  for (let key = keyOf(submission); ;) {
    const { id } = await client.call<TaskView>("POST", "/tasks", submission, { headers: { "idempotency-key": key } });
    const task = await taskOf(client, id);
    if (task?.state === "FAILED" || task?.state === "CANCELED") return client.call("POST", `/tasks/${id}/retry`, {});
    if (task !== null && task.state !== "COMPLETED") return task;
    // What a completed one left is gone by now, else nobody had asked for it; or its hub has not read it yet.
    if (task !== null && !isAnew && (await publication(client, task, source)) !== "gone") return task;
    key = keyOf([key, id]);
  }
}

function keyOf(value: unknown): string {
  return `build-${createHash("sha256").update(JSON.stringify(value)).digest("hex")}`;
}

async function taskOf(client: HubClient, id: number): Promise<TaskDetails | null> {
  try {
    return await client.call<TaskDetails>("GET", `/tasks/${id}`);
  } catch (error) {
    if (error instanceof HubProblem && error.status === 404) return null;
    throw error;
  }
}

/** Until all are built and published, or one cannot be. @throws SourceError */
async function waitForAll(client: HubClient, jobs: readonly Job[], options: BuildOptions): Promise<void> {
  for (let away = 0; jobs.some(isOpen);) {
    options.signal.throwIfAborted();
    try {
      await lookAtAll(client, jobs, options);
      away = 0;
    } catch (error) {
      // As fetch throws it: a hub that is started anew costs no build.
      if (!(error instanceof TypeError) || ++away > AWAY_POLLS_MAX) throw error;
    }
    if (jobs.some(isOpen)) await pause(options.pollMs ?? POLL_MS, options.signal);
  }
}

const isOpen = ({ built }: Job): boolean => built === undefined;

async function lookAtAll(client: HubClient, jobs: readonly Job[], options: BuildOptions): Promise<void> {
  let hasChanged = false;
  for (const job of jobs.filter(isOpen)) hasChanged = (await look(client, job, options)) || hasChanged;
  const open = jobs.filter(isOpen);
  if (open.length > 0 && !hasChanged) await requireHope(client, open);
}

/** @returns whether it is another than it was. @throws SourceError when it has failed */
async function look(client: HubClient, job: Job, { tell }: BuildOptions): Promise<boolean> {
  const { source, told } = job;
  const task = await taskOf(client, job.task);
  if (task === null) throw new SourceError(source, `task ${job.task} is gone`);
  const last = task.runs.at(-1);
  if (task.state === "FAILED" || task.state === "CANCELED")
    throw new SourceError(source, `task ${task.id}: ${task.state}: ${reasonOf(task)}`);
  if (task.state === "COMPLETED") {
    const packages = await publication(client, task, source.name);
    if (packages === "coming") return false;
    if (packages === "gone")
      throw new SourceError(source, `task ${task.id} left no packages in channel ${task.channel}`);
    if (typeof packages === "string") throw new SourceError(source, `task ${task.id}: ${packages}`);
    job.built = packages;
    tell(`${source.item}: task ${task.id}: ${packages.map(({ name, version }) => `${name} ${version}`).join(", ")}`);
    return true;
  }
  job.told = `${task.state} ${last?.attempt ?? 0} ${last?.state ?? ""}`;
  job.polls = job.told === told ? job.polls + 1 : 0;
  if (task.state === "RUNNING" && job.told !== told) tell(`${source.item}: task ${task.id} runs on ${last!.host}`);
  if (task.state === "FREE" && job.polls === PATIENCE_POLLS) {
    const { summary } = await client.call<WaitReason>("GET", `/tasks/${task.id}/why`);
    tell(`${source.item}: task ${task.id} waits: ${summary}`);
  }
  return job.told !== told;
}

function reasonOf(task: TaskDetails): string {
  const message = task.message ?? task.runs.at(-1)?.message ?? "no reason is known";
  return task.failureClass === null ? message : `builder: ${message}`;
}

/**
 * @returns its packages; `coming`: the hub has not read them yet; `gone`: there are none; another text: why they are
 *   left out
 */
async function publication(
  client: HubClient,
  task: TaskDetails,
  source: string,
): Promise<readonly PackageView[] | string> {
  const digests = new Set(task.artefacts.filter(isPackage).map(({ digest }) => digest));
  if (digests.size === 0) return "gone";
  // Events first: what they say was published is among the packages by then.
  const events = (await client.call<{ items: EventView[] }>("GET", `/tasks/${task.id}/events?limit=500`)).items;
  const there = (await packagesOf(client, task.channel, source)).filter(({ digest }) => digests.has(digest));
  if (there.length === digests.size) return there;
  const refused = events.findLast(({ what }) => what === "NOT_PUBLISHED")?.detail as
    | { readonly package?: string; readonly file?: string; readonly why: string }
    | undefined;
  if (refused !== undefined) return `${refused.package ?? refused.file}: ${refused.why}`;
  return events.some(({ what }) => what === "PUBLISHED") ? "gone" : "coming";
}

/**
 * Tasks that want a package which nobody brings would be tried for days. @throws SourceError when all that are left are
 * such
 */
async function requireHope(client: HubClient, open: readonly Job[]): Promise<void> {
  for (const { task: id } of open) {
    const { retrySeconds } = await client.call<WaitReason>("GET", `/tasks/${id}/why`);
    const task = await taskOf(client, id);
    const last = task?.runs.at(-1);
    if (task?.state !== "FREE" || last?.failureClass !== "dependency-wait" || (retrySeconds ?? 0) === 0) return;
  }
  const { source, task: id } = open[0]!;
  const task = (await taskOf(client, id))!;
  throw new SourceError(
    source,
    `task ${id} waits for a package that nobody builds: builder: ${task.runs.at(-1)?.message}; it goes on when one ` +
      `comes into channel ${task.channel}`,
  );
}
