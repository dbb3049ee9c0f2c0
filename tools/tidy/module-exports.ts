/** What a module exports and hands on, and what packages are imported by. */
import { posix } from "node:path";
import type { SourceFile } from "./source-tree.ts";

export interface ModuleExports {
  /** By name: where it is declared or listed, and of which module it is handed on. */
  readonly exports: Map<string, { offset: number; from?: { path: string; name: string } }>;
  /** `export *` of these. */
  readonly stars: string[];
}

interface ListedName {
  readonly name: string;
  readonly as: string;
  readonly isType: boolean;
}

/** `export const A = 1,` and on each of the next lines `  B = 2,`, as the formatter writes them. */
const CONST_LIST = /^export const [\w$]+(?:: [^=\n]+)? = (?:[^\n]*,\s*?\n {2}[\w$]+(?:: [^=\n]+)? = )+/gm;
const FURTHER_CONST = /\n {2}([\w$]+)(?:: [^=\n]+)? = /g;
const MANIFEST = /^packages\/([^/]+)\/package\.json$/;

/** Specifiers such as `@stratos/formats/elf`, and the files behind them (`exports` of each package.json). */
export function doorsOf(files: readonly SourceFile[]): Map<string, string> {
  const doors = new Map<string, string>();
  for (const { path, text } of files) {
    const folder = MANIFEST.exec(path)?.[1];
    if (folder === undefined) continue;
    const { exports = {} } = JSON.parse(text) as { exports?: Record<string, string> };
    for (const [door, file] of Object.entries(exports))
      doors.set(posix.join("@stratos", folder, door), posix.join("packages", folder, file));
  }
  return doors;
}

/** @returns the file that a module names; undefined: none of ours */
export function fileBehind(
  specifier: string,
  importer: string,
  doors: ReadonlyMap<string, string>,
): string | undefined {
  return specifier.startsWith(".") ? posix.join(posix.dirname(importer), specifier) : doors.get(specifier);
}

/** @param code  its source, without comments (layers.ts) */
export function exportsOf(path: string, code: string, doors: ReadonlyMap<string, string>): ModuleExports {
  const exports: ModuleExports["exports"] = new Map();
  const stars: string[] = [];
  for (const match of code.matchAll(
    /^export (?:declare |async |abstract )*(?:function\*?|class|const|let|interface|type) ([\w$]+)/gm,
  ))
    exports.set(match[1]!, { offset: match.index });
  for (const list of code.matchAll(CONST_LIST))
    for (const further of list[0].matchAll(FURTHER_CONST))
      exports.set(further[1]!, { offset: list.index + further.index + further[0].length });
  for (const match of code.matchAll(/^export (?:type )?(\*|\{[^}]*\})(?: from "([^"]+)")?/gm)) {
    const target = match[2] === undefined ? undefined : fileBehind(match[2], path, doors);
    if (match[1] === "*") {
      if (target !== undefined) stars.push(target);
      continue;
    }
    for (const { name, as } of listedNames(match[1]!))
      exports.set(as, { offset: match.index, ...(target === undefined ? {} : { from: { path: target, name } }) });
  }
  return { exports, stars };
}

/** What stands in braces: `a, type b, c as d`. */
export function listedNames(list: string): ListedName[] {
  return list
    .replace(/^[^{]*\{|\}$/g, "")
    .split(",")
    .map((entry) => entry.trim())
    .filter((entry) => entry !== "")
    .map((entry) => {
      const [name, as = name] = entry.replace(/^type /, "").split(/\s+as\s+/);
      return { name: name!, as: as!, isType: entry.startsWith("type ") };
    });
}
