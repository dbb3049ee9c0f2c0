/**
 * Tasks of kind `build`: a Debian source package, built by `stratos builder build` in a process of its own, which ends
 * with the run whatever it does.
 *
 *     {"source":"figlet=2.2.5-3", "suite":"trixie", "profiles":["nocheck"], "seed":1}
 *
 * The task's architecture is that which is built for (`any`: the worker's). Sources are names or git URLs: a path would
 * be one of the worker's host, which is none of the submitter's business.
 */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { BuildResult, FailureKind } from "@stratos/builder";
import type { FailureClass } from "@stratos/hub-api";
import { runProgram, type ExecutionResult, type Executor } from "@stratos/hub/worker";

/** Bytes of the result that the builder prints. */
const RESULT_MAX = 16 << 20;
const SOURCE =
  /^(?!.*\.dsc$)(?:[a-z0-9][a-z0-9+.-]+(?:=[A-Za-z0-9.+~:-]+)?|(?:https|ssh|git)(?:\+git)?:\/\/[^\s'"\\]+)$/;
const WORD = /^[a-z0-9][a-z0-9.+-]*$/;

const CLASSES: Readonly<Record<FailureKind, FailureClass>> = {
  infrastructure: "infrastructure",
  "dependency-wait": "dependency-wait",
  build: "build",
  timeout: "timeout",
  killed: "killed",
  hook: "build",
};

export const buildExecutor: Executor = {
  kind: "build",
  execute: async (execution) => {
    const output = join(execution.folder, "output");
    const options = readPayload(execution.run.payload);
    if (typeof options === "string") return { failure: { class: "build", message: options } };
    const program = [process.execPath, ...process.execArgv, process.argv[1]!];
    const { arch } = execution.run;
    const place = [...(arch === "any" ? [] : ["--arch", arch]), "--output", output, "--json", "--verbose"];
    let printed = "";
    const ended = await runProgram(
      execution,
      { argv: [...program, "builder", "build", ...options, ...place], environment: ownEnvironment() },
      async (bytes) => {
        if (printed.length < RESULT_MAX) printed += Buffer.from(bytes).toString("latin1");
      },
    );
    const result = readResult(printed);
    if (result === null) return { failure: ended ?? { class: "infrastructure", message: "the builder told nothing" } };
    return resultOf(result, output);
  },
};

function resultOf(result: BuildResult, output: string): ExecutionResult {
  const { failure, source, stages, layers } = result;
  const told = { source, stages, layers };
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

/** @returns the builder's arguments, or what is wrong with the payload, in words */
export function readPayload(payload: Readonly<Record<string, unknown>>): string[] | string {
  const { source, suite, profiles = [], seed, ...others } = payload;
  const unknown = Object.keys(others)[0];
  if (unknown !== undefined) return `payload.${unknown}: there is no such key; known: source, suite, profiles, seed`;
  if (typeof source !== "string" || !SOURCE.test(source))
    return "payload.source: expected NAME, NAME=VERSION or a git URL";
  if (suite !== undefined && (typeof suite !== "string" || !WORD.test(suite))) return "payload.suite: expected a name";
  const isWord = (value: unknown): value is string => typeof value === "string" && WORD.test(value);
  if (!Array.isArray(profiles) || !profiles.every(isWord)) return "payload.profiles: expected names";
  if (seed !== undefined && !Number.isSafeInteger(seed)) return "payload.seed: expected a whole number";
  return [
    source,
    ...(suite === undefined ? [] : ["--suite", suite]),
    ...(profiles.length === 0 ? [] : ["--profiles", profiles.join(",")]),
    ...(seed === undefined ? [] : ["--in", "stratos", "--seed", String(seed)]),
  ];
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
  if (name.endsWith(".build")) return "log";
  return name.endsWith(".changes") || name.endsWith(".buildinfo") || name === "provenance.json" ? "record" : "output";
}

function mediaOf(name: string): string {
  if (name.endsWith(".deb") || name.endsWith(".udeb")) return "application/vnd.debian.binary-package";
  return name.endsWith(".json") ? "application/json" : "application/octet-stream";
}
