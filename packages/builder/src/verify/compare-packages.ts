/**
 * In what two packages differ, as far down as it can be named: member of the archive, file in it, attribute or offset.
 * Compressed members are compared by what they hold; where that is the same, that the packing differs is said.
 */
import { byteStringToUtf8 } from "@stratos/base";
import { parseAr, visitTar, type TarEntry } from "@stratos/formats";
import type { Compression, PackagePorts } from "@stratos/pkg";

export interface PackageDifference {
  /** `data.tar.xz: ./usr/bin/hello` */
  readonly member: string;
  /** in words */
  readonly what: string;
  /** of the first byte that differs, of contents; undefined: something else differs */
  readonly offset?: number;
}

type CompareTools = Pick<PackagePorts, "decompress" | "hasher">;

/** Differences beyond this are counted. */
const SHOWN_MAX = 50;
const UNPACKED_MAX = 4 * 1024 ** 3;
const COMPRESSIONS: Readonly<Record<string, Compression>> = { "": "none", ".gz": "gzip", ".xz": "xz", ".zst": "zstd" };

/** @returns none: they are the same byte for byte */
export async function comparePackages(
  tools: CompareTools,
  ours: Uint8Array,
  theirs: Uint8Array,
): Promise<PackageDifference[]> {
  if (firstDifference(ours, theirs) === undefined) return [];
  const left = parseAr(ours),
    right = parseAr(theirs);
  if (typeof left === "string" || typeof right === "string") return [contentDifference("the file", ours, theirs)];
  const differences: PackageDifference[] = [];
  for (const name of new Set([...left, ...right].map((one) => one.name.replace(/(\.tar)\.\w+$/, "$1")))) {
    const one = left.find((member) => member.name.startsWith(name)),
      other = right.find((member) => member.name.startsWith(name));
    if (one === undefined || other === undefined) {
      differences.push({ member: name, what: one === undefined ? "only theirs has it" : "only ours has it" });
      continue;
    }
    if (one.name !== other.name) differences.push({ member: name, what: `is ${one.name}, theirs ${other.name}` });
    if (firstDifference(one.data, other.data) === undefined) continue;
    const packing = (text: string): Compression | undefined => COMPRESSIONS[text.slice(name.length)];
    const [ourPacking, theirPacking] = [packing(one.name), packing(other.name)];
    if (!name.endsWith(".tar") || ourPacking === undefined || theirPacking === undefined) {
      differences.push(contentDifference(one.name, one.data, other.data));
      continue;
    }
    const [ourTar, theirTar] = await Promise.all([
      tools.decompress(ourPacking, one.data, UNPACKED_MAX),
      tools.decompress(theirPacking, other.data, UNPACKED_MAX),
    ]);
    const inside = compareTars(tools, one.name, ourTar, theirTar);
    differences.push(
      ...(inside.length > 0
        ? inside
        : [
            {
              member: one.name,
              what:
                firstDifference(ourTar, theirTar) === undefined
                  ? "holds the same, packed otherwise"
                  : "holds the same files, laid out otherwise",
            },
          ]),
    );
  }
  if (differences.length === 0)
    differences.push({
      member: "the file",
      what: "the headers of its members differ",
      offset: firstDifference(ours, theirs)!,
    });
  return differences.length <= SHOWN_MAX
    ? differences
    : [...differences.slice(0, SHOWN_MAX), { member: "…", what: `${differences.length - SHOWN_MAX} more` }];
}

interface TarFile {
  readonly entry: TarEntry;
  readonly content: Uint8Array;
  readonly place: number;
}

function compareTars(tools: CompareTools, archive: string, ours: Uint8Array, theirs: Uint8Array): PackageDifference[] {
  const left = filesOf(ours),
    right = filesOf(theirs);
  const differences: PackageDifference[] = [];
  for (const path of new Set([...left.keys(), ...right.keys()])) {
    const one = left.get(path),
      other = right.get(path),
      member = `${archive}: ${byteStringToUtf8(path)}`;
    if (one === undefined || other === undefined) {
      differences.push({ member, what: one === undefined ? "only theirs has it" : "only ours has it" });
      continue;
    }
    for (const field of ["type", "mode", "uid", "gid", "uname", "gname", "mtime", "linkPath"] as const) {
      if (one.entry[field] !== other.entry[field])
        differences.push({
          member,
          what: `${field} is ${words(field, one.entry)}, theirs ${words(field, other.entry)}`,
        });
    }
    if (firstDifference(one.content, other.content) !== undefined)
      differences.push(contentDifference(member, one.content, other.content));
  }
  const order = (files: ReadonlyMap<string, TarFile>): string => [...files.keys()].join("\n");
  if (differences.length === 0 && order(left) !== order(right))
    differences.push({ member: archive, what: "its files are in another order" });
  return differences;
}

function words(field: keyof TarEntry, entry: TarEntry): string {
  return field === "mode" ? entry.mode.toString(8) : String(entry[field]);
}

function filesOf(tar: Uint8Array): ReadonlyMap<string, TarFile> {
  const files = new Map<string, TarFile>();
  visitTar(
    tar,
    (entry, content) => void files.set(entry.path, { entry, content: new Uint8Array(content), place: files.size }),
  );
  return files;
}

function contentDifference(member: string, ours: Uint8Array, theirs: Uint8Array): PackageDifference {
  const offset = firstDifference(ours, theirs) ?? 0;
  const sizes = ours.length === theirs.length ? "" : `; ${ours.length} bytes, theirs ${theirs.length}`;
  return {
    member,
    offset,
    what: `differs from byte ${offset} on (${excerpt(ours, offset)} / ${excerpt(theirs, offset)})${sizes}`,
  };
}

const EXCERPT_BEFORE = 8,
  EXCERPT_AFTER = 24;

/** Some bytes around a place, as a person can read them. */
function excerpt(bytes: Uint8Array, offset: number): string {
  let text = "";
  for (const byte of bytes.subarray(Math.max(0, offset - EXCERPT_BEFORE), offset + EXCERPT_AFTER))
    text += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".";
  return JSON.stringify(text);
}

/** undefined: there is none */
function firstDifference(left: Uint8Array, right: Uint8Array): number | undefined {
  const length = Math.min(left.length, right.length);
  for (let at = 0; at < length; at++) if (left[at] !== right[at]) return at;
  return left.length === right.length ? undefined : length;
}
