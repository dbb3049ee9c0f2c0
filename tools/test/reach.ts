/** Which test files a change can touch: those that import what changed, or run it, at whatever distance. */
import { posix } from "node:path";
import { importsOf } from "../tidy/layers.ts";
import { doorsOf, fileBehind } from "../tidy/module-exports.ts";
import type { SourceFile } from "../tidy/source-tree.ts";

const MODULE = /\.(ts|mjs)$/;
const TEST = /\.test\.ts$/;
/** Whole-system tests run the bundle of this entry. */
const BUNDLE_ENTRY = "packages/cli/src/main.ts";

/**
 * @param files    the tree
 * @param changed  paths; those that are gone touch the tests beside them
 * @returns test files, the nearest to the change first: the changed ones, then those that import a changed file, then
 *   those that import such a one …; alike ones by name
 */
export function touchedTests(files: readonly SourceFile[], changed: readonly string[]): string[] {
  const importers = importersOf(files);
  const distance = new Map<string, number>();
  let border = new Set(changed.flatMap((path) => [path, ...readersOf(files, path)]));
  for (let steps = 0; border.size > 0; steps++) {
    for (const path of border) distance.set(path, steps);
    const next = [...border].flatMap((path) => importers.get(path) ?? []);
    border = new Set(next.filter((path) => !distance.has(path)));
  }
  return files
    .map(({ path }) => path)
    .filter((path) => TEST.test(path) && distance.has(path))
    .sort((a, b) => distance.get(a)! - distance.get(b)! || (a < b ? -1 : 1));
}

/** A program that a test starts, by its path from the root. */
const NAMED_PROGRAM = /"([\w.-]+(?:\/[\w.-]+)+\.(?:ts|mjs))"/g;

/** By file: the files that load it, and the tests that start it. Imports of types only are gone when they run. */
function importersOf(files: readonly SourceFile[]): Map<string, string[]> {
  const doors = doorsOf(files);
  const importers = new Map<string, string[]>();
  const add = (target: string, importer: string): void => {
    const known = importers.get(target);
    if (known === undefined) importers.set(target, [importer]);
    else known.push(importer);
  };
  for (const { path, text } of files) {
    if (!MODULE.test(path)) continue;
    for (const { specifier, offset, isErased } of importsOf(text)) {
      if (isErased && !text.startsWith("import(", offset)) continue;
      const target = fileBehind(specifier, path, doors);
      if (target !== undefined) add(target, path);
    }
    if (!TEST.test(path)) continue;
    for (const [, named] of text.matchAll(NAMED_PROGRAM)) if (!named!.startsWith(".")) add(named!, path);
    if (path.startsWith("tests/")) add(BUNDLE_ENTRY, path);
  }
  return importers;
}

/**
 * Who reads a file without importing it: who names it, if it is no module; and the test files of its folder, or of the
 * nearest one above that has some (programs, images, pages that a suite reads as a whole).
 */
function readersOf(files: readonly SourceFile[], path: string): string[] {
  if (MODULE.test(path) && files.some((file) => file.path === path)) return [];
  const name = posix.basename(path);
  const named = files.filter((file) => MODULE.test(file.path) && file.text.includes(name)).map((file) => file.path);
  for (let folder = posix.dirname(path); folder !== "."; folder = posix.dirname(folder)) {
    const beside = files.filter((file) => TEST.test(file.path) && posix.dirname(file.path) === folder);
    if (beside.length > 0) return [...named, ...beside.map((file) => file.path)];
  }
  return named;
}
