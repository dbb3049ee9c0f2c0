/**
 * What a task of kind `command` names: a program, what it finds in its folder, and what it leaves there.
 *
 *     {"argv":["make","-j2"], "environment":{"CC":"gcc"}, "files":{"hello.c":"…"}, "artefacts":["hello"]}
 */
import { normalize } from "node:path";

export interface CommandPayload {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly artefacts: readonly string[];
}

/** @returns what is wrong with it, in words */
export function readCommandPayload(payload: Readonly<Record<string, unknown>>): CommandPayload | string {
  const isTexts = (value: unknown): value is string[] =>
    Array.isArray(value) && value.every((entry) => typeof entry === "string");
  const isTextRecord = (value: unknown): value is Record<string, string> =>
    typeof value === "object" && value !== null && isTexts(Object.values(value));
  const { argv, environment = {}, files = {}, artefacts = [] } = payload;
  if (!isTexts(argv) || argv.length === 0) return "payload.argv: expected a program and its arguments";
  if (!isTextRecord(environment)) return "payload.environment: expected texts by name";
  if (!isTextRecord(files)) return "payload.files: expected texts by name";
  if (!isTexts(artefacts)) return "payload.artefacts: expected names of files";
  for (const [place, names] of [
    ["files", Object.keys(files)],
    ["artefacts", artefacts],
  ] as const) {
    const outside = names.find((name) => name === "" || name.startsWith("/") || normalize(name).startsWith(".."));
    if (outside !== undefined) return `payload.${place}: ${JSON.stringify(outside)} leaves the task's folder`;
  }
  return { argv, environment, files, artefacts };
}
