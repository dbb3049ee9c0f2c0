/**
 * The bundle's entry (`dist/main.cjs`): runs the program from its scripts (tools/bundle-scripts.ts), each with the code
 * that V8 had compiled of it when an earlier run of the same command was over. `dist/engine.cjs` is the same for the
 * process of the library's machines, `dist/engine-worker.cjs` for its threads.
 *
 * Node's own compile cache keeps what V8 compiles while it loads a module, and that is hardly any function: a short
 * `stratos run` spent a fifth of its time in compiling 1,600 of them anew. Code is kept for each command apart, because
 * what is kept is read and checked whole:
 *
 * ```
 * STRATOS_HOME/compile-cache, or NODE_COMPILE_CACHE:
 *   program-COMMAND-MARK   u32 sum of the rest · u32 bytes of the head · head (JSON) · code of each script
 * ```
 *
 * Code begins at a multiple of eight bytes and is as long (the head ends with spaces): V8 would copy it to one.
 *
 * MARK is of the bundle's content and the Node that runs it, wherever they lie: clones of one version that share a home
 * take each other's code, and those of two versions leave each other's alone. Of each command the newest few stay.
 *
 * An engine that has done what none before it had done (the first fork, the first save) keeps its code anew.
 *
 * V8 forgets bytecode that lies unused through many collections. A flag would stop it, but machine code of translations
 * is known by V8's flags (host-node's code-archive.ts): such a run would find none of what others have kept.
 *
 * V8 compares its version, build and flags and the length of the source, and trusts the rest: so the head says which
 * bundle the code is of, the checksum that it is whole, and a file that others own or may write is as if it were not
 * there.
 */
