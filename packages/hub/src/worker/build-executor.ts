/**
 * Tasks of kind `build`: a Debian source package, built by the builder's command in a process of its own, which ends
 * with the run whatever it does.
 *
 *     {"source":"figlet=2.2.5-3", "suite":"trixie", "profiles":["nocheck"], "autopkgtest":true, "seed":1}
 *     {"source":"figlet=2.2.5-3", "binNmu":{"number":1, "reason":"Rebuild against …", "date":1769817600}}
 *     {"source":"figlet_2.2.5-3.dsc", "files":[{"name":"figlet_2.2.5-3.dsc","digest":"sha256:…"},…]}
 *
 * The task's architecture is that which is built for (`any`: the worker's), or on, where `host` names another. Sources
 * are names, git URLs, or files that were uploaded: a path would be one of the worker's host, which is none of the
 * submitter's business. What a build depends on comes from the suite, from the repository of the task's channel, and
 * from those that the channel inherits.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildResult, FailureKind } from "@stratos/builder";
import type { FailureClass, HubClient, RepositoriesView } from "@stratos/hub-api";
import type { ArtefactCache } from "./artefact-cache.ts";
import { runProgram } from "./command-executor.ts";
import { downloadArtefact } from "./download-artefact.ts";
import type { Execution, ExecutionResult, Executor } from "./executor.ts";

/** Bytes of the result that the builder prints. */
const RESULT_MAX = 16 << 20;
const SOURCE =
  /^(?!.*\.dsc$)(?:[a-z0-9][a-z0-9+.-]+(?:=[A-Za-z0-9.+~:-]+)?|(?:https|ssh|git)(?:\+git)?:\/\/[^\s'"\\]+)$/;
/** Of a source package: no path, nothing hidden. */
const FILE = /^[A-Za-z0-9][A-Za-z0-9+.~_-]{0,250}$/;
const VERSION = /^[0-9][A-Za-z0-9.+~:-]*$/;
const WORD = /^[a-z0-9][a-z0-9.+-]*$/;

const CLASSES: Readonly<Record<FailureKind, FailureClass>> = {
  // A wrong word stays one: it is not tried again.
  request: "build",
  infrastructure: "infrastructure",
  "dependency-wait": "dependency-wait",
  build: "build",
  timeout: "timeout",
  killed: "killed",
  hook: "build",
};

/**
 * @param builder  program and first arguments of what builds, as `stratos builder build` does
 * @param sources  where sources are kept between tasks; absent: nowhere
 */
export function buildExecutor(client: HubClient, builder: readonly string[], sources?: ArtefactCache): Executor {
  const fetch: FetchSource = (digest, path, signal) =>
    sources === undefined ? downloadArtefact(client, digest, path, signal) : sources.copyTo(digest, path, signal);
  return { kind: "build", execute: (execution) => build({ client, builder, fetch }, execution) };
}

type FetchSource = (digest: string, path: string, signal: AbortSignal) => Promise<void>;

interface BuildPorts {
  readonly client: HubClient;
  readonly builder: readonly string[];
  readonly fetch: FetchSource;
}

async function build({ client, builder, fetch }: BuildPorts, execution: Execution): Promise<ExecutionResult> {
  const output = join(execution.folder, "output");
  const request = readPayload(execution.run.payload);
  if (typeof request === "string") return { failure: { class: "build", message: request } };
  const sources = join(execution.folder, "source");
  mkdirSync(sources);
  for (const { name, digest } of request.files) await fetch(digest, join(sources, name), execution.signal);
  const { arch } = execution.run;
  const source = request.files.length === 0 ? request.source : join(sources, request.source);
  const argv = [
    ...[...builder, source],
    ...request.options,
    ...(await repositoryOptions(client, execution)),
    ...(arch === "any" ? [] : ["--arch", arch]),
    ...["--output", output, "--json", "--verbose"],
  ];
  let printed = "";
  const ended = await runProgram(execution, { argv, environment: ownEnvironment() }, async (bytes) => {
    if (printed.length < RESULT_MAX) printed += Buffer.from(bytes).toString("latin1");
  });
  const result = readResult(printed);
  if (result === null) return { failure: ended ?? { class: "infrastructure", message: "the builder told nothing" } };
  return resultOf(result, output);
}

async function repositoryOptions(client: HubClient, { run, folder, signal }: Execution): Promise<string[]> {
  const { items, key } = await client.call<RepositoriesView>(
    "GET",
    `/channels/${encodeURIComponent(run.channel)}/repositories`,
    undefined,
    { signal },
  );
  if (items.length === 0) return [];
  const keyring = join(folder, "hub-key.asc");
  writeFileSync(keyring, key);
  return [
    "--keyring",
    keyring,
    ...items.flatMap(({ path, suite, components }) => [
      "--repository",
      `${client.url}${path} ${suite} ${components.join(" ")}`,
    ]),
  ];
}

function resultOf(result: BuildResult, output: string): ExecutionResult {
  const { failure, source, binaryVersion, depends, stages, layers, autopkgtest } = result;
  const told = { source, binaryVersion, depends, stages, layers, autopkgtest };
  if (failure !== undefined) {
    const message = `${failure.stage} failed: ${failure.message}`;
    return { failure: { class: CLASSES[failure.kind], message }, result: told };
  }
  return {
    result: told,
    artefacts: readdirSync(output)
      .sort()
      .map((name) => ({ name, path: join(output, name), role: roleOf(name), media: mediaOf(name) })),
  };
}

interface BuildPayload {
  /** Name, git URL, or the name of a .dsc among `files`. */
  readonly source: string;
  readonly files: readonly { readonly name: string; readonly digest: string }[];
  /** The builder's arguments beside it. */
  readonly options: readonly string[];
}

/** @returns what is wrong with the payload, in words, when something is */
export function readPayload(payload: Readonly<Record<string, unknown>>): BuildPayload | string {
  const { source, suite, profiles = [], seed, files = [], binNmu, autopkgtest = false, host, ...others } = payload;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined)
    return (
      `payload.${unknown}: there is no such key; known: source, files, suite, profiles, host, seed, binNmu, ` +
      "autopkgtest"
    );
  if (!Array.isArray(files) || !files.every(isSourceFile)) return "payload.files: expected names and digests";
  if (files.length > 0) {
    if (typeof source !== "string" || !source.endsWith(".dsc") || !files.some(({ name }) => name === source))
      return "payload.source: expected the .dsc among payload.files";
  } else if (typeof source !== "string" || !SOURCE.test(source))
    return "payload.source: expected NAME, NAME=VERSION or a git URL";
  if (suite !== undefined && (typeof suite !== "string" || !WORD.test(suite))) return "payload.suite: expected a name";
  const isWord = (value: unknown): value is string => typeof value === "string" && WORD.test(value);
  if (!Array.isArray(profiles) || !profiles.every(isWord)) return "payload.profiles: expected names";
  if (seed !== undefined && !Number.isSafeInteger(seed)) return "payload.seed: expected a whole number";
  if (typeof autopkgtest !== "boolean") return "payload.autopkgtest: expected true or false";
  if (host !== undefined && !isWord(host)) return "payload.host: expected an architecture";
  if (host !== undefined && autopkgtest) return "payload.autopkgtest: not of a cross build (host)";
  const nmu = binNmu === undefined ? [] : binNmuOptions(binNmu);
  if (typeof nmu === "string") return nmu;
  return {
    source,
    files,
    options: [
      ...nmu,
      ...(suite === undefined ? [] : ["--suite", suite]),
      ...(host === undefined ? [] : ["--host", host as string]),
      ...(profiles.length === 0 ? [] : ["--profiles", profiles.join(",")]),
      ...(autopkgtest ? ["--autopkgtest"] : []),
      ...(seed === undefined ? [] : ["--in", "stratos", "--seed", String(seed)]),
    ],
  };
}

/** @returns what is wrong with it, in words, when something is */
function binNmuOptions(value: unknown): string[] | string {
  const { number, reason, date, of, ...others } = (value ?? {}) as Record<string, unknown>;
  if (Object.keys(others).length > 0) return "payload.binNmu: expected number, reason, date and of";
  if (!Number.isSafeInteger(number) || (number as number) < 1) return "payload.binNmu.number: expected 1 or more";
  if (typeof reason !== "string" || reason.trim() === "" || reason.length > 500 || /\p{Cc}/u.test(reason))
    return "payload.binNmu.reason: expected one line";
  if (date !== undefined && (!Number.isSafeInteger(date) || (date as number) < 0))
    return "payload.binNmu.date: expected seconds since 1970";
  if (of !== undefined && (typeof of !== "string" || !VERSION.test(of))) return "payload.binNmu.of: expected a version";
  return [
    ...["--bin-nmu", String(number), `--reason=${reason}`],
    ...(date === undefined ? [] : ["--bin-nmu-date", String(date)]),
    ...(of === undefined ? [] : ["--bin-nmu-of", of]),
  ];
}

function isSourceFile(value: unknown): value is { name: string; digest: string } {
  const { name, digest } = (value ?? {}) as { name?: unknown; digest?: unknown };
  return (
    typeof name === "string" && FILE.test(name) && typeof digest === "string" && /^sha256:[0-9a-f]{64}$/.test(digest)
  );
}

/** What the builder finds its folders, mirrors and proxies by. */
function ownEnvironment(): Record<string, string> {
  const names = Object.keys(process.env).filter((name) => /^(STRATOS_|XDG_|HOME$|(?:https?|no)_proxy$)/i.test(name));
  return Object.fromEntries(names.map((name) => [name, process.env[name]!]));
}

function readResult(text: string): BuildResult | null {
  try {
    return JSON.parse(Buffer.from(text, "latin1").toString("utf8")) as BuildResult;
  } catch {
    return null;
  }
}

function roleOf(name: string): string {
  if (name.endsWith(".deb") || name.endsWith(".udeb")) return "package";
  if (name.endsWith(".build") || name.endsWith(".autopkgtest")) return "log";
  return name.endsWith(".changes") || name.endsWith(".buildinfo") || name === "provenance.json" ? "record" : "output";
}

function mediaOf(name: string): string {
  if (name.endsWith(".deb") || name.endsWith(".udeb")) return "application/vnd.debian.binary-package";
  return name.endsWith(".json") ? "application/json" : "application/octet-stream";
}
