/**
 * An export is for somebody (CONTRIBUTING.md, "Exports"): another file imports it, or a door of the package (`exports`
 * in package.json) hands it on. One that only tests import stays when its own file uses it, too.
 */
import { withoutComments } from "./layers.ts";
import { doorsOf, exportsOf, fileBehind, listedNames, type ModuleExports } from "./module-exports.ts";
import { lineAt, type Finding, type SourceTree } from "./source-tree.ts";

/** Folders with needless exports as yet. The list only shrinks: a folder without is taken off. */
const KNOWN: readonly string[] = [];

/** What stands here is there for tests: what they compare with (the engine takes some of it), a bare guest. */
const TEST_FILES = [
  /\.(test|fuzz|bench)\.ts$|\/testing\//,
  /^(tests|conformance|bench)\//,
  /^packages\/riscv\/src\/(reference|softfloat|bare)\//,
];
/** Imported by its address, from a thread. */
const BY_ADDRESS: ReadonlySet<string> = new Set(["packages/cli/src/mounted-commands.ts:runMountedCommand"]);

/** What programs import from the published package, and the parts that it gives on. */
const PUBLISHED = /^packages\/library\/src\/(library|compat\/(vercel|e2b(-\w+)?))\.ts$/;

interface Module extends ModuleExports {
  readonly path: string;
  readonly text: string;
  readonly code: string;
  readonly isTest: boolean;
  readonly imports: { path: string; names: readonly string[] | "by word" }[];
}

export function checkExports(tree: SourceTree, known: readonly string[] = KNOWN): Finding[] {
  const doors = doorsOf(tree.files);
  const modules = new Map<string, Module>();
  for (const { path, text } of tree.files) if (/\.(ts|mjs)$/.test(path)) modules.set(path, parse(path, text, doors));
  const users = usersOf(modules, new Set(doors.values()));

  const findings: Finding[] = [];
  const left = new Set(known);
  for (const { path, text, code, isTest, exports } of modules.values()) {
    if (PUBLISHED.test(path) || /(^|\/)examples\//.test(path)) continue; // loaded by name at run time
    for (const [name, { offset, from }] of exports) {
      const user = users.get(`${path}:${name}`);
      if (BY_ADDRESS.has(`${path}:${name}`)) continue;
      const isUsedHere = from === undefined && countWord(code, name) > 1;
      if (user === "code" || (user === "test" && (isTest || isUsedHere))) continue;
      const home = known.find((folder) => path.startsWith(folder));
      if (home !== undefined) {
        left.delete(home);
        continue;
      }
      const advice = user === "test" ? "only tests use it: delete it, or move it to them" : "nobody uses it: delete it";
      const message = `${name} is exported, but ${isUsedHere ? 'no other file imports it: drop "export"' : advice}`;
      findings.push({ path, line: lineAt(text, offset), message });
    }
  }
  for (const folder of left)
    findings.push({ path: "tools/tidy/exports.ts", line: 0, message: `${folder} has no needless export, take it off` });
  return findings;
}

function parse(path: string, text: string, doors: ReadonlyMap<string, string>): Module {
  const code = withoutComments(text);
  const isTest = TEST_FILES.some((pattern) => pattern.test(path));
  const imports: Module["imports"] = [];
  for (const match of code.matchAll(/^import ([^;'"`]*?)\s+from\s+"([^"]+)"/gm)) {
    const target = fileBehind(match[2]!, path, doors);
    if (target === undefined) continue;
    const names = match[1]!.includes("*") ? "by word" : listedNames(match[1]!).map(({ name }) => name);
    imports.push({ path: target, names });
  }
  for (const match of code.matchAll(/\bimport\(\s*["']([^"'\n]+)["']\s*\)/g)) {
    const target = fileBehind(match[1]!, path, doors);
    if (target !== undefined) imports.push({ path: target, names: "by word" });
  }
  return { path, text, code, isTest, ...exportsOf(path, code, doors), imports };
}

/** By `path:name`, who imports it: code, which tests are not, or tests alone. */
function usersOf(modules: ReadonlyMap<string, Module>, doors: ReadonlySet<string>): Map<string, "code" | "test"> {
  const users = new Map<string, "code" | "test">();
  const use = (path: string, name: string, user: "code" | "test"): void => {
    const key = `${path}:${name}`;
    const before = users.get(key);
    if (before === "code" || before === user) return;
    users.set(key, user);
    const module = modules.get(path);
    const from = module?.exports.get(name)?.from;
    if (from !== undefined) use(from.path, from.name, user);
    else for (const star of module?.stars ?? []) use(star, name, user);
  };
  for (const { path, code, isTest, imports } of modules.values()) {
    const user = isTest ? "test" : "code";
    for (const { path: target, names } of imports) {
      const all = names === "by word" ? everyName(modules, target).filter((name) => countWord(code, name) > 0) : names;
      for (const name of all) use(target, name, user);
    }
    if (!doors.has(path)) continue;
    const { exports, stars } = modules.get(path)!;
    for (const [name, { from }] of exports) if (from !== undefined) use(path, name, "code");
    for (const star of stars) for (const name of everyName(modules, star)) use(star, name, "code");
  }
  return users;
}

function everyName(modules: ReadonlyMap<string, Module>, path: string): string[] {
  const module = modules.get(path);
  return module === undefined
    ? []
    : [...module.exports.keys(), ...module.stars.flatMap((star) => everyName(modules, star))];
}

/** How often an identifier occurs, at most twice. */
function countWord(code: string, word: string): number {
  let count = 0;
  for (let at = code.indexOf(word); at !== -1 && count < 2; at = code.indexOf(word, at + word.length))
    if (!isPartOfWord(code[at - 1]) && !isPartOfWord(code[at + word.length])) count++;
  return count;
}

function isPartOfWord(character: string | undefined): boolean {
  return character !== undefined && /[\w$]/.test(character);
}
