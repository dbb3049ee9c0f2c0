/**
 * What a task of kind `command` names: a program, what it finds in its folder, and what it leaves there.
 *
 *     {"argv":["make","-j2"], "environment":{"CC":"gcc"}, "files":{"hello.c":"…"}, "artefacts":["hello"]}
 */
import { normalize } from "node:path";
import { closestName } from "@stratos/base";

export interface CommandPayload {
  readonly argv: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly artefacts: readonly string[];
}

const KEYS = ["argv", "environment", "files", "artefacts"] as const;

/** @returns what is wrong with it, in words */
export function readCommandPayload(payload: Readonly<Record<string, unknown>>): CommandPayload | string {
  const { argv: words, environment: variables = {}, files = {}, artefacts = [], ...others } = payload;
  // Others are for plugins, and whoever else reads tasks.
  for (const name of Object.keys(others)) {
    const meant = closestName(name, KEYS, (key) => Math.floor(key.length / 4));
    if (meant !== undefined) return `payload.${name}: there is no such key; did you mean ${meant}?`;
  }
  const argv = Array.isArray(words) ? words.map(wordOf) : [];
  if (!isTexts(argv) || argv.length === 0) return "payload.argv: expected a program and its arguments";
  const environment = isRecord(variables) ? mapValues(variables, wordOf) : null;
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

/** Programs are told numbers as texts: `["make", "-j", 4]`, or what a template's parameter is. */
function wordOf(value: unknown): unknown {
  return typeof value === "number" || typeof value === "boolean" ? String(value) : value;
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((entry) => typeof entry === "string");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isTextRecord(value: unknown): value is Record<string, string> {
  return isRecord(value) && isTexts(Object.values(value));
}

function mapValues(record: Readonly<Record<string, unknown>>, change: (value: unknown) => unknown): object {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}
