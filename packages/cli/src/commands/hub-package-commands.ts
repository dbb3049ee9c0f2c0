/** `stratos hub build|package|repository|artefact`. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type {
  ArtefactView,
  HubClient,
  PackageView,
  RepositoriesView,
  TaskDetails,
  TaskSubmission,
  TaskView,
} from "@stratos/hub-api";
import { uploadArtefacts } from "@stratos/hub/worker";
import { toldFailure } from "@stratos/images/told-failures";
import { parseSource, sourceFiles } from "@stratos/pkg";
import { CommandError, hostReason } from "../command-error.ts";
import { downloadArtefact } from "../hub/download-artefact.ts";
import { listOf, printItems, printJson, type Listing } from "../hub/hub-listing.ts";
import { hubUrl, withHub, type HubOptions } from "../hub/hub-login.ts";
import { given, waitForEnd } from "./hub-task-commands.ts";

export interface BuildTaskOptions extends Listing {
  readonly channel?: string;
  readonly arch?: string;
  readonly suite?: string;
  readonly profile: readonly string[];
  readonly seed?: number;
  readonly priority?: number;
  readonly watch?: true;
}

export function buildSources(sources: readonly string[], options: BuildTaskOptions): Promise<number> {
  return withHub(options, async (client) => {
    const tasks: TaskView[] = [];
    for (const source of sources) {
      const files = source.endsWith(".dsc") ? await uploadSource(client, source) : [];
      const submission: TaskSubmission = {
        kind: "build",
        label: `build ${basename(source)}`.slice(0, 200),
        payload: {
          source: files.length === 0 ? source : basename(source),
          ...given("suite", options.suite),
          ...given("seed", options.seed),
          ...(options.profile.length === 0 ? {} : { profiles: options.profile }),
          ...(files.length === 0 ? {} : { files }),
        },
        ...given("channel", options.channel),
        ...given("arch", options.arch),
        ...given("priority", options.priority),
        ...(files.length === 0 ? {} : { inputs: files }),
      };
      const task = await client.call<TaskView>("POST", "/tasks", submission);
      tasks.push(task);
      if (options.json !== true) process.stdout.write(`${task.id}\n`);
    }
    if (options.json === true) printJson(tasks);
    if (options.watch !== true) return 0;
    let status = 0;
    for (const { id } of tasks) status = Math.max(status, await waitForEnd(client, id));
    return status;
  });
}

/** A .dsc and the files that it lists, which lie beside it. */
async function uploadSource(client: HubClient, dsc: string): Promise<{ name: string; digest: string }[]> {
  const names = [basename(dsc)];
  try {
    names.push(...sourceFiles(parseSource(readFileSync(dsc, "latin1"), dsc), dsc).map(({ name }) => name));
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined
      ? toldFailure(dsc, error, new Set(["SourceError"]))
      : new CommandError(dsc, hostReason(error), { cause: error });
  }
  const files = names.map((name) => ({
    name,
    path: join(dirname(dsc), name),
    role: "input",
    media: "application/octet-stream",
  }));
  const missing = files.find(({ path }) => !existsSync(path));
  if (missing !== undefined) throw new CommandError(dsc, `lists ${missing.name}, which is not beside it`);
  return (await uploadArtefacts(client, files, new AbortController().signal)).map(({ name, digest }) => ({
    name,
    digest,
  }));
}

export interface PackageOptions extends Listing {
  readonly channel?: string;
  readonly source?: string;
}

const PACKAGE_COLUMNS = {
  CHANNEL: ({ channel }: PackageView) => channel,
  SOURCE: ({ source }: PackageView) => source,
  PACKAGE: ({ name }: PackageView) => name,
  VERSION: ({ version }: PackageView) => version,
  ARCH: ({ arch }: PackageView) => arch,
  TASK: ({ task }: PackageView) => (task === null ? "-" : String(task)),
  ADDED: ({ added }: PackageView) => added,
  BY: ({ actor }: PackageView) => actor,
};

export function listPackages(options: PackageOptions): Promise<number> {
  const query = new URLSearchParams({ ...given("channel", options.channel), ...given("source", options.source) });
  return listOf(`/packages?${query}`, options, PACKAGE_COLUMNS);
}

export function promotePackages(
  sources: readonly string[],
  options: Listing & { readonly from: string; readonly to: string },
): Promise<number> {
  return changeChannel(options.to, "promote", { from: options.from, sources }, options);
}

export function withdrawPackages(
  sources: readonly string[],
  options: Listing & { readonly channel: string },
): Promise<number> {
  return changeChannel(options.channel, "withdraw", { sources }, options);
}

function changeChannel(channel: string, verb: string, body: object, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const path = `/channels/${encodeURIComponent(channel)}/${verb}`;
    const { items } = await client.call<{ items: PackageView[] }>("POST", path, body);
    printItems(items, options, PACKAGE_COLUMNS);
  });
}

function repositoriesOf(client: HubClient, channel: string): Promise<RepositoriesView> {
  return client.call("GET", `/channels/${encodeURIComponent(channel)}/repositories`);
}

export function showRepository(channel: string, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { items, fingerprint } = await repositoriesOf(client, channel);
    const places = items.map(({ path, suite, components }) => ({
      uri: `${hubUrl(options)}${path}`,
      suite,
      components,
    }));
    if (options.json === true) return printJson({ repositories: places, fingerprint });
    if (places.length === 0) throw new CommandError(channel, "has no packages yet");
    for (const { uri, suite, components } of places)
      process.stdout.write(`deb [signed-by=KEYRING] ${uri} ${suite} ${components.join(" ")}\n`);
  });
}

export function showRepositoryKey(options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    process.stdout.write((await repositoriesOf(client, "default")).key);
  });
}

export function listArtefacts(task: number, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const { artefacts } = await client.call<TaskDetails>("GET", `/tasks/${task}`);
    printItems(artefacts, options, {
      NAME: ({ name }) => name,
      ROLE: ({ role }) => role,
      SIZE: ({ size }) => String(size),
      DIGEST: ({ digest }) => digest,
    });
  });
}

export function fetchArtefacts(
  task: number,
  names: readonly string[],
  options: HubOptions & { readonly output: string },
): Promise<number> {
  return withHub(options, async (client) => {
    const { artefacts } = await client.call<TaskDetails>("GET", `/tasks/${task}`);
    const unknown = names.find((name) => !artefacts.some((one) => one.name === name));
    if (unknown !== undefined) throw new CommandError(unknown, `task ${task} has no such artefact`);
    const wanted = artefacts.filter(({ name }) => names.length === 0 || names.includes(name));
    mkdirSync(options.output, { recursive: true });
    for (const artefact of wanted) process.stdout.write(`${await fetchOne(client, artefact, options.output)}\n`);
  });
}

async function fetchOne(client: HubClient, { name, digest }: ArtefactView, folder: string): Promise<string> {
  // A name is the worker's word, and no path of ours.
  if (!/^[^/\0]+$/.test(name) || name === "." || name === "..") throw new CommandError(name, "is no name of a file");
  const path = join(folder, name);
  try {
    await downloadArtefact(client, digest, path);
    return path;
  } catch (error) {
    throw (error as NodeJS.ErrnoException).syscall === undefined
      ? error
      : new CommandError(path, hostReason(error), { cause: error });
  }
}
