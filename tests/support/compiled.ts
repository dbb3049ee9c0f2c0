/**
 * Programs in C that tests start: compiled when their source, the headers beside it, the flags or the compiler are
 * others than the time before, and kept in the tests' home.
 */
import { execFileSync } from "node:child_process";
import { hash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, realpathSync, renameSync, rmSync, statSync } from "node:fs";
import { basename, delimiter, dirname, join } from "node:path";
import { TEST_HOME } from "./test-image.ts";

export const CROSS_COMPILER = "riscv64-linux-gnu-gcc";
const KEPT = join(TEST_HOME, "compiled");
/** What else of Debian's cross compiler goes into a program: the C library, and Linux's headers. */
const BESIDE = ["lib/libc.a", "include/stdio.h", "include/linux/version.h"];

interface Compilation {
  /** Default: that for riscv64. */
  readonly compiler?: string;
  readonly flags: readonly string[];
  /** Behind the source, such as `-lpthread`. */
  readonly libraries?: readonly string[];
}

/** @returns the path of the executable, which must stay as it is */
export function compiled(source: string, { compiler = CROSS_COMPILER, flags, libraries = [] }: Compilation): string {
  const asked = JSON.stringify([compiler, flags, libraries, basename(dirname(source))]);
  const name = `${basename(source, ".c")}-${digest(asked)}`;
  return kept(name, originOf(source, compiler, [asked]), (draft) =>
    execFileSync(compiler, [...flags, "-o", draft, source, ...libraries]),
  );
}

/** What decides about what a compiler makes of a source with these flags. */
export function originOf(source: string, compiler: string, flags: readonly string[]): string {
  return [...flags, identity(compiler), ...texts(source)].join("\n");
}

/**
 * A file that takes long to make, made anew when `origin` is another than the time before.
 *
 * @param make  writes it to a path
 * @returns the path of the file, which must stay as it is
 */
export function kept(name: string, origin: string, make: (draft: string) => void): string {
  const path = join(KEPT, `${name}.${digest(origin)}`);
  if (statSync(path, { throwIfNoEntry: false }) !== undefined) return path;
  mkdirSync(KEPT, { recursive: true });
  for (const former of readdirSync(KEPT))
    if (former.startsWith(`${name}.`)) rmSync(join(KEPT, former), { force: true });
  const draft = join(KEPT, `${process.pid}-${name}`);
  try {
    make(draft);
    renameSync(draft, path);
  } finally {
    rmSync(draft, { force: true });
  }
  return path;
}

function texts(source: string): string[] {
  const folder = dirname(source);
  const headers = readdirSync(folder).filter((name) => name.endsWith(".h"));
  return [source, ...headers.sort().map((name) => join(folder, name))].map((path) => readFileSync(path, "latin1"));
}

/** Another package of the compiler, or of what it links, has files of other sizes or times. */
function identity(compiler: string): string {
  const places = (process.env["PATH"] ?? "").split(delimiter).map((folder) => join(folder, compiler));
  const found = places.find((path) => statSync(path, { throwIfNoEntry: false }) !== undefined);
  if (found === undefined) return "";
  const target = join(dirname(dirname(found)), compiler.replace(/-gcc$/, ""));
  return [realpathSync(found), ...BESIDE.map((path) => join(target, path))]
    .map((path) => {
      const status = statSync(path, { throwIfNoEntry: false });
      return `${path} ${status?.size} ${status?.mtimeMs}`;
    })
    .join("\n");
}

function digest(text: string): string {
  return hash("sha256", text, "hex").slice(0, 16);
}