import { isAscii } from "node:buffer";
import {
  closeSync,
  fstatSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { constants, Script } from "node:vm";
import { KEEPING, tellKeeping } from "@stratos/engine-node/keeping";
import { ENGINE_FLAGS } from "@stratos/host-node/engine-flags";
import { compiledCodeFolder, makeFolders, stratosHome } from "@stratos/host-node/home";
import { wordSum } from "@stratos/host-node/word-sum";
import { workDone } from "@stratos/host-node/work-done";

/**
 * The bundler's: what tells this bundle from others, the script that is the program, and under what name its code is
 * kept; null: its command's.
 */
declare const STRATOS_BUILD: string;
declare const STRATOS_PROGRAM: string;
declare const STRATOS_KEPT_AS: string | null;

type Exports = Record<string, unknown>;
type Body = (
  require: NodeJS.Require,
  load: (name: string) => Exports,
  loadLater: (name: string) => Promise<Exports>,
  meta: Pick<ImportMeta, "url" | "resolve">,
) => Exports;

interface Head {
  readonly build: string;
  readonly runtime: string;
  /** Of V8 and its flags, when the code was made. */
  readonly tag: number;
  /** Bytes of code, by script. */
  readonly sizes: Readonly<Record<string, number>>;
  /** What those had done whose code it is (host-node's work-done.ts). */
  readonly done: readonly string[];
}

interface Kept {
  readonly head: Head;
  readonly code: ReadonlyMap<string, Buffer>;
}

/** A thread of somebody's process, whose flags are not ours to change. */
const IS_THREAD = STRATOS_KEPT_AS === "engine-worker";
const COMMAND = `program-${STRATOS_KEPT_AS ?? /^[a-z]{2,16}$/.exec(process.argv[2] ?? "")?.[0] ?? "other"}`;
/**
 * Options may change what V8 makes of a source. Of two Nodes of one version V8 tells the builds apart by itself (it
 * refuses the other's code); the size keeps them from taking turns in one file. A thread does not see with which its
 * process was started, and has V8's own word for them.
 */
const RUNTIME = [
  process.version,
  statSync(process.execPath).size,
  ...process.execArgv,
  process.env["NODE_OPTIONS"] ?? "",
  ...(IS_THREAD ? [engine().cachedDataVersionTag()] : []),
].join(" ");
const FOLDER = compiledCodeFolder(stratosHome());
const FILE = `${COMMAND}-${STRATOS_BUILD.slice(0, 12)}${markOf(RUNTIME)}`;
/** Files of one command: of so many versions, or ways to start Node, that are used by turns. */
const MAX_KEPT = 4;
const HEAD_START = 8;
/** Nearly all scripts are shorter. */
const SOURCE_MIN = 512 << 10;
/** Statuses of a run that did not do what its command does: the command line makes no sense, Stratos failed. */
const NOT_A_RUN: readonly number[] = [2, 125];
/** A process that is killed does not tell its threads. */
const THREAD_KEEPS_AFTER_MS = 3000;

const kept = readKept();
const loaded = new Map<string, Exports>();
const scripts = new Map<string, Script>();
let sourceBytes = Buffer.allocUnsafeSlow(SOURCE_MIN);
/** Code of scripts of which none was kept, from before they ran. */
const fresh = new Map<string, Buffer>();
const tag = kept?.head.tag ?? engine().cachedDataVersionTag();
process.on("exit", (status) => {
  if ((fresh.size > 0 || hasDoneMore()) && !NOT_A_RUN.includes(status)) tryToKeep();
  if (IS_THREAD) tellKeeping(KEEPING.done);
});
load(STRATOS_PROGRAM);
if (IS_THREAD && fresh.size > 0) {
  tellKeeping(KEEPING.wants);
  setTimeout(tryToKeep, THREAD_KEEPS_AFTER_MS).unref();
}

function hasDoneMore(): boolean {
  const known = new Set(kept?.head.done);
  return [...workDone()].some((work) => !known.has(work));
}

function tryToKeep(): void {
  try {
    keep();
  } catch {
    // A home that cannot be written only costs time.
  }
}

/** @returns what the script exports; it is run when it is first asked for */
function load(name: string): Exports {
  const present = loaded.get(name);
  if (present !== undefined) return present;
  const path = join(__dirname, name);
  const cachedData = kept?.code.get(name);
  const source = sourceOf(path);
  const script = withFirstFlags(
    () =>
      new Script(source, {
        filename: path,
        ...(cachedData === undefined ? {} : { cachedData }),
        importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
      }),
  );
  scripts.set(name, script);
  if (cachedData === undefined)
    fresh.set(
      name,
      withFirstFlags(() => script.createCachedData()),
    );
  const exports = (script.runInThisContext() as Body)(require, load, loadLater, {
    url: pathToFileURL(path).href,
    resolve: (name) => pathToFileURL(require.resolve(name)).href,
  });
  loaded.set(name, exports);
  return exports;
}

/** Read into the same memory, because pages that are touched for the first time cost more than to read them. */
function sourceOf(path: string): string {
  const fd = openSync(path, "r");
  try {
    const { size } = fstatSync(fd);
    if (sourceBytes.length < size) sourceBytes = Buffer.allocUnsafeSlow(size);
    let length = 0;
    while (length < size) {
      const count = readSync(fd, sourceBytes, length, size - length, length);
      if (count === 0) throw new Error(`${path} ends too soon`);
      length += count;
    }
    // As a rule ASCII (tools/bundle-scripts.ts), which needs no decoding.
    const bytes = sourceBytes.subarray(0, size);
    return bytes.toString(isAscii(bytes) ? "latin1" : "utf8");
  } finally {
    closeSync(fd);
  }
}

async function loadLater(name: string): Promise<Exports> {
  return load(name);
}

/**
 * Code is known by V8's flags; a process that has an engine has changed some (host-node's own-process.ts). Where they
 * are not ours to change V8 compiles anew.
 */
function withFirstFlags<Result>(act: () => Result): Result {
  if (IS_THREAD || engine().cachedDataVersionTag() === tag) return act();
  for (const { before } of ENGINE_FLAGS) engine().setFlagsFromString(before);
  try {
    return act();
  } finally {
    for (const flag of ENGINE_FLAGS) engine().setFlagsFromString(flag.engine);
  }
}

/** The code of all that was loaded now, and of what other runs of the command have loaded. */
function keep(): void {
  const code = new Map<string, Buffer>([...(kept?.code ?? []), ...fresh]);
  withFirstFlags(() => {
    // A command that has changed V8's flags (compile-threshold.ts) changes them after it has loaded these.
    if (engine().cachedDataVersionTag() !== tag) return;
    for (const [name, script] of scripts) {
      const made = script.createCachedData();
      // What was not used here may be forgotten by now.
      if (made.length > (code.get(name)?.length ?? 0)) code.set(name, made);
    }
  });
  const sizes = Object.fromEntries([...code].map(([name, bytes]) => [name, bytes.length]));
  const done = [...new Set([...(kept?.head.done ?? []), ...workDone()])];
  const json = JSON.stringify({ build: STRATOS_BUILD, runtime: RUNTIME, tag, sizes, done } satisfies Head);
  const head = Buffer.from(json + " ".repeat(-Buffer.byteLength(json) & 7));
  const start = Buffer.alloc(HEAD_START);
  start.writeUInt32LE(head.length, 4);
  const file = Buffer.concat([start, head, ...code.values()]);
  file.writeUInt32LE(wordSum(file.subarray(4)));
  makeFolders(FOLDER);
  const thread = IS_THREAD ? `.${process.getBuiltinModule("node:worker_threads").threadId}` : "";
  const aside = join(FOLDER, `.${FILE}.${process.pid}${thread}`);
  try {
    writeFileSync(aside, file, { mode: 0o600, flag: "wx" });
    renameSync(aside, join(FOLDER, FILE));
    dropOldest();
  } catch {
    rmSync(aside, { force: true });
  }
}

/** Leaves the newest files of the command. What ran before MARK was, `program-COMMAND`, goes like the others. */
function dropOldest(): void {
  const ofCommand = readdirSync(FOLDER).filter((name) => name === COMMAND || name.startsWith(`${COMMAND}-`));
  if (ofCommand.length <= MAX_KEPT) return;
  const age = (name: string): number => statSync(join(FOLDER, name), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const oldestFirst = ofCommand.map((name) => ({ name, age: age(name) })).sort((a, b) => a.age - b.age);
  for (const { name } of oldestFirst.slice(0, -MAX_KEPT)) rmSync(join(FOLDER, name), { force: true });
}

/** FNV-1a, 32 bits: only a name; what the file is of, its head says. */
function markOf(text: string): string {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return (hash >>> 0).toString(16).padStart(8, "0");
}

/** @returns null when there is none that is sound, and of this bundle on this Node */
function readKept(): Kept | null {
  const file = readOwn(join(FOLDER, FILE));
  if (file === null || file.length < HEAD_START || wordSum(file.subarray(4)) !== file.readUInt32LE()) return null;
  let at = HEAD_START + file.readUInt32LE(4);
  const head = JSON.parse(file.toString("utf8", HEAD_START, at)) as Head;
  if (head.build !== STRATOS_BUILD || head.runtime !== RUNTIME) return null;
  const code = new Map<string, Buffer>();
  for (const [name, size] of Object.entries(head.sizes)) code.set(name, file.subarray(at, (at += size)));
  return { head, code };
}

/** A file of this user's own that nobody else can write; null when it isn't one. */
function readOwn(path: string): Buffer | null {
  let fd: number;
  try {
    fd = openSync(path, "r");
  } catch {
    return null;
  }
  try {
    const { uid, mode } = fstatSync(fd);
    return uid === process.geteuid?.() && (mode & 0o022) === 0 ? readFileSync(fd) : null;
  } catch {
    return null;
  } finally {
    closeSync(fd);
  }
}

/** What only some starts need of Node is loaded by those. */
function engine(): typeof import("node:v8") {
  return process.getBuiltinModule("node:v8");
}
