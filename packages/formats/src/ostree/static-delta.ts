/**
 * Static deltas: what makes one commit of another, in a few files. Source: libostree
 * src/libostree/ostree-repo-static-delta-{private.h,compilation.c,processing.c}; ostree-static-delta(1).
 *
 *     superblock = (a{sv} metadata, t time, ay from, ay to, commit, ay needed before, a(uayttay) parts, a(yaytt) files
 *     that are fetched by themselves)
 *
 * A part's entry has its version, its checksum, the sizes of it and of what it unpacks to, and the objects that it
 * makes: 33 bytes each, kind and checksum. Parts are files beside the superblock, or values in its metadata under their
 * paths.
 */
import { byteString, byteStringOf, concatBytes } from "@stratos/base";
import { sha256Of, type Codecs } from "../codecs.ts";
import { FormatError } from "../format-error.ts";
import { fileEntry, MemoryBlob, readBlob, type FileEntry } from "../tree/file-tree.ts";
import { deltaPath, type DeltaName } from "./delta-places.ts";
import {
  dictionaryEntries,
  parseVariant,
  serializeVariant,
  swapU32,
  swapU64,
  unswapU64,
  type Variant,
} from "./gvariant.ts";
import { checksumBytes, modeBits, xattrsOf } from "./ostree-objects.ts";
import { hexOf, xattrsFrom, type OstreeCommit, type OstreeReader } from "./ostree-reader.ts";
import type { OstreeRepository } from "./ostree-repository.ts";
import {
  applyBsdiff,
  ByteSink,
  DeltaOp,
  matchStretches,
  OperationReader,
  PART_PLAIN,
  PART_XZ,
} from "./static-delta-parts.ts";

const COMMIT_TYPE = "(a{sv}aya(say)sstayay)",
  PAYLOAD_TYPE = "(a(uuu)aa(ayay)ayay)";
const SUPERBLOCK_TYPE = `(a{sv}tayay${COMMIT_TYPE}aya(uayttay)a(yaytt))`;
const SIGNED_MAGIC = "OSTSGNDT";
/** OSTREE_OBJECT_TYPE_* */
const KINDS = { file: 1, dirtree: 2, dirmeta: 3, commit: 4 } as const;
const KIND_NAMES: ReadonlyMap<number, keyof typeof KINDS> = new Map(
  Object.entries(KINDS).map(([name, number]) => [number, name as keyof typeof KINDS]),
);
const S_IFMT = 0xf000,
  S_IFREG = 0x8000,
  S_IFLNK = 0xa000;
/** As ostree has it: a part is read into memory. */
const PART_BYTES = 32 << 20;
/** Larger files are not compared with their older forms. */
const COMPARED_MAX = 64 << 20;
/** Larger files are no part of a delta: clients fetch them by themselves. */
const FALLBACK_BYTES = 256 << 20;
const OBJECT_MAX = 0x7fffffff;

interface DeltaPart {
  /** as it is stored, with the kind of its packing */
  readonly bytes: Uint8Array;
  readonly unpackedBytes: number;
  readonly objects: number;
}

export interface MadeDelta {
  readonly superblock: Uint8Array;
  readonly parts: readonly DeltaPart[];
  /** files of which something was taken from the older commit's */
  readonly patchedFiles: number;
}

interface DeltaOptions {
  /** seconds since 1970 */
  readonly time: number;
  /** all in the superblock, for one file that is carried by hand */
  readonly isInline?: boolean;
  /** packs a part by xz; parts are not packed without */
  readonly xz?: (bytes: Uint8Array) => Uint8Array;
  /** signatures beside the newer commit, which go with it */
  readonly signatures?: Uint8Array;
}

/**
 * @param from  null: the delta makes the commit of nothing. @throws FormatError when an object is missing or has been
 *   changed
 */
