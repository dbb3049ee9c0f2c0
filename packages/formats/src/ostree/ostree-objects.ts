/**
 * Objects of an OSTree repository and their checksums. Source: libostree's manual, "Anatomy of an OSTree repository";
 * src/libostree/ ostree-core.h, which gives the signatures. Metadata objects are their variant's bytes; a file's
 * checksum goes over a header (owner, permissions, link, attributes; numbers big-endian) and the content.
 */
import { byteStringOf, byteStringToUtf8, concatBytes, utf8ToByteString } from "@stratos/base";
import type { Codecs } from "../codecs.ts";
import { FormatError } from "../format-error.ts";
import type { FileEntry } from "../tree/file-tree.ts";
import { serializeVariant, swapU32, swapU64, type Variant } from "./gvariant.ts";

const S_IFREG = 0x8000,
  S_IFDIR = 0x4000,
  S_IFLNK = 0xa000;

export type ObjectKind = "commit" | "dirtree" | "dirmeta" | "file";

/** 32 bytes of a checksum in hexadecimal. */
export function checksumBytes(hex: string): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, index) => parseInt(hex.slice(index * 2, index * 2 + 2), 16));
}

/** Type and permissions of a file or link, as objects have them. @throws FormatError for what OSTree has no form for */
export function modeBits(entry: FileEntry): number {
  return fileType(entry).type | permissions(entry);
}

/** Attributes as objects have them, by name. */
export function xattrsOf(entry: Pick<FileEntry, "xattrs">): Variant {
  const names = [...entry.xattrs.keys()].sort();
  return names.map((name) => [byteStringOf(`${name}\0`), byteStringOf(entry.xattrs.get(name)!)]);
}

/** The header that a file's checksum begins with. @throws FormatError for what OSTree has no form for */
export function fileHeader(entry: FileEntry): Uint8Array {
  const { type, target } = fileType(entry);
  return framed(
    serializeVariant("(uuuusa(ayay))", [
      swapU32(entry.uid),
      swapU32(entry.gid),
      swapU32(type | permissions(entry)),
      0,
      target,
      xattrsOf(entry),
    ]),
  );
}

/** The header of a file object of an archive repository, which packed content follows. */
export function archiveHeader(entry: FileEntry): Uint8Array {
  const { type, target } = fileType(entry);
  const size = entry.content?.sizeBytes ?? 0;
  return framed(
    serializeVariant("(tuuuusa(ayay))", [
      swapU64(size),
      swapU32(entry.uid),
      swapU32(entry.gid),
      swapU32(type | permissions(entry)),
      0,
      target,
      xattrsOf(entry),
    ]),
  );
}

/** Owner, permissions and attributes of a file, as `bare-user` keeps them beside its content. */
export function fileMetadata(entry: FileEntry): Uint8Array {
  return serializeVariant("(uuua(ayay))", [
    swapU32(entry.uid),
    swapU32(entry.gid),
    swapU32(fileType(entry).type | permissions(entry)),
    xattrsOf(entry),
  ]);
}

/** Big-endian length, four zero bytes, the variant. */
function framed(variant: Uint8Array): Uint8Array {
  const head = new Uint8Array(8);
  new DataView(head.buffer).setUint32(0, variant.length);
  return concatBytes([head, variant]);
}

function fileType(entry: FileEntry): { type: number; target: string } {
  if (entry.kind === "symlink" && !isUtf8(entry.target))
    throw new FormatError(`${entry.path}: leads to a name that is no UTF-8, which OSTree cannot hold`);
  if (entry.kind === "symlink") return { type: S_IFLNK, target: entry.target };
  if (entry.kind === "file") return { type: S_IFREG, target: "" };
  throw new FormatError(`${entry.path}: OSTree holds files, links and folders only, no ${entry.kind}`);
}

/** GVariant's texts are UTF-8, and tools refuse what is not. */
export function isUtf8(text: string): boolean {
  return utf8ToByteString(byteStringToUtf8(text)) === text;
}

/** A link's permissions mean nothing; the kernel shows all of them. */
function permissions(entry: FileEntry): number {
  return entry.kind === "symlink" ? 0o777 : entry.mode & 0o7777;
}

export function dirmetaObject(entry: FileEntry): Uint8Array {
  return serializeVariant("(uuua(ayay))", [
    swapU32(entry.uid),
    swapU32(entry.gid),
    swapU32(S_IFDIR | (entry.mode & 0o7777)),
    xattrsOf(entry),
  ]);
}

export interface TreeFile {
  readonly name: string;
  readonly checksum: string;
}
export interface TreeFolder {
  readonly name: string;
  readonly tree: string;
  readonly meta: string;
}

/** Both lists sorted by the bytes of their names. */
export function dirtreeObject(files: readonly TreeFile[], folders: readonly TreeFolder[]): Uint8Array {
  return serializeVariant("(a(say)a(sayay))", [
    files.map(({ name, checksum }) => [name, checksumBytes(checksum)]),
    folders.map(({ name, tree, meta }) => [name, checksumBytes(tree), checksumBytes(meta)]),
  ]);
}

export interface CommitFields {
  /** metadata in the order in which it is to stand */
  readonly metadata: readonly (readonly [key: string, value: { readonly type: string; readonly value: Variant }])[];
  /** checksum of the commit before, or null */
  readonly parent: string | null;
  readonly subject: string;
  readonly body: string;
  /** seconds since 1970 */
  readonly timestamp: number;
  readonly tree: string;
  readonly meta: string;
}

export function commitObject(commit: CommitFields): Uint8Array {
  return serializeVariant("(a{sv}aya(say)sstayay)", [
    commit.metadata,
    commit.parent === null ? new Uint8Array(0) : checksumBytes(commit.parent),
    [],
    commit.subject,
    commit.body,
    swapU64(commit.timestamp),
    checksumBytes(commit.tree),
    checksumBytes(commit.meta),
  ]);
}

/** Checksum of a file or link, read in pieces. */
export function fileChecksum(entry: FileEntry, codecs: Pick<Codecs, "sha256">, buffer: Uint8Array): string {
  const digest = codecs.sha256();
  digest.update(fileHeader(entry));
  const { content } = entry;
  for (let offset = 0; content !== null && offset < content.sizeBytes;) {
    const count = content.read(offset, buffer);
    if (count <= 0) throw new FormatError(`${entry.path}: its content is shorter than its size says`);
    digest.update(buffer.subarray(0, count));
    offset += count;
  }
  return digest.hex();
}
