/**
 * `npm run build`: joins the sources into `dist/`, the published package `stratos`. `--to FOLDER` makes it elsewhere,
 * `--program-only` leaves away what only the package needs.
 *
 *     dist/main.cjs       starts the program with code that V8 has compiled before (packages/cli/src/bundle-main.ts)
 *     dist/engine.cjs, dist/engine-worker.cjs   start processes and threads of the library's machines likewise
 *     dist/program-*.cjs  their scripts: the program, the engine, and what only some commands need
 *     dist/chunk-*.mjs    what the following have in common, loaded when it is used
 *     dist/unpack-worker.mjs, dist/fuse-thread.mjs, dist/halt-poll-thread.mjs, dist/tree-thread.mjs,
 *     dist/future-thread.mjs, dist/codec-thread.mjs, dist/mounted-commands.mjs
 *     dist/library.mjs    what programs import, and its types: library.d.ts, types/
 *     dist/compat/*.mjs   the calls of other libraries
 *     dist/engine-here.mjs   where machines are in the thread of the program that asks
 *     dist/fill-translations.mjs   the process that translates what runs have learned
 *     dist/supervisor-process.mjs   the process of the user's named systems
 *     dist/browser.mjs, dist/browser-engine.mjs, dist/zstd.wasm   the same in a page, and its worker
 *     dist/console/       the pages of `stratos image web`, `serve --ui`, `fs serve --ui`, `desktop`
 *     dist/pglite.*, dist/initdb.wasm   the database of `stratos hub`
 *     dist/pglite-data.tar.zst          a new one, which `npm run build` has made before
 *     dist/man/*.1        manual pages
 *     dist/scheme/        AstraLisp's libraries
 *     dist/astralisp.image, dist/astralisp-native.image   its compiled runtime, and that of programs for processors
 *     dist/astralisp-PROCESSOR.zst   the latter's machine code
 *     dist/astra-VERSION.zst   the programs of the image `astra`, compiled
 *     dist/lisp-runtime.mjs   what runs a program of AstraLisp that Node alone is to run
 *     dist/inputs.json    sizes and times of the sources, by which the launcher knows whether the bundle is fresh
 *     dist/package.json   of the published package
 *     dist/stratos        its launcher; dist/stratos.mjs, where there is no pinned Node
 */