export function makeDelta(
  reader: OstreeReader,
  from: OstreeCommit | null,
  to: OstreeCommit,
  options: DeltaOptions,
  codecs: Pick<Codecs, "sha256">,
): MadeDelta {
  const old = from === null ? null : reader.contents(from),
    made = reader.contents(to);
  const parts: DeltaPart[] = [],
    headers: Variant[] = [],
    fallbacks: Variant[] = [];
  let part = new PartDraft(),
    patchedFiles = 0;
  const close = (): void => {
    if (part.objects.length === 0) return;
    const payload = part.payload(),
      packed = options.xz?.(payload),
      bytes =
        packed === undefined
          ? concatBytes([Uint8Array.of(PART_PLAIN), payload])
          : concatBytes([Uint8Array.of(PART_XZ), packed]);
    parts.push({ bytes, unpackedBytes: part.unpackedBytes, objects: part.objects.length });
    headers.push([
      0,
      checksumBytes(sha256Of(codecs, bytes)),
      bytes.length,
      part.unpackedBytes,
      concatBytes(part.objects),
    ]);
    part = new PartDraft();
  };
  const room = (bytes: number): void => {
    if (part.objects.length > 0 && part.sizeBytes + bytes > PART_BYTES) close();
  };
  for (const kind of ["dirtree", "dirmeta"] as const) {
    const known = old === null ? undefined : kind === "dirtree" ? old.dirtrees : old.dirmetas;
    for (const checksum of kind === "dirtree" ? made.dirtrees : made.dirmetas) {
      if (known?.has(checksum) === true) continue;
      const bytes = reader.metadata(checksum, kind);
      room(bytes.length);
      part.metadata(kind, checksum, bytes);
    }
  }
  for (const [checksum, path] of made.files) {
    if (old?.files.has(checksum) === true) continue;
    const entry = reader.file(checksum),
      size = entry.content?.sizeBytes ?? 0;
    if (size > FALLBACK_BYTES) {
      fallbacks.push([KINDS.file, checksumBytes(checksum), size, size]);
      continue;
    }
    room(size);
    const before = old?.paths.get(path);
    if (
      before !== undefined &&
      size > 0 &&
      size <= COMPARED_MAX &&
      part.patched(checksum, entry, before, reader.file(before))
    )
      patchedFiles++;
    else part.file(checksum, entry);
  }
  close();
  const metadata: Variant[] = [["ostree.endianness", { type: "y", value: 0x6c }]];
  if (options.isInline === true)
    parts.forEach(({ bytes }, index) =>
      metadata.push([
        deltaPath(from?.checksum ?? null, to.checksum, String(index)),
        { type: "(yay)", serialized: bytes },
      ]),
    );
  if (options.signatures !== undefined)
    metadata.push([
      deltaPath(from?.checksum ?? null, to.checksum, "commitmeta"),
      { type: "a{sv}", serialized: options.signatures },
    ]);
  const superblock = serializeVariant(SUPERBLOCK_TYPE, [
    metadata,
    swapU64(options.time),
    from === null ? new Uint8Array(0) : checksumBytes(from.checksum),
    checksumBytes(to.checksum),
    parseVariant(COMMIT_TYPE, reader.metadata(to.checksum, "commit")),
    new Uint8Array(0),
    headers,
    fallbacks,
  ]);
  return { superblock, parts, patchedFiles };
}

class PartDraft {
  readonly objects: Uint8Array[] = [];
  unpackedBytes = 0;
  readonly #data = new ByteSink();
  readonly #operations = new ByteSink();
  readonly #modes: Variant[] = [];
  readonly #xattrs: Variant[] = [];
  readonly #known = new Map<string, number>();

  get sizeBytes(): number {
    return this.#data.length + this.#operations.length;
  }

  metadata(kind: "dirtree" | "dirmeta", checksum: string, bytes: Uint8Array): void {
    this.#add(kind, checksum, bytes.length);
    this.#op(DeltaOp.spliceAndClose, bytes.length, this.#data.append(bytes));
  }

