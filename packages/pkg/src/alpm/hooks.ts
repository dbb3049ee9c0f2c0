/**
 * Hooks: what else is to run before or after a transaction that touches certain packages or paths. Source:
 * alpm-hooks(5).
 */
import { byteString } from "@stratos/base";
import type { RootFiles } from "../root/root-files.ts";
import { targetOf } from "../root/root-paths.ts";
import { matchesGlobList } from "./glob.ts";

type HookOperation = "Install" | "Upgrade" | "Remove";
export type HookMoment = "PreTransaction" | "PostTransaction";

interface HookTrigger {
  operations: HookOperation[];
  type: "Path" | "Package";
  targets: string[];
}

export interface Hook {
  name: string;
  triggers: HookTrigger[];
  when: HookMoment;
  /** the command, its words split as pacman does */
  command: string[];
  description: string;
  depends: string[];
  abortOnFail: boolean;
  needsTargets: boolean;
}

/** A hook's file is malformed. */
export class HookError extends Error {
  override name = "HookError";
}

/** What a transaction touches, by operation. */
export interface HookSubjects {
  packages: Record<HookOperation, readonly string[]>;
  paths: Record<HookOperation, readonly string[]>;
}

/** @param name  of the file, for messages and order @throws HookError */
export function parseHook(text: string, name: string): Hook {
  const triggers: HookTrigger[] = [];
  const action = new Map<string, string>();
  const depends: string[] = [];
  const flags = new Set<string>();
  let section = "";
  const lines = text.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!.trim();
    const fail = (why: string): never => {
      throw new HookError(`${name}:${index + 1}: ${why}`);
    };
    if (line === "" || line.startsWith("#")) continue;
    const header = /^\[(.+)\]$/.exec(line);
    if (header !== null) {
      section = header[1]!;
      if (section === "Trigger") triggers.push({ operations: [], type: "Package", targets: [] });
      else if (section !== "Action") fail(`a section [${section}] is not known`);
      continue;
    }
    const equals = line.indexOf("=");
    const key = (equals < 0 ? line : line.slice(0, equals)).trim(),
      value = equals < 0 ? "" : line.slice(equals + 1).trim();
    if (section === "Trigger") addToTrigger(triggers.at(-1)!, key, value, fail);
    else if (section === "Action") {
      if (key === "When" || key === "Exec" || key === "Description") action.set(key, value);
      else if (key === "Depends") depends.push(value);
      else if (key === "AbortOnFail" || key === "NeedsTargets") flags.add(key);
      else fail(`${key} is not known in [Action]`);
    } else fail(`${key} stands in no section`);
  }
  const when = action.get("When");
  if (when !== "PreTransaction" && when !== "PostTransaction")
    throw new HookError(`${name}: When must be PreTransaction or PostTransaction`);
  const command = splitWords(action.get("Exec") ?? "", name);
  if (command.length === 0) throw new HookError(`${name}: has no Exec`);
  for (const trigger of triggers)
    if (trigger.operations.length === 0 || trigger.targets.length === 0)
      throw new HookError(`${name}: a trigger needs an Operation and a Target`);
  if (triggers.length === 0) throw new HookError(`${name}: has no [Trigger]`);
  return {
    name,
    triggers,
    when,
    command,
    description: action.get("Description") ?? "",
    depends,
    abortOnFail: flags.has("AbortOnFail"),
    needsTargets: flags.has("NeedsTargets"),
  };
}

function addToTrigger(trigger: HookTrigger, key: string, value: string, fail: (why: string) => never): void {
  switch (key) {
    case "Operation":
      if (value !== "Install" && value !== "Upgrade" && value !== "Remove")
        fail(`Operation is Install, Upgrade or Remove, not ${value}`);
      trigger.operations.push(value as HookOperation);
      return;
    case "Type":
      // "File" is what older hooks call paths.
      if (value !== "Path" && value !== "File" && value !== "Package") fail(`Type is Path or Package, not ${value}`);
      trigger.type = value === "Package" ? "Package" : "Path";
      return;
    case "Target":
      trigger.targets.push(value);
      return;
    default:
      fail(`${key} is not known in [Trigger]`);
  }
}

/**
 * Words with quotes and backslashes as in pacman's wordsplit: single quotes are literal, within double ones `\`
 * escapes.
 */
function splitWords(text: string, name: string): string[] {
  const words: string[] = [];
  let word: string | undefined;
  for (let at = 0; at < text.length; at++) {
    const character = text[at]!;
    if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (character === "'" || character === '"') {
      let end = at + 1;
      word ??= "";
      for (; end < text.length && text[end] !== character; end++) {
        if (character === '"' && text[end] === "\\" && end + 1 < text.length) end++;
        word += text[end]!;
      }
      if (end >= text.length) throw new HookError(`${name}: a quote in Exec does not end`);
      at = end;
    } else if (character === "\\" && at + 1 < text.length) word = (word ?? "") + text[++at]!;
    else word = (word ?? "") + character;
  }
  if (word !== undefined) words.push(word);
  return words;
}

/**
 * The hooks of a root: of several with one name the last folder's counts, and one that links to /dev/null switches it
 * off.
 */
export function readHooks(files: RootFiles, folders: readonly string[], onError: (why: string) => void): Hook[] {
  const found = new Map<string, Hook | undefined>();
  const look = (path: string): ReturnType<RootFiles["look"]> => files.look(path);
  for (const folder of folders) {
    const place = targetOf(look, folder);
    for (const name of files.list(place)) {
      if (!name.endsWith(".hook")) continue;
      const node = files.look(`${place}/${name}`);
      if (node?.kind === "symlink" && node.target === "/dev/null") {
        found.set(name, undefined);
        continue;
      }
      try {
        const target = targetOf(look, `${place}/${name}`);
        if (files.look(target)?.kind !== "file") continue;
        found.set(name, parseHook(byteString(files.read(target)), name));
      } catch (error) {
        if (!(error instanceof HookError)) throw error;
        onError(error.message);
      }
    }
  }
  return [...found.entries()]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .flatMap(([, hook]) => (hook === undefined ? [] : [hook]));
}

/** What of `subjects` sets the hook off, sorted; undefined when nothing does. */
export function triggeredBy(hook: Hook, subjects: HookSubjects): string[] | undefined {
  const matched = new Set<string>();
  for (const trigger of hook.triggers) {
    const of = trigger.type === "Package" ? subjects.packages : subjects.paths;
    for (const operation of trigger.operations) {
      for (const subject of of[operation]) if (matchesGlobList(trigger.targets, subject)) matched.add(subject);
    }
  }
  return matched.size === 0 ? undefined : [...matched].sort();
}
