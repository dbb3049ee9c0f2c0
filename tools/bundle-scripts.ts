/**
 * The bundle's program as scripts, whose code can be kept once they have run: of modules V8 gives it before that only.
 *
 * esbuild's modules become functions of `(require, __load, __loadLater, __meta)` that return what they export, which
 * `packages/cli/src/bundle-main.ts` calls. What is imported is a constant of the function, so that it costs what it
 * does in a module; hence no module may change what it exports after it has run, nor import what imports it. What can't
 * be carried over stops the build.
 *
 * Modules of Node that are dear to load are loaded when a script first calls them: most commands need few of those that
 * their scripts name.
 */
import { build, type BuildOptions, type Metafile, transform } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import { Script } from "node:vm";

const repository = dirname(import.meta.dirname);

type Output = Metafile["outputs"][string];

const IMPORT = /^import (?:([\w$]+|\* as [\w$]+)(?:, )?)?(?:\{([^}]*)\})?(?: from )?"([^"]+)";\n/gm;
const EXPORTS = /^export \{([^}]*)\};\n/m;
const DYNAMIC_IMPORT = /(?<![\w$.#`])import\("\.\/(program[\w-]*\.cjs)"\)/g;
/** What Node loads before it runs a program, or calls of which are many and short, is not among them. */
const LOADED_LATER = new RegExp(
  "^node:(?:(?:child_process|crypto|dgram|dns|http|https|net|readline|stream|tls|v8|worker_threads|zlib)|" +
    "(?:dns|fs|readline|stream)/promises)$",
);
const OWN_NAMES = /\b__(?:load|loadLater|meta)\b/;
/** Before the text of each module. */
const MODULE = /^\/\/ (\S+)$/;
const DECLARATION = /^(?:var|let|const|class|(?:async )?function\*?) ([\w$]+)/;
const RENAMED = /([\w$]+) as ([\w$]+)/g;

/** @returns what went in and came out, and a digest of it */
export async function buildScripts(options: BuildOptions): Promise<{ metafile: Metafile; digest: string }> {
  const { outputFiles, metafile } = await build({
    ...options,
    outExtension: { ".js": ".cjs" },
    metafile: true,
    write: false,
  });
  const outputs = new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]));
  refuseCycles(outputs);
  const digest = createHash("sha256");
  for (const { path, text } of outputFiles) {
    const script = await shortened(scriptOf(basename(path), text, outputs.get(basename(path))!));
    digest.update(`${basename(path)}\n${script}`);
    new Script(script, { filename: path });
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, script);
  }
  return { metafile, digest: digest.digest("hex").slice(0, 32) };
}

/**
 * The script in ASCII, without comments and indentation: with one other character V8 holds a script in two bytes for
 * each character, and each start reads, holds and scans all of it. Names stay, for who reads a stack; lines are short,
 * because Node shows the one of an error that nobody caught.
 */
async function shortened(script: string): Promise<string> {
  const { code } = await transform(script, {
    charset: "ascii",
    legalComments: "none",
    lineLimit: 120,
    minifyWhitespace: true,
  });
  return code;
}

function scriptOf(name: string, text: string, output: Output): string {
  if (OWN_NAMES.test(text)) refuse(name, "it has a name of ours");
  const imports: { source: string; names: string; value: string }[] = [];
  const sources = new Set<string>();
  let body = text.replace(IMPORT, (_, whole: string | undefined, names: string | undefined, source: string) => {
    const value = source.startsWith("./") ? `__load("${source.slice(2)}")` : `require("${source}")`;
    sources.add(source.startsWith("./") ? source.slice(2) : source);
    if (whole === undefined && names === undefined) imports.push({ source, names: "", value });
    if (whole !== undefined) imports.push({ source, names: whole.replace("* as ", ""), value });
    if (names !== undefined) imports.push({ source, names: `{${names.replace(RENAMED, "$1: $2")}}`, value });
    return "";
  });
  const head = imports.map(({ source, names, value }) =>
    names === ""
      ? `${value};`
      : (LOADED_LATER.test(source) && laterImport(names, value, body)) || `const ${names} = ${value};`,
  );
  let exported: string[][] = [];
  body = body.replace(EXPORTS, (_, names: string) => {
    exported = names.split(",").map((each) => each.trim().split(" as "));
    return "";
  });
  const modules = declaringModules(body);
  for (const [local] of exported)
    if (isReassigned(local!, body, modules.get(local!))) refuse(name, `${local} changes and is exported`);
  const later = new Set<string>();
  body = body.replace(DYNAMIC_IMPORT, (_, source: string) => {
    later.add(source);
    return `__loadLater("${source}")`;
  });
  const found = (kind: string): string[] => output.imports.filter((each) => each.kind === kind).map(nameOf);
  same(name, "imports", sources, found("import-statement"));
  const isOwn = (source: string): boolean => source.startsWith("program");
  same(name, "dynamic imports", later, found("dynamic-import").filter(isOwn));
  same(name, "exports", new Set(exported.map((each) => each.at(-1)!)), output.exports);
  // Without a prototype it is a dictionary from the beginning: else V8 would make a map for each name.
  const exports = exported.map(([local, as = local]) => `, ${as}: ${local}`).join("");
  return (
    `(function (require, __load, __loadLater, __meta) {"use strict";\n${head.join("\n")}\n` +
    `${body.replaceAll("import.meta.", "__meta.")}\nreturn {__proto__: null${exports}};\n})\n`
  );
}

