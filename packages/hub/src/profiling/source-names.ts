/**
 * Where a function stands, in words that are the same on each computer: the file of this project or of a library,
 * rather than a path of this host, or the bundle's piece in which it came. In the bundle each module follows a comment
 * with its file's name; its lines are not the file's, and so are left out.
 */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { fileURLToPath } from "node:url";
import type { CallFrame } from "./cpu-profile.ts";

const MODULE = /^\/\/ ((?:packages|node_modules)\/\S+)$/;
/** The file's name ends with it, wherever the program lies. */
const OWN_FILE = /(?:^|\/)((?:packages|node_modules|tools|tests|bench)\/[^?]+\.(?:ts|mts|js|mjs|cjs))(?:\?.*)?$/;
const BUNDLE_BYTES_MAX = 64 << 20;

export class SourceNames {
  /** Of each piece of the bundle: first lines of its modules, and their names. */
  readonly #pieces = new Map<string, { readonly lines: readonly number[]; readonly names: readonly string[] }>();

  frame(frame: CallFrame): CallFrame {
    const { url } = frame;
    if (url === "" || url.startsWith("node:") || url.startsWith("wasm:")) return frame;
    const own = OWN_FILE.exec(url)?.[1];
    if (own !== undefined) return { ...frame, url: own };
    const path = pathOf(url);
    if (path === null) return { ...frame, url: "" };
    const module = this.#moduleAt(path, frame.lineNumber);
    return module === null
      ? { ...frame, url: basename(path) }
      : { ...frame, url: module, lineNumber: -1, columnNumber: -1 };
  }

  #moduleAt(path: string, line: number): string | null {
    let piece = this.#pieces.get(path);
    if (piece === undefined) this.#pieces.set(path, (piece = modulesOf(path)));
    let place = -1;
    while (place + 1 < piece.lines.length && piece.lines[place + 1]! <= line) place++;
    return place < 0 ? null : piece.names[place]!;
  }
}

function pathOf(url: string): string | null {
  if (!url.startsWith("file:")) return url.startsWith("/") ? url : null;
  try {
    return fileURLToPath(url);
  } catch {
    return null;
  }
}

function modulesOf(path: string): { lines: number[]; names: string[] } {
  const lines: number[] = [];
  const names: string[] = [];
  let text = "";
  try {
    text = readFileSync(path, "latin1");
  } catch {
    // It is replaced by a newer one: its own name has to do.
  }
  if (text.length <= BUNDLE_BYTES_MAX)
    text.split("\n").forEach((line, index) => {
      const name = MODULE.exec(line)?.[1];
      if (name === undefined) return;
      lines.push(index);
      names.push(name);
    });
  return { lines, names };
}