  file(checksum: string, entry: FileEntry): void {
    const content = entry.kind === "symlink" ? byteStringOf(entry.target) : readBlob(entry.content!);
    this.#add("file", checksum, content.length);
    const [mode, xattrs] = this.#attributes(entry);
    this.#op(DeltaOp.spliceAndClose, mode, xattrs, content.length, this.#data.append(content));
  }

  /** The same from an older file; false, and nothing done, when that would save less than half. */
  patched(checksum: string, entry: FileEntry, before: string, older: FileEntry): boolean {
    if (entry.kind !== "file" || older.kind !== "file" || older.content!.sizeBytes > COMPARED_MAX) return false;
    const content = readBlob(entry.content!),
      stretches = matchStretches(readBlob(older.content!), content);
    const taken = stretches.reduce((sum, { from, length }) => sum + (from === null ? 0 : length), 0);
    if (taken * 2 < content.length) return false;
    this.#add("file", checksum, content.length);
    const [mode, xattrs] = this.#attributes(entry),
      source = this.#data.append(checksumBytes(before));
    this.#op(DeltaOp.open, mode, xattrs, content.length);
    let isReading = false;
    for (const { from, at, length } of stretches) {
      if (from !== null && !isReading) this.#op(DeltaOp.setSource, source);
      if (from === null && isReading) this.#op(DeltaOp.unsetSource);
      isReading = from !== null;
      this.#op(DeltaOp.write, length, from ?? this.#data.append(content.subarray(at, at + length)));
    }
    if (isReading) this.#op(DeltaOp.unsetSource);
    this.#op(DeltaOp.close);
    return true;
  }

  payload(): Uint8Array {
    return serializeVariant(PAYLOAD_TYPE, [this.#modes, this.#xattrs, this.#data.bytes(), this.#operations.bytes()]);
  }

  #add(kind: keyof typeof KINDS, checksum: string, sizeBytes: number): void {
    this.objects.push(concatBytes([Uint8Array.of(KINDS[kind]), checksumBytes(checksum)]));
    this.unpackedBytes += sizeBytes;
  }

  /** Places of a file's owner and permissions, and of its attributes, in the part's tables. */
  #attributes(entry: FileEntry): [number, number] {
    const place = (key: string, table: Variant[], value: () => Variant): number => {
      const known = this.#known.get(key);
      if (known !== undefined) return known;
      this.#known.set(key, table.length);
      return table.push(value()) - 1;
    };
    const bits = modeBits(entry);
    return [
      place(`m ${entry.uid} ${entry.gid} ${bits}`, this.#modes, () => [
        swapU32(entry.uid),
        swapU32(entry.gid),
        swapU32(bits),
      ]),
      place(`x ${JSON.stringify([...entry.xattrs])}`, this.#xattrs, () => xattrsOf(entry)),
    ];
  }

  #op(code: number, ...numbers: readonly number[]): void {
    this.#operations.byte(code);
    for (const value of numbers) this.#operations.number(value);
  }
}

export interface DeltaPartEntry {
  readonly checksum: string;
  readonly sizeBytes: number;
  readonly unpackedBytes: number;
  readonly objects: readonly { readonly kind: keyof typeof KINDS; readonly checksum: string }[];
  /** when it stands in the superblock */
  readonly inline: Uint8Array | null;
}

export interface StaticDelta extends DeltaName {
  /** seconds since 1970 */
  readonly time: number;
  readonly commit: Uint8Array;
  /** signatures of the commit */
  readonly signatures: Uint8Array | null;
  readonly parts: readonly DeltaPartEntry[];
  readonly fallbacks: readonly { readonly checksum: string; readonly sizeBytes: number }[];
  /**
   * the superblock came in an envelope with signatures of its own, which are not looked at: those of the commit decide
   */
  readonly isSigned: boolean;
}