/** @returns null when the script does more with one of the names than to call it */
function laterImport(names: string, value: string, body: string): string | null {
  if (!names.startsWith("{"))
    return usesOf(names, body).every(({ after }) => /^\.[\w$]/.test(after))
      ? `const ${names} = new Proxy({}, { get: (_, name) => ${value}[name] });`
      : null;
  const functions: string[] = [];
  for (const each of names
    .slice(1, -1)
    .split(",")
    .filter((name) => name.trim() !== "")) {
    const [name, local = name] = each.trim().split(": ");
    const uses = usesOf(local!, body);
    if (!uses.every(({ after }) => after.startsWith("("))) return null;
    const made = uses.filter(({ before }) => before.endsWith("new ")).length;
    if (made !== 0 && made !== uses.length) return null;
    functions.push(
      `const ${local!} = function (...args) { return ${made === 0 ? "" : "new "}(${value}.${name!})(...args); };`,
    );
  }
  return functions.join(" ");
}

function usesOf(name: string, body: string): { before: string; after: string }[] {
  const uses = body.matchAll(new RegExp(`(?<![.\\w$#])${name.replaceAll("$", "\\$")}(?![\\w$])`, "g"));
  return [...uses].map(({ index }) => ({
    before: body.slice(Math.max(0, index - 4), index),
    after: body.slice(index + name.length, index + name.length + 2),
  }));
}

/** @returns the modules, as esbuild names them, by what they declare */
function declaringModules(body: string): ReadonlyMap<string, string> {
  const modules = new Map<string, string>();
  let module = "";
  for (const line of body.split("\n")) {
    module = MODULE.exec(line)?.[1] ?? module;
    const name = DECLARATION.exec(line)?.[1];
    if (name !== undefined && !modules.has(name)) modules.set(name, module);
  }
  return modules;
}

/**
 * Is there an assignment besides the one with which it is declared? Of what our own modules declare the source says so;
 * of libraries it is looked for in the text, where a variable of the same name within a function counts as well.
 */
function isReassigned(name: string, body: string, module: string | undefined): boolean {
  const own = name.replaceAll("$", "\\$");
  if (module?.startsWith("packages/") === true) {
    // Where two modules have the same name esbuild gives one a number.
    const original = name.replace(/\d+$/, "");
    return new RegExp(`^(?:export )?let (?:[^;]*[\\s,])?(?:${own}|${original})\\b`, "m").test(
      readFileSync(join(repository, module), "utf8"),
    );
  }
  const assignments = body.match(
    new RegExp(`(?<![.\\w$#])${own}\\s*(?:\\+\\+|--(?!-)|(?:[-+*/%&|^?]|<<|>>>?)*=(?![=>?]))`, "g"),
  );
  const isDeclaredWithValue = new RegExp(`^(?:var|let|const) ${own} =`, "m").test(body);
  return (assignments?.length ?? 0) > (isDeclaredWithValue ? 1 : 0);
}

function nameOf({ path, external }: Output["imports"][number]): string {
  return external === true ? path : basename(path);
}

function same(name: string, what: string, mine: ReadonlySet<string>, others: readonly string[]): void {
  const theirs = new Set(others);
  const difference = [...mine, ...theirs].filter((each) => !mine.has(each) || !theirs.has(each));
  if (difference.length > 0) refuse(name, `its ${what} were not all found: ${difference.join(", ")}`);
}

function refuse(name: string, why: string): never {
  throw new Error(`${name}: ${why}`);
}

/** A script that is being run has exported nothing yet. */
function refuseCycles(outputs: ReadonlyMap<string, Output>): void {
  const done = new Set<string>();
  const visit = (name: string, above: readonly string[]): void => {
    if (above.includes(name)) refuse(name, `imports itself, by ${above.join(" → ")}`);
    if (done.has(name)) return;
    for (const each of outputs.get(name)?.imports ?? [])
      if (each.kind === "import-statement" && each.external !== true) visit(basename(each.path), [...above, name]);
    done.add(name);
  };
  for (const name of outputs.keys()) visit(name, []);
}
