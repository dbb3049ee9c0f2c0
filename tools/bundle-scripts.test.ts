/**
 * Goal: modules that become scripts mean what they meant, or the build stops. Method: a few modules of each kind, run
 * as the bundle's entry runs them.
 */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { runInThisContext } from "node:vm";
import { buildScripts } from "./bundle-scripts.ts";

type Exports = Record<string, unknown>;

/**
 * @param required  is told what of Node's is loaded
 * @returns what the script of `program.ts` exports, and as `scripts` the texts of all that were run
 */
async function runScripts(sources: Readonly<Record<string, string>>, required: string[] = []): Promise<Exports> {
  const folder = mkdtempSync(join(tmpdir(), "stratos-scripts-"));
  try {
    for (const [name, text] of Object.entries(sources)) writeFileSync(join(folder, name), text);
    await buildScripts({
      absWorkingDir: folder,
      entryPoints: { program: "program.ts" },
      outdir: join(folder, "out"),
      bundle: true,
      splitting: true,
      format: "esm",
      platform: "node",
      chunkNames: "program-[hash]",
      logLevel: "silent",
    });
    const loaded = new Map<string, Exports>();
    const scripts: string[] = [];
    const load = (name: string): Exports => {
      const present = loaded.get(name);
      if (present !== undefined) return present;
      const path = join(folder, "out", name);
      const text = readFileSync(path, "utf8");
      scripts.push(text);
      const body = runInThisContext(text) as (...values: unknown[]) => Exports;
      const require = (module: string): unknown => (required.push(module), createRequire(path)(module));
      const exports = body(require, load, async (later: string) => load(later), { url: `file://${path}` });
      loaded.set(name, exports);
      return exports;
    };
    const exports = load("program.cjs");
    return { ...exports, answer: await exports["answer"], scripts };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

test("modules import each other, Node's and later ones, whatever names they have", async () => {
  const shared = 'export const load = (url: string): string => `${url}: ä€ ${/[ö]/.test("ö")}`; export class Same {}';
  const later =
    'import { load, Same } from "./shared.ts"; export const text = load("later"); export { Same as Theirs };';
  const { answer } = await runScripts({
    "shared.ts": shared,
    "later.ts": later,
    "program.ts":
      'import * as path from "node:path"; import { sep as url } from "node:path";' +
      'import { load, Same } from "./shared.ts";' +
      'export const answer = (async () => { const { text, Theirs } = await import("./later.ts");' +
      "return [load(path.basename(import.meta.url)), text, Theirs === Same, url]; })();",
  });
  assert.deepEqual(answer, ["program.cjs: ä€ true", "later: ä€ true", true, "/"]);
});

test("scripts are ASCII without comments and indentation; a program's own words stay", async () => {
  const program = (words: string): Record<string, string> => ({
    "program.ts":
      `export class Sign {\n  /** −1 … */\n  of() { return ${words}; }\n}\n` + "export const answer = new Sign().of();",
  });
  const plain = await runScripts(program('"−"'));
  assert.equal(plain["answer"], "−");
  assert.doesNotMatch((plain["scripts"] as string[])[0]!, /\/\*|^ /m);
  assert.doesNotMatch((plain["scripts"] as string[])[0]!, /\P{ASCII}/u);
  const raw = await runScripts(program("String.raw`−`"));
  assert.equal(raw["answer"], "−");
});

test("what of Node's is dear to load is loaded when it is first called", async () => {
  const required: string[] = [];
  const { answer } = await runScripts(
    {
      "program.ts":
        'import { isIP as isAddress, Socket } from "node:net"; import { sep } from "node:path";' +
        'import v8 from "node:v8"; import { connect } from "node:tls"; import { constants, crc32 } from "node:zlib";' +
        'import { createHash, Hash } from "node:crypto"; import { Readable } from "node:stream";' +
        "class Own extends Readable {} export const never = (): unknown => [connect(1), createHash(sep)];" +
        "export const answer = (async () => { await null; const socket = new Socket();" +
        "return [isAddress('::1'), socket.writable, socket.constructor.name, typeof v8.getHeapStatistics()," +
        " crc32('a') === constants.Z_OK, new Own() instanceof Readable, typeof Hash]; })();",
    },
    required,
  );
  assert.deepEqual(answer, [6, true, "Socket", "object", false, true, "function"]);
  assert.deepEqual([...new Set(required)].sort(), [
    "node:crypto", // a class that is named as a value
    "node:net",
    "node:path",
    "node:stream", // a class that is a base
    "node:v8",
    "node:zlib", // a constant
  ]);
  assert.deepEqual(required.slice(0, 4).sort(), ["node:crypto", "node:path", "node:stream", "node:zlib"]);
});

test("what changes after a module has run can't be exported from its script", async () => {
  const program = (use: string): Record<string, string> => ({
    "count.ts": `export let count = 0; export function add(): void { ${use} }`,
    "other.ts": 'export { add } from "./count.ts";',
    "program.ts":
      'import { count, add } from "./count.ts"; add();' +
      'export const answer = import("./other.ts").then(({ add }) => { add(); return count; });',
  });
  for (const use of ["count++;", "count = count + 1;", "count += 1;"])
    await assert.rejects(runScripts(program(use)), /count changes and is exported/);
  // Names of other languages in text are no assignments.
  await runScripts(program('void "count=? two";'));
});
