/** Listings of files, as JSON and as `ls -l` shows them. */
import type { FileOffset } from "@stratos/aegisfs";
import { toText, type FileFacts, type FileKind } from "./file-tree.ts";

/** What `ls -F` puts behind a name: a program, a folder, a link and so on. */
const MARKS: Readonly<Record<FileKind, string>> = {
  file: "",
  directory: "/",
  symlink: "@",
  fifo: "|",
  socket: "=",
  character: "",
  block: "",
};

/** The name with a mark of its kind, as `ls -F` writes it. */
export function markedName({ name, kind, mode }: ListedFile): string {
  return `${name}${kind === "file" && (Number.parseInt(mode, 8) & 0o111) !== 0 ? "*" : MARKS[kind]}`;
}

const LETTERS: Readonly<Record<FileKind, string>> = {
  file: "-",
  directory: "d",
  symlink: "l",
  fifo: "p",
  socket: "s",
  character: "c",
  block: "b",
};

export interface ListedFile {
  readonly name: string;
  readonly kind: FileKind;
  /** Octal. */
  readonly mode: string;
  readonly uid: number;
  readonly gid: number;
  readonly links: number;
  readonly sizeBytes: FileOffset;
  readonly modifiedAt: string;
  readonly target?: string;
}

/** @param shown  makes what is shown of a name's bytes */
export function listedFile(name: string, facts: FileFacts, target: string | null, shown = toText): ListedFile {
  return {
    name: shown(name),
    kind: facts.kind,
    mode: facts.mode.toString(8).padStart(4, "0"),
    uid: facts.uid,
    gid: facts.gid,
    links: facts.nlink,
    sizeBytes: facts.size,
    modifiedAt: timeText(facts),
    ...(target === null ? {} : { target: shown(target) }),
  };
}

/** `drwxr-xr-x 2 0 0 4096 2026-01-31 12:00 name`, in columns. */
export function longListing(files: readonly ListedFile[]): string {
  const rows = files.map((file) => [
    modeLetters(file),
    String(file.links),
    String(file.uid),
    String(file.gid),
    String(file.sizeBytes),
    file.modifiedAt.slice(0, 16).replace("T", " "),
    file.target === undefined ? file.name : `${file.name} -> ${file.target}`,
  ]);
  const widths = [0, 1, 2, 3, 4, 5].map((column) => Math.max(0, ...rows.map((row) => row[column]!.length)));
  return rows
    .map(
      (row) =>
        `${row.map((cell, column) => (column === 0 || column > 4 ? cell : cell.padStart(widths[column]!))).join(" ")}` +
        "\n",
    )
    .join("");
}

function modeLetters({ kind, mode }: ListedFile): string {
  const bits = Number.parseInt(mode, 8);
  const letters = [..."rwxrwxrwx"].map((letter, index) => ((bits >> (8 - index)) & 1 ? letter : "-"));
  for (const [bit, at, set, unset] of [
    [0o4000, 2, "s", "S"],
    [0o2000, 5, "s", "S"],
    [0o1000, 8, "t", "T"],
  ] as const) {
    if ((bits & bit) !== 0) letters[at] = letters[at] === "x" ? set : unset;
  }
  return LETTERS[kind] + letters.join("");
}

/** ISO 8601 where JavaScript's dates reach. */
function timeText({ mtime }: FileFacts): string {
  const milliseconds = mtime.seconds * 1000 + Math.floor(mtime.nanoseconds / 1e6);
  return Math.abs(milliseconds) <= 8.64e15 ? new Date(milliseconds).toISOString() : `${mtime.seconds} s`;
}
