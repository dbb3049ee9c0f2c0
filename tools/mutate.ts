/**
 * `npm run mutate -- --package NAME [--folder FOLDER] [--seed S] [--count N]`: breaks the code in one place at a time
 * and asks the nearest tests whether they notice. What they don't is printed as `SURVIVED K file:line: before → after`;
 * the same seed with `--only K` repeats it. The last line is `N caught, M survived`. Status 0: survivors are read by
 * people, and some change nothing that anybody could notice.
 *
 * The nearest tests of a file are its own (`x.test.ts`), those of its folder, then those of the package, until some
 * fail; tests that do not end in `--seconds` count as such. Works on a copy: nothing in the clone is changed.
 */
import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { SeededRandom } from "@stratos/base";
import { findMutations, type Mutation } from "./mutate/mutations.ts";

const { values: options } = parseArgs({
  options: {
    package: { type: "string" },
    folder: { type: "string", default: "" },
    seed: { type: "string", default: "1" },
    count: { type: "string", default: "20" },
    only: { type: "string" },
    seconds: { type: "string", default: "300" },
  },
});
if (options.package === undefined) {
  console.error(
    "usage: npm run mutate -- --package NAME [--folder FOLDER] [--seed S] [--count N] [--only K] [--seconds S]",
  );
  process.exit(2);
}
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const source = `packages/${options.package}/src`;
if (!existsSync(join(root, source))) {
  console.error(`mutate: there is no package ${options.package}`);
  process.exit(2);
}
const copy = mkdtempSync(join(tmpdir(), "stratos-mutate-"));
process.on("exit", () => rmSync(copy, { recursive: true, force: true }));
process.on("SIGINT", () => process.exit(130));
for (const name of ["packages", "package.json"]) cpSync(join(root, name), join(copy, name), { recursive: true });
linkPackages();

const isCode = (path: string): boolean => !/\.(test|fuzz|bench)\.ts$|\/testing\//.test(path);
const files = filesBelow(join(source, options.folder), ".ts").filter(isCode);
const tests = filesBelow(source, ".test.ts");
const random = new SeededRandom(Number(options.seed));
let caught = 0;
let survived = 0;
for (let number = 1; number <= Number(options.count); number++) {
  const file = files[random.below(files.length)]!;
  const text = readFileSync(join(copy, file), "utf8");
  const all = findMutations(text);
  const mutation = all[random.below(Math.max(1, all.length))];
  if (mutation === undefined || (options.only !== undefined && number !== Number(options.only))) continue;
  writeFileSync(join(copy, file), text.slice(0, mutation.start) + mutation.after + text.slice(mutation.end));
  const who = whoNotices(file);
  writeFileSync(join(copy, file), text);
  report(number, file, mutation, who);
}
console.log(`${caught} caught, ${survived} survived`);

function report(number: number, file: string, mutation: Mutation, who: string | null): void {
  const place = `${file}:${mutation.line}`;
  const change = `${mutation.before.trim()} → ${mutation.after.trim() || "nothing"}`;
  if (who === null) survived += 1;
  else caught += 1;
  const verdict = who === null ? "SURVIVED" : "caught  ";
  console.log(`${verdict} ${number} ${place}: ${change}${who === null ? "" : ` (${who})`}`);
  if (who === null) console.log(`         ${mutation.text.trim()}`);
}

/** Which tests notice, nearest first: "own", "folder" or "package"; null: none does. */
function whoNotices(file: string): string | null {
  const own = file.replace(/\.ts$/, ".test.ts");
  const isNear = (test: string): boolean => dirname(test) === dirname(file);
  const circles = {
    own: tests.filter((test) => test === own),
    folder: tests.filter((test) => test !== own && isNear(test)),
    package: tests.filter((test) => !isNear(test)),
  };
  for (const [name, chosen] of Object.entries(circles)) {
    if (chosen.length === 0) continue;
    const args = ["--disable-warning=ExperimentalWarning", "--test", "--test-concurrency=2", ...chosen];
    const timeout = Number(options.seconds) * 1000;
    const result = spawnSync(process.execPath, args, { cwd: copy, timeout, killSignal: "SIGKILL", stdio: "ignore" });
    if (result.status !== 0) return name;
  }
  return null;
}

/** Relative to the copy, sorted. */
function filesBelow(folder: string, suffix: string): string[] {
  const names = readdirSync(join(copy, folder), { recursive: true, encoding: "utf8" });
  return names
    .filter((name) => name.endsWith(suffix))
    .map((name) => join(folder, name))
    .sort();
}

/** The copy's `node_modules`: the libraries are the clone's, the packages its own. */
function linkPackages(): void {
  mkdirSync(join(copy, "node_modules/@stratos"), { recursive: true });
  for (const name of readdirSync(join(root, "packages")))
    symlinkSync(join(copy, "packages", name), join(copy, "node_modules/@stratos", name));
  for (const name of readdirSync(join(root, "node_modules")))
    if (name !== "@stratos") symlinkSync(join(root, "node_modules", name), join(copy, "node_modules", name));
}
