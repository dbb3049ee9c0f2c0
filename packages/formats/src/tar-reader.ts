/**
 * Reads tar archives as a stream: bytes are pushed in pieces of any size, entries and their data come out as calls.
 * Data is handed on as views of what was pushed. Bounds: long names 64 KiB, a pax header 1 MiB.
 */
import { byteString } from "@stratos/base";
import { NO_XATTRS, TAR_BLOCK_SIZE, TarType, type TarEntry } from "./tar-entry.ts";

export interface TarVisitor {
  entry(entry: TarEntry): void;
  /** a piece of the current file's data; the view is only valid during the call when the caller reuses its buffer */
  data(bytes: Uint8Array): void;
  /** the current entry is complete */
  end(): void;
}

/**
 *   checksum     a header block is damaged, or this is no tar archive
 *   number       a numeric field is malformed, negative or too large
 *   truncated    the archive ends inside an entry
 *   extension    a long name or pax record is malformed or exceeds its bound
 *   unsupported  a sparse file, a multi-volume part, or an unknown type that has data
 */
export type TarError = "checksum" | "number" | "truncated" | "extension" | "unsupported";

const LONG_NAME_SIZE_MAX = 65536;
const PAX_SIZE_MAX = 1 << 20;

/** What the data of the current member is for. */
type Purpose = "content" | "longName" | "longLink" | "pax" | "paxGlobal";

export class TarReader {
  readonly #visitor: TarVisitor;
  readonly #block = new Uint8Array(TAR_BLOCK_SIZE);
  #blockFill = 0;
  #error: TarError | undefined;
  #ended = false;
  #purpose: Purpose = "content";
  #inEntry = false;
  #dataLeft = 0;
  #paddingLeft = 0;
  #extension = new Uint8Array(0);
  #extensionFill = 0;
  #longName: string | undefined;
  #longLink: string | undefined;
  #pax = new Map<string, string>();
  #paxGlobal = new Map<string, string>();

  constructor(visitor: TarVisitor) {
    this.#visitor = visitor;
  }