import { build, type BuildOptions, type Plugin } from "esbuild";
import { execFile, spawnSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";
import { zstdCompressSync } from "node:zlib";
import { createProgram, manPage, manPageNames } from "@stratos/cli";
import { joinFolder, joinPage, joinTab, writePage } from "@stratos/console";
import { DESKTOP_PAGE } from "@stratos/desktop";
import { TAB_DESKTOP } from "@stratos/desktop/tab";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { bundledVersions } from "../packages/host-node/src/source-version.ts";
import { CompiledLisp, Lisp, NATIVE_TARGETS } from "@stratos/lisp";
import { VERSION } from "@stratos/sdk/version";
import { packedRuntimeName } from "@stratos/tools-node/lisp";
import { commandHandlers } from "../packages/cli/src/program/command-handlers.ts";
import { buildScripts } from "./bundle-scripts.ts";
import { DirectImports } from "./direct-imports.ts";
import { keptDatabaseImage } from "../packages/hub/src/store/migrations/kept-image.ts";
import { markFresh } from "./launch/bundle-state.mjs";
import { keptAstraProgram } from "./astra-program.ts";
import { COMPILER_ENVIRONMENT, compilerArguments } from "./type-compiler.mjs";

const startMs = Date.now();
const root = dirname(dirname(fileURLToPath(import.meta.url)));
const { values: options } = parseArgs({ options: { to: { type: "string" }, "program-only": { type: "boolean" } } });
const dist = resolve(options.to ?? join(root, "dist"));
rmSync(dist, { recursive: true, force: true });
/** Compiled beside the rest. */
const astraPath = keptAstraProgram();
const astra =
  options["program-only"] === true
    ? null
    : promisify(execFile)(process.execPath, [...process.execArgv, join(root, "tools/astra-program.ts")]);

const directImports = new DirectImports(root);
/** Workers are files of their own: in the bundle they are `.mjs`, like everything else. */
const ownSources: Plugin = {
  name: "own-sources",
  setup(builder) {
    builder.onLoad({ filter: /\/packages\/[\w-]+\/src\/.*\.ts$/ }, ({ path }) => ({
      contents: directImports
        .sourceOf(path)
        .replace(/new URL\("\.\/([\w-]+)\.ts", import\.meta\.url\)/g, 'new URL("./$1.mjs", import.meta.url)'),
      loader: "ts",
    }));
  },
};

/** Libraries whose calls `stratos/compat/NAME` has. */
const COMPAT = ["vercel", "e2b"];

/** They are programs of the library: its classes are the ones that other programs have, in Node and in a page. */
const ownPackage: Plugin = {
  name: "own-package",
  setup(builder) {
    builder.onResolve({ filter: /^@stratos\/sdk\/public$/ }, () => ({ path: "stratos", external: true }));
  },
};

const shared = {
  absWorkingDir: root,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node24",
  legalComments: "none",
  logLevel: "warning",
  plugins: [ownSources],
  metafile: true,
} satisfies BuildOptions;
/** What is run by Stratos' own Node, in pieces. */
const program = {
  splitting: true,
  define: bundledVersions(join(root, "packages")),
  // The other client of PostgreSQL, in C, which `pg` would take if it were there; and what has joined the page already.
  external: ["pg-native", "esbuild"],
} satisfies BuildOptions;
const result = await build({
  ...shared,
  ...program,
  entryPoints: {
    "unpack-worker": "packages/tools-node/src/packages/unpack-worker.ts",
    "fuse-thread": "packages/tools-node/src/fuse/fuse-thread.ts",
    "halt-poll-thread": "packages/tools-node/src/fuse/halt-poll-thread.ts",
    "tree-thread": "packages/tools-node/src/compose/tree-thread.ts",
    "future-thread": "packages/tools-node/src/lisp/future-thread.ts",
    "codec-thread": "packages/host-node/src/codec-thread.ts",
    "fill-translations": "packages/images/src/translations/fill-translations.ts",
    "engine-here": "packages/engine-node/src/engine-here.ts",
    "supervisor-process": "packages/supervisor/src/supervisor-process.ts",
    "mounted-commands": "packages/cli/src/mounted-commands.ts",
  },
  outdir: dist,
  outExtension: { ".js": ".mjs" },
  chunkNames: "chunk-[hash]",
  // Libraries in CommonJS ask for Node's modules by require.
  banner: {
    js:
      'import { createRequire as createRequireForLibraries } from "node:module"; const require = ' +
      "createRequireForLibraries(import.meta.url);",
  },
});
const scripts = await buildScripts({
  ...shared,
  ...program,
  entryPoints: {
    "program": "packages/cli/src/main.ts",
    "program-engine": "packages/engine-node/src/engine.ts",
    "program-engine-worker": "packages/engine-node/src/engine-worker.ts",
  },
  outdir: dist,
  chunkNames: "program-[hash]",
});
for (const [name, script, keptAs] of [
  ["main", "program", null],
  ["engine", "program-engine", "engine"],
  ["engine-worker", "program-engine-worker", "engine-worker"],
])
  await build({
    ...shared,
    format: "cjs",
    entryPoints: ["packages/cli/src/bundle-main.ts"],
    outfile: join(dist, `${name}.cjs`),
    define: {
      STRATOS_BUILD: JSON.stringify(scripts.digest),
      STRATOS_PROGRAM: JSON.stringify(`${script}.cjs`),
      STRATOS_KEPT_AS: JSON.stringify(keptAs),
    },
  });
await build({
  ...shared,
  target: "node20",
  entryPoints: ["tools/launch/published-launcher.mjs"],
  outfile: join(dist, "stratos.mjs"),
  banner: { js: "#!/usr/bin/env node" },
});
copyFileSync(join(root, "stratos"), join(dist, "stratos"));

const library = await build({
  ...shared,
  target: "node20",
  entryPoints: ["packages/library/src/library.ts"],
  outfile: join(dist, "library.mjs"),
});
const compat = await build({
  ...shared,
  platform: "neutral",
  target: "es2022",
  entryPoints: COMPAT.map((name) => `packages/library/src/compat/${name}.ts`),
  outdir: join(dist, "compat"),
  outExtension: { ".js": ".mjs" },
  plugins: [ownPackage],
});
await build({
  ...shared,
  minify: true,
  entryPoints: ["packages/cli/src/lisp/standalone.ts"],
  outfile: join(dist, "lisp-runtime.mjs"),
});
if (options["program-only"] !== true) {
  for (const name of ["browser", "browser-engine"])
    await build({
      ...shared,
      platform: "browser",
      target: "es2022",
      minify: true,
      entryPoints: [`packages/library/src/${name}.ts`],
      outfile: join(dist, `${name}.mjs`),
    });
  const zstd = dirname(fileURLToPath(import.meta.resolve("@bokuweb/zstd-wasm")));
  copyFileSync(join(zstd, "zstd.wasm"), join(dist, "zstd.wasm"));
  writeTypes();
}

for (const page of ["systems", "volumes"] as const) writePage(join(dist, "console", page), await joinPage(page));
writePage(join(dist, "console", "tab"), await joinTab(TAB_DESKTOP));
writePage(join(dist, "console", "desktop"), await joinFolder(DESKTOP_PAGE));

// AstraLisp's libraries in Scheme are read where they are imported.
cpSync(join(root, "packages/lisp/scheme"), join(dist, "scheme"), { recursive: true });

const wasm = new NodeWasmEngine();
writeFileSync(join(dist, "astralisp.image"), new CompiledLisp(new Lisp(), { wasm }).engine.saveImage());
const native = new CompiledLisp(new Lisp(), { wasm, isNative: true, keepsModules: true });
writeFileSync(join(dist, "astralisp-native.image"), native.engine.saveImage());
for (const target of NATIVE_TARGETS)
  writeFileSync(join(dist, packedRuntimeName(target)), zstdCompressSync(native.compileRuntime(target)));

// PostgreSQL as WebAssembly: PGlite reads these beside its own code.
const pglite = dirname(fileURLToPath(import.meta.resolve("@electric-sql/pglite")));
for (const name of ["pglite.wasm", "pglite.data", "initdb.wasm"]) copyFileSync(join(pglite, name), join(dist, name));
const image = keptDatabaseImage(root);
if (existsSync(image)) copyFileSync(image, join(dist, basename(image)));
await astra;
if (existsSync(astraPath)) copyFileSync(astraPath, join(dist, basename(astraPath)));

const commands = await createProgram(commandHandlers, () => {}, { words: [], scope: "all" });
mkdirSync(join(dist, "man"));
for (const { name, path } of manPageNames(commands))
  writeFileSync(join(dist, "man", `${name}.1`), manPage(commands, path)!);

const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as Record<string, unknown>;
if (manifest["version"] !== VERSION)
  throw new Error(`package.json says ${String(manifest["version"])}, sdk/src/version.ts ${VERSION}`);
const published = {
  name: "stratos",
  version: manifest["version"],
  description: manifest["description"],
  license: manifest["license"],
  type: "module",
  engines: manifest["engines"],
  bin: { stratos: "stratos", astra: "stratos" },
  exports: {
    ".": { types: "./library.d.ts", browser: "./browser.mjs", default: "./library.mjs" },
    ...Object.fromEntries(
      COMPAT.map((name) => [`./compat/${name}`, { types: `./compat/${name}.d.ts`, default: `./compat/${name}.mjs` }]),
    ),
    "./browser-engine.mjs": "./browser-engine.mjs",
    "./zstd.wasm": "./zstd.wasm",
    "./package.json": "./package.json",
  },
  man: manPageNames(commands).map(({ name }) => `man/${name}.1`),
  optionalDependencies: manifest["optionalDependencies"],
};
writeFileSync(join(dist, "package.json"), `${JSON.stringify(published, null, 2)}\n`);

for (const [path, name] of [
  ["LICENSE-MIT", "LICENSE-MIT"],
  ["LICENSE-APACHE", "LICENSE-APACHE"],
  ["packages/library/README.md", "README.md"],
])
  copyFileSync(join(root, path!), join(dist, name!));

const inputs: Record<string, { size: number; mtimeMs: number }> = {};
const sources = [result, scripts, library, compat].flatMap(({ metafile }) => Object.keys(metafile.inputs));
const libraries = globSync("packages/lisp/scheme/**/*.s{ld,cm}", { cwd: root });
for (const path of new Set([...sources, ...libraries, "packages/library/README.md"])) {
  const { size, mtimeMs } = statSync(join(root, path));
  inputs[path] = { size, mtimeMs };
}
writeFileSync(join(dist, "inputs.json"), JSON.stringify(inputs));
if (options.to === undefined) markFresh(root, startMs);
const outputs = [result, scripts].flatMap(({ metafile }) => Object.values(metafile.outputs));
const bytes = outputs.reduce((sum, output) => sum + output.bytes, 0);
process.stdout.write(
  `${relative(process.cwd(), dist) || "."}: ${Object.keys(inputs).length} sources, ${(bytes / 1024).toFixed(0)} KiB\n`,
);

/** The library's types, and those that they name, as they are declared in the sources. */
function writeTypes(): void {
  const types = join(dist, "types");
  const made = spawnSync(
    process.execPath,
    [...compilerArguments("packages/library/tsconfig.types.json"), "--outDir", types],
    { cwd: root, encoding: "utf8", env: { ...process.env, ...COMPILER_ENVIRONMENT } },
  );
  if (made.status !== 0) throw new Error(`the library's types: ${made.stdout}${made.stderr}`);
  const entry = join(types, "library/src/library.d.ts");
  const seen = new Set<string>();
  const follow = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    const text = readFileSync(path, "utf8").replace(
      /(from |import\()"([^"]+)"/g,
      (all, before: string, name: string) => {
        const target = declarationOf(path, name);
        if (target === null) return all;
        follow(target);
        const place = relative(dirname(path), target).replace(/\.d\.ts$/, ".js");
        return `${before}"${place.startsWith(".") ? place : `./${place}`}"`;
      },
    );
    writeFileSync(path, text);
  };
  follow(entry);
  for (const name of COMPAT) follow(join(types, `library/src/compat/${name}.d.ts`));
  // What the public ones do not name is nobody's.
  for (const path of globSync("**/*.d.ts", { cwd: types })) if (!seen.has(join(types, path))) rmSync(join(types, path));
  // `await using` is newer than the libraries that many programs name.
  const newest = '/// <reference lib="esnext.disposable" />\n';
  writeFileSync(join(dist, "library.d.ts"), `${newest}export * from "./types/library/src/library.js";\n`);
  for (const name of COMPAT)
    writeFileSync(
      join(dist, `compat/${name}.d.ts`),
      `${newest}export * from "../types/library/src/compat/${name}.js";\n`,
    );
}

/** Where the declarations of an imported module are; null for one from elsewhere. */
function declarationOf(importer: string, name: string): string | null {
  if (name.startsWith(".")) return join(dirname(importer), name.replace(/\.ts$/, ".d.ts"));
  const parts = /^@stratos\/([^/]+)(\/.*)?$/.exec(name);
  if (parts === null) return null;
  const { exports } = JSON.parse(readFileSync(join(root, "packages", parts[1]!, "package.json"), "utf8")) as {
    exports: Record<string, string>;
  };
  return join(dist, "types", parts[1]!, exports[`.${parts[2] ?? ""}`]!.replace(/\.ts$/, ".d.ts"));
}
