/**
 * Tasks of kind `build`: a Debian source package, built by the builder's command in a process of its own, which ends
 * with the run whatever it does.
 *
 * The task's architecture is that which is built for (`any`: the worker's), or on, where `host` names another. What a
 * build depends on comes from the suite, from the repository of the task's channel, and from those that the channel
 * inherits.
 */
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { BuildResult, FailureKind } from "@stratos/builder";
import type { FailureClass, HubClient, RepositoriesView } from "@stratos/hub-api";
import { readBuildPayload } from "../payloads/build-payload.ts";
import type { ArtefactCache } from "./artefact-cache.ts";
import { runProgram } from "./command-executor.ts";
import { downloadArtefact } from "./download-artefact.ts";
import type { Execution, ExecutionResult, Executor } from "./executor.ts";

/** Bytes of the result that the builder prints. */
const RESULT_MAX = 16 << 20;

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
  const request = readBuildPayload(execution.run.payload);
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
