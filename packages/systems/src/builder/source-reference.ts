/** What the command line calls a source. */
import { statSync } from "node:fs";
import { resolve } from "node:path";
import type { SourceReference } from "@stratos/builder";
import { OperationError } from "@stratos/operation";

/**
 * NAME, NAME=VERSION, a `.dsc` file, a folder, or a git repository: a URL, or a folder with `#REFERENCE`.
 *
 * @throws OperationError
 */
export function parseSourceReference(text: string): SourceReference {
  const [place, reference] = splitReference(text);
  if (/^(https?|ssh|git|git\+https?|git\+ssh|file):\/\//.test(place) || /^[\w.-]+@[\w.-]+:/.test(place))
    return { kind: "git", url: place.replace(/^git\+/, ""), ...(reference === undefined ? {} : { reference }) };
  if (text.endsWith(".dsc")) return { kind: "dsc", path: resolve(text) };
  if (/^[a-z0-9][a-z0-9+.-]+$/.test(text) && !isFolder(text)) return { kind: "name", name: text };
  const named = /^([a-z0-9][a-z0-9+.-]+)=([A-Za-z0-9.+~:-]+)$/.exec(text);
  if (named !== null) return { kind: "name", name: named[1]!, version: named[2]! };
  if (reference !== undefined && isFolder(place)) return { kind: "git", url: resolve(place), reference };
  if (isFolder(text)) return { kind: "folder", path: resolve(text) };
  throw new OperationError(
    "option",
    text,
    "is no source: expected NAME, NAME=VERSION, FILE.dsc, a folder, or a git URL",
  );
}

function splitReference(text: string): [place: string, reference: string | undefined] {
  const hash = text.lastIndexOf("#");
  return hash < 0 ? [text, undefined] : [text.slice(0, hash), text.slice(hash + 1)];
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}