  /** Takes the next bytes of the archive. After an error it stays with that error. */
  push(bytes: Uint8Array): TarError | undefined {
    let at = 0;
    while (at < bytes.length && this.#error === undefined && !this.#ended) {
      if (this.#dataLeft > 0) {
        const count = Math.min(this.#dataLeft, bytes.length - at);
        this.#takeData(bytes.subarray(at, at + count));
        this.#dataLeft -= count;
        at += count;
        if (this.#dataLeft === 0) this.#finishMember();
      } else if (this.#paddingLeft > 0) {
        const count = Math.min(this.#paddingLeft, bytes.length - at);
        this.#paddingLeft -= count;
        at += count;
      } else {
        const count = Math.min(TAR_BLOCK_SIZE - this.#blockFill, bytes.length - at);
        this.#block.set(bytes.subarray(at, at + count), this.#blockFill);
        this.#blockFill += count;
        at += count;
        if (this.#blockFill === TAR_BLOCK_SIZE) {
          this.#blockFill = 0;
          this.#takeHeader(this.#block);
        }
      }
    }
    return this.#error;
  }

  /** The archive is at its end. A missing end-of-archive marker is forgiven, as GNU tar does, at an entry's border. */
  finish(): TarError | undefined {
    if (this.#error !== undefined || this.#ended) return this.#error;
    const isBetweenEntries = this.#dataLeft === 0 && this.#blockFill === 0 && this.#purpose === "content";
    if (!isBetweenEntries) this.#error = "truncated";
    return this.#error;
  }

  #takeHeader(block: Uint8Array): void {
    if (block.every((byte) => byte === 0)) {
      this.#ended = true;
      return;
    }
    if (!hasValidChecksum(block)) {
      this.#error = "checksum";
      return;
    }
    const size = numericField(block, 124, 12);
    if (size < 0) {
      this.#error = "number";
      return;
    }
    const typeFlag = String.fromCharCode(block[156]!);
    switch (typeFlag) {
      case "L":
        this.#beginExtension("longName", size, LONG_NAME_SIZE_MAX);
        return;
      case "K":
        this.#beginExtension("longLink", size, LONG_NAME_SIZE_MAX);
        return;
      case "x":
      case "X":
        this.#beginExtension("pax", size, PAX_SIZE_MAX);
        return;
      case "g":
        this.#beginExtension("paxGlobal", size, PAX_SIZE_MAX);
        return;
      default:
        this.#beginEntry(block, typeFlag, size);
    }
  }

  #beginExtension(purpose: Purpose, size: number, sizeMax: number): void {
    if (size > sizeMax || size === 0) {
      this.#error = "extension";
      return;
    }
    this.#purpose = purpose;
    this.#extension = new Uint8Array(size);
    this.#extensionFill = 0;
    this.#dataLeft = size;
    this.#paddingLeft = paddingOf(size);
  }

  #beginEntry(block: Uint8Array, typeFlag: string, headerSize: number): void {
    const pax = (key: string): string | undefined => this.#pax.get(key) ?? this.#paxGlobal.get(key);
    let type: TarType;
    if (typeFlag === "0" || typeFlag === "\0" || typeFlag === "7") type = TarType.file;
    else if (typeFlag >= "1" && typeFlag <= "6") type = typeFlag as TarType;
    else {
      this.#error = "unsupported";
      return;
    }
    for (const key of this.#pax.keys())
      if (key.startsWith("GNU.sparse.")) {
        this.#error = "unsupported";
        return;
      }

    const isUstar = byteString(block, 257, 262) === "ustar";
    const isGnu = isUstar && block[262] === 0x20;
    let path = textField(block, 0, 100);
    // The GNU dialect keeps times where ustar keeps the path's prefix.
    const prefix = isUstar && !isGnu ? textField(block, 345, 155) : "";
    if (prefix !== "") path = `${prefix}/${path}`;
    path = pax("path") ?? this.#longName ?? path;
    // Archives older than POSIX mark a directory by its final slash alone.
    if (type === TarType.file && path.endsWith("/")) type = TarType.directory;
    while (path.length > 1 && path.endsWith("/")) path = path.slice(0, -1);

    const size = paxNumber(pax("size")) ?? headerSize;
    const mode = numericField(block, 100, 8),
      uid = paxNumber(pax("uid")) ?? numericField(block, 108, 8);
    const gid = paxNumber(pax("gid")) ?? numericField(block, 116, 8),
      mtime = paxNumber(pax("mtime"), true) ?? numericField(block, 136, 12, true);
    const isDevice = type === TarType.characterDevice || type === TarType.blockDevice;
    const deviceMajor = isDevice ? numericField(block, 329, 8) : 0,
      deviceMinor = isDevice ? numericField(block, 337, 8) : 0;
    const isBad =
      mode < 0 ||
      uid < 0 ||
      gid < 0 ||
      Number.isNaN(size + uid + gid + mtime) ||
      deviceMajor < 0 ||
      deviceMinor < 0 ||
      !Number.isInteger(size) ||
      size < 0;
    if (isBad) {
      this.#error = "number";
      return;
    }
    if (path.includes("\0") || path === "") {
      this.#error = "extension";
      return;
    }

    const entry: TarEntry = {
      path,
      type,
      mode: mode & 0o7777,
      uid,
      gid,
      uname: pax("uname") ?? (isUstar ? textField(block, 265, 32) : ""),
      gname: pax("gname") ?? (isUstar ? textField(block, 297, 32) : ""),
      // POSIX: links and the like have no data, whatever their size field says; a hard link of pax may have.
      size: type === TarType.file ? size : 0,
      mtime,
      linkPath: pax("linkpath") ?? this.#longLink ?? textField(block, 157, 100),
      deviceMajor,
      deviceMinor,
      xattrs: this.#xattrs(),
    };
    this.#pax.clear();
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#purpose = "content";
    this.#inEntry = true;
    this.#dataLeft = entry.size;
    this.#paddingLeft = paddingOf(entry.size);
    this.#visitor.entry(entry);
    if (entry.size === 0) this.#finishMember();
  }

  #xattrs(): ReadonlyMap<string, string> {
    let found: Map<string, string> | undefined;
    for (const [key, value] of this.#pax) {
      if (key.startsWith("SCHILY.xattr.")) (found ??= new Map()).set(key.slice(13), value);
    }
    return found ?? NO_XATTRS;
  }

  #takeData(bytes: Uint8Array): void {
    if (this.#purpose === "content") {
      this.#visitor.data(bytes);
      return;
    }
    this.#extension.set(bytes, this.#extensionFill);
    this.#extensionFill += bytes.length;
  }

  #finishMember(): void {
    const purpose = this.#purpose;
    if (purpose === "content") {
      if (this.#inEntry) {
        this.#inEntry = false;
        this.#visitor.end();
      }
      return;
    }
    const extension = this.#extension;
    this.#extension = new Uint8Array(0);
    if (purpose === "longName") this.#longName = textField(extension, 0, extension.length);
    else if (purpose === "longLink") this.#longLink = textField(extension, 0, extension.length);
    else if (!parsePaxRecords(byteString(extension), purpose === "pax" ? this.#pax : this.#paxGlobal))
      this.#error = "extension";
  }
}

/** Adds records `"%d %s=%s\n"` to `records`; an empty value removes. False when one is malformed. */
function parsePaxRecords(text: string, records: Map<string, string>): boolean {
  let at = 0;
  while (at < text.length) {
    const space = text.indexOf(" ", at);
    if (space < 0 || space - at > 9 || !/^[0-9]+$/.test(text.slice(at, space))) return false;
    const end = at + Number(text.slice(at, space));
    const equals = text.indexOf("=", space);
    if (end > text.length || equals < 0 || equals >= end || text.charCodeAt(end - 1) !== 0x0a) return false;
    const key = text.slice(space + 1, equals),
      value = text.slice(equals + 1, end - 1);
    if (value === "") records.delete(key);
    else records.set(key, value);
    at = end;
  }
  return true;
}

/** The value of a pax number: undefined when absent, NaN when malformed. */
function paxNumber(text: string | undefined, mayBeNegative = false): number | undefined {
  if (text === undefined) return undefined;
  if (!(mayBeNegative ? /^-?[0-9]{1,16}(\.[0-9]*)?$/ : /^[0-9]{1,16}$/).test(text)) return NaN;
  const value = Number(text);
  return Math.abs(value) <= Number.MAX_SAFE_INTEGER ? value : NaN;
}

/** Octal text, or base 256 when the top bit is set (GNU). NaN or −1 when malformed or out of range. */
function numericField(block: Uint8Array, at: number, length: number, mayBeNegative = false): number {
  if (block[at]! & 0x80) {
    const isNegative = (block[at]! & 0x40) !== 0;
    if (isNegative && !mayBeNegative) return -1;
    let value = isNegative ? (block[at]! & 0x3f) - 0x40 : block[at]! & 0x3f;
    for (let index = 1; index < length; index++) value = value * 256 + block[at + index]!;
    return Number.isSafeInteger(value) ? value : mayBeNegative ? NaN : -1;
  }
  let value = 0;
  let index = at;
  const end = at + length;
  while (index < end && block[index] === 0x20) index++;
  for (; index < end; index++) {
    const digit = block[index]!;
    if (digit === 0 || digit === 0x20) break;
    if (digit < 0x30 || digit > 0x37) return mayBeNegative ? NaN : -1;
    value = value * 8 + digit - 0x30;
  }
  return value;
}

function textField(block: Uint8Array, at: number, length: number): string {
  let end = at;
  while (end < at + length && block[end] !== 0) end++;
  return byteString(block, at, end);
}

/** Old writers summed signed bytes; both sums are accepted, as POSIX advises. */
function hasValidChecksum(block: Uint8Array): boolean {
  const expected = numericField(block, 148, 8);
  let unsigned = 0,
    signed = 0;
  for (let index = 0; index < TAR_BLOCK_SIZE; index++) {
    const byte = index >= 148 && index < 156 ? 0x20 : block[index]!;
    unsigned += byte;
    signed += (byte << 24) >> 24;
  }
  return expected === unsigned || expected === signed;
}

function paddingOf(size: number): number {
  return (TAR_BLOCK_SIZE - (size % TAR_BLOCK_SIZE)) % TAR_BLOCK_SIZE;
}

/**
 * Walks a whole tar archive in memory.
 *
 * @param visit  gets each entry with its content, a view of `tar` (empty for all but files)
 * @returns what is wrong with the archive; undefined: nothing
 */
export function visitTar(tar: Uint8Array, visit: (entry: TarEntry, content: Uint8Array) => void): TarError | undefined {
  const empty = new Uint8Array(0);
  let current: TarEntry | undefined;
  let content: Uint8Array = empty;
  const reader = new TarReader({
    entry: (entry) => {
      current = entry;
      content = empty;
    },
    // The archive is pushed whole, so each file's data comes as one piece.
    data: (bytes) => {
      content = bytes;
    },
    end: () => {
      visit(current!, content);
    },
  });
  return reader.push(tar) ?? reader.finish();
}