/** @throws FormatError */
export function parseDelta(bytes: Uint8Array, codecs: Pick<Codecs, "sha256">): StaticDelta {
  if (byteString(bytes.subarray(0, 8)) === SIGNED_MAGIC)
    return {
      ...parseDelta((parseVariant("(taya{sv})", bytes) as readonly [Variant, Uint8Array, Variant])[1].slice(), codecs),
      isSigned: true,
    };
  const [, time, fromBytes, toBytes, commit, needed, parts, fallbacks] = parseVariant(
    SUPERBLOCK_TYPE,
    bytes,
  ) as readonly [
    Variant,
    Variant,
    Uint8Array,
    Uint8Array,
    Variant,
    Uint8Array,
    readonly (readonly [number, Uint8Array, Variant, Variant, Uint8Array])[],
    readonly (readonly [number, Uint8Array, Variant, Variant])[],
  ];
  const from = fromBytes.length === 0 ? null : hexOf(fromBytes),
    to = hexOf(toBytes),
    commitBytes = serializeVariant(COMMIT_TYPE, commit);
  if (sha256Of(codecs, commitBytes) !== to) throw new FormatError(`the delta to ${to} holds another commit`);
  if (needed.length > 0) throw new FormatError(`the delta to ${to} needs others before it, which are not applied here`);
  const metadata = new Map(
    dictionaryEntries(metadataOf(bytes)).map(({ key, type, serialized }) => [key, { type, serialized }]),
  );
  const isBig = metadata.get("ostree.endianness")?.serialized[0] === 0x42;
  const number = (value: Variant): number => {
    if (isBig) return unswapU64(value);
    const [high, low] = value as readonly [number, number];
    return high * 2 ** 32 + low;
  };
  const entries = parts.map(([, checksum, size, unpacked, objects], index): DeltaPartEntry => {
    if (objects.length === 0 || objects.length % 33 !== 0)
      throw new FormatError(`part ${index} of the delta to ${to} makes nothing`);
    const inline = metadata.get(deltaPath(from, to, String(index)));
    return {
      checksum: hexOf(checksum),
      sizeBytes: number(size),
      unpackedBytes: number(unpacked),
      inline: inline?.type === "(yay)" ? inline.serialized : null,
      objects: Array.from({ length: objects.length / 33 }, (_, at) => {
        const kind = KIND_NAMES.get(objects[at * 33]!);
        if (kind === undefined)
          throw new FormatError(`part ${index} of the delta to ${to} makes an object of an unknown kind`);
        return { kind, checksum: hexOf(objects.subarray(at * 33 + 1, at * 33 + 33)) };
      }),
    };
  });
  return {
    from,
    to,
    time: unswapU64(time),
    commit: commitBytes,
    signatures: metadata.get(deltaPath(from, to, "commitmeta"))?.serialized ?? null,
    parts: entries,
    isSigned: false,
    fallbacks: fallbacks.map(([, checksum, , unpacked]) => ({
      checksum: hexOf(checksum),
      sizeBytes: number(unpacked),
    })),
  };
}

/** A superblock begins with its metadata, whose end is the last of the tuple's offsets. */
function metadataOf(bytes: Uint8Array): Uint8Array {
  const width = bytes.length < 0x100 ? 1 : bytes.length < 0x10000 ? 2 : bytes.length < 2 ** 32 ? 4 : 8;
  let end = 0;
  for (let at = bytes.length - 1; at >= bytes.length - width; at--) end = end * 256 + bytes[at]!;
  return bytes.subarray(0, end);
}

/**
 * How a part is packed. @throws FormatError when it is not the part that the superblock means, or is packed in a way
 * that is not known
 */
export function partPacking(part: DeltaPartEntry, bytes: Uint8Array, codecs: Pick<Codecs, "sha256">): "none" | "xz" {
  if (sha256Of(codecs, bytes) !== part.checksum) throw new FormatError(`the part ${part.checksum} has been changed`);
  if (bytes[0] === PART_PLAIN) return "none";
  if (bytes[0] === PART_XZ) return "xz";
  throw new FormatError(`the part ${part.checksum} is packed in a way that is not known here`);
}

/**
 * Puts a part's objects into a repository; those that are there already stay.
 * @param payload  the part, unpacked
 * @param reader  of the same repository
 * @throws FormatError when the part is damaged, makes something else than it says, or takes from what is not here
 */
