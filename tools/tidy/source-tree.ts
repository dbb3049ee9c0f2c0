import { execFileSync } from "node:child_process";
import { readFileSync, existsSync } from "node:fs";
import { join } from "node:path";

export interface SourceFile {
  /** Relative to the root, with `/`. */
  readonly path: string;
  /** "" for files that are not text. */
  readonly text: string;
}

export interface SourceTree {
  readonly root: string;
  readonly files: readonly SourceFile[];
}

export interface Finding {
  readonly path: string;
  /** From 1; 0: the file as a whole. */
  readonly line: number;
  readonly message: string;
}

/** The files that git tracks, and new ones that it does not ignore. */
export function readTree(root: string): SourceTree {
  const paths = execFileSync("git", ["ls-files", "--cached", "--others", "--exclude-standard", "-z"], {
    cwd: root,
    encoding: "utf8",
  }).split("\0");
  const files = [...new Set(paths)]
    .filter((path) => path !== "" && existsSync(join(root, path)))
    .sort()
    .map((path) => ({ path, text: textOf(join(root, path)) }));
  return { root, files };
}

function textOf(path: string): string {
  const bytes = readFileSync(path);
  return bytes.subarray(0, 8000).includes(0) ? "" : bytes.toString("utf8");
}

/** Line (from 1) of an offset. */
export function lineAt(text: string, offset: number): number {
  let line = 1;
  for (let at = text.indexOf("\n"); at !== -1 && at < offset; at = text.indexOf("\n", at + 1)) line++;
  return line;
}
