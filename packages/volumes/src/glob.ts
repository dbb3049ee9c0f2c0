/**
 * Patterns in paths of a volume (glob(7)): `*`, `?`, `[abc]`, `[!a-z]` within a name, `**` for any number of folders. A
 * name that begins with "." is matched by a pattern that begins with ".".
 */
import { OperationError } from "@stratos/operation";
import { joinPath, type FileTree } from "./file-tree.ts";

function isPattern(path: string): boolean {
  return /[*?[]/.test(path);
}

/**
 * The paths that match, sorted; the path itself when it is no pattern or something has that very name. Throws when
 * nothing matches.
 */
export function expandPattern(tree: FileTree, path: string): string[] {
  if (!isPattern(path) || tree.facts(path) !== null) return [path];
  const found = new Set<string>();
  collect(
    tree,
    "/",
    path.split("/").filter((name) => name !== ""),
    found,
  );
  if (found.size === 0) throw new OperationError("volume", tree.shown(path), "nothing matches");
  return [...found].sort();
}

function collect(tree: FileTree, folder: string, names: readonly string[], found: Set<string>): void {
  const [first, ...rest] = names;
  if (first === undefined) return;
  if (first === "**") {
    collect(tree, folder, rest, found);
    for (const name of namesOf(tree, folder)) {
      const path = joinPath(folder, name);
      if (name.startsWith(".") || tree.facts(path)?.kind !== "directory") continue;
      if (rest.length === 0) found.add(path);
      collect(tree, path, names, found);
    }
    return;
  }
  const matching = isPattern(first) ? namesOf(tree, folder).filter((name) => matches(first, name)) : [first];
  for (const name of matching) {
    const path = joinPath(folder, name);
    if (rest.length > 0) collect(tree, path, rest, found);
    else if (tree.facts(path) !== null) found.add(path);
  }
}

function namesOf(tree: FileTree, folder: string): string[] {
  return tree.facts(folder, true)?.kind === "directory" ? tree.names(folder) : [];
}

/** One name against one pattern. Runs in the product of their lengths: a failed `*` goes on from the last one only. */
export function matches(pattern: string, name: string): boolean {
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  let at = 0;
  let star = -1;
  let resume = 0;
  for (let index = 0; index < name.length || at < pattern.length;) {
    if (at < pattern.length && pattern[at] === "*") {
      star = at++;
      resume = index;
      continue;
    }
    const length = index < name.length ? matchOne(pattern, at, name[index]!) : 0;
    if (length > 0) {
      at += length;
      index++;
    } else if (star >= 0 && resume < name.length) {
      at = star + 1;
      index = ++resume;
    } else return false;
  }
  return true;
}

/** Characters of the pattern that stand for this one; 0 when they do not. */
function matchOne(pattern: string, at: number, char: string): number {
  if (at >= pattern.length) return 0;
  if (pattern[at] === "?") return 1;
  if (pattern[at] === "\\" && at + 1 < pattern.length) return pattern[at + 1] === char ? 2 : 0;
  if (pattern[at] !== "[") return pattern[at] === char ? 1 : 0;
  const isNegated = pattern[at + 1] === "!" || pattern[at + 1] === "^";
  const start = at + (isNegated ? 2 : 1);
  const end = pattern.indexOf("]", start + 1);
  if (end < 0) return char === "[" ? 1 : 0;
  let isIn = false;
  for (let index = start; index < end; index++) {
    if (pattern[index + 1] === "-" && index + 2 < end) {
      isIn ||= char >= pattern[index]! && char <= pattern[index + 2]!;
      index += 2;
    } else isIn ||= char === pattern[index];
  }
  return isIn !== isNegated ? end + 1 - at : 0;
}