export function applyPart(
  part: DeltaPartEntry,
  payload: Uint8Array,
  reader: OstreeReader,
  repository: OstreeRepository,
): void {
  const [modes, xattrs, data, code] = parseVariant(PAYLOAD_TYPE, payload) as readonly [
    readonly (readonly [number, number, number])[],
    readonly Variant[],
    Uint8Array,
    Uint8Array,
  ];
  const operations = new OperationReader(code),
    damaged = (): FormatError => new FormatError(`the part ${part.checksum} is damaged`);
  const slice = (at: number, length: number): Uint8Array => {
    if (at + length > data.length) throw damaged();
    return data.subarray(at, at + length);
  };
  let index = 0,
    open: { entry: FileEntry; content: Uint8Array; fill: number } | null = null,
    source: Uint8Array | null = null;
  const attributes = (): FileEntry => {
    const mode = modes[operations.number()],
      own = xattrs[operations.number()];
    if (mode === undefined || own === undefined) throw damaged();
    const [uid, gid, bits] = mode.map(swapU32) as [number, number, number],
      type = bits & S_IFMT;
    if (type !== S_IFREG && type !== S_IFLNK) throw damaged();
    return fileEntry("", type === S_IFREG ? "file" : "symlink", {
      uid,
      gid,
      mode: bits & 0o7777,
      xattrs: xattrsFrom(own),
    });
  };
  const size = (): number => {
    const value = operations.number();
    if (value > OBJECT_MAX) throw damaged();
    return value;
  };
  const object = (): { kind: keyof typeof KINDS; checksum: string } => part.objects[index] ?? fail();
  const fail = (): never => {
    throw damaged();
  };
  const put = (entry: FileEntry, content: Uint8Array): void => {
    repository.putFile(
      object().checksum,
      entry.kind === "symlink"
        ? { ...entry, mode: 0o777, target: byteString(content) }
        : { ...entry, content: new MemoryBlob(content, "") },
    );
    index++;
  };
  while (!operations.isAtEnd) {
    const { kind, checksum } = object();
    switch (operations.byte()) {
      case DeltaOp.spliceAndClose: {
        if (kind === "file") {
          const entry = attributes(),
            length = size();
          put(entry, slice(operations.number(), length));
          break;
        }
        const length = size(),
          bytes = slice(operations.number(), length);
        if (kind === "commit") throw damaged();
        repository.put(checksum, kind, bytes.slice());
        index++;
        break;
      }
      case DeltaOp.open: {
        if (kind !== "file" || open !== null) throw damaged();
        const entry = attributes();
        open = { entry, content: new Uint8Array(size()), fill: 0 };
        break;
      }
      case DeltaOp.setSource: {
        const older = reader.file(hexOf(slice(operations.number(), 32)));
        if (older.content === null || older.content.sizeBytes > OBJECT_MAX) throw damaged();
        source = readBlob(older.content);
        break;
      }
      case DeltaOp.unsetSource:
        source = null;
        break;
      case DeltaOp.write: {
        const length = size(),
          at = operations.number();
        if (
          open === null ||
          open.fill + length > open.content.length ||
          (source !== null && at + length > source.length)
        )
          throw damaged();
        open.content.set(source === null ? slice(at, length) : source.subarray(at, at + length), open.fill);
        open.fill += length;
        break;
      }
      case DeltaOp.bspatch: {
        const at = operations.number(),
          length = size();
        if (open === null || source === null || open.fill !== 0) throw damaged();
        open.content.set(applyBsdiff(source, slice(at, length), open.content.length));
        open.fill = open.content.length;
        break;
      }
      case DeltaOp.close: {
        if (open === null || open.fill !== open.content.length) throw damaged();
        put(open.entry, open.content);
        open = source = null;
        break;
      }
      default:
        throw damaged();
    }
  }
  if (index !== part.objects.length || open !== null) throw damaged();
}
