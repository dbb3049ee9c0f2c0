/**
 * How a recording lies in its file, which is written as the run goes and read as the replay goes:
 *
 * ```
 * a FileHead  "STRATOSR", with a CRC-32C: RecordingHeader
 * pieces, each: u32 stored length | u32 content length | u32 events | u32 answers | u32 CRC-32C of what is stored
 *               u32 CRC-32C of the 20 bytes before, begun with that of the piece before, the first one with the head's
 *               the content: as a Zstandard frame where that is shorter, else as it is
 * ```
 *
 * Little-endian. The content is entries, in order:
 *
 * ```
 * u32 length of the text | u32 length of the data + 1; 0: it has none | text: JSON in UTF-8, without the data | data
 * ```
 *
 * A piece without events and answers holds the end. Behind it is, from format 6 on, what the run has read of its image:
 * pieces of one RecordedBlocks each, whose `events` is IMAGE_PIECE and whose `answers` are how many follow. So a byte
 * that was changed, and a piece that was lost, doubled or moved, is known by the piece's number (from 1); a file that
 * ends before its end is one of a run that was killed, and good as far as its last whole piece goes.
 */
import { byteString, byteStringToUtf8, crc32c, FileHead, utf8Of } from "@stratos/base";
import { RECORDING_VERSION, type RecordingHeader, type StoredEntry } from "./recording-format.ts";

export const MAGIC = "STRATOSR";
export const PIECE_HEADER = 24;
/** Content that a piece is filled with; a longer entry has one of its own. */
export const PIECE_BYTES: number = 1 << 20;
/** Far more than any call reads at a time. */
const CONTENT_BYTES_MAX: number = 1 << 28;
const ENTRY_HEADER = 8;

/** In the place of a number of events. */
export const IMAGE_PIECE = 0xffffffff;

function headOf(version: number): FileHead<RecordingHeader> {
  return new FileHead({ magic: MAGIC, version, name: "recording", headBytesMax: 1 << 26, checksum: crc32c });
}

export const RECORDING_HEAD: FileHead<RecordingHeader> = headOf(RECORDING_VERSION);
/** By versions: those that are in pieces. */
export const RECORDING_HEADS: ReadonlyMap<number, FileHead<RecordingHeader>> = new Map([
  [5, headOf(5)],
  [RECORDING_VERSION, RECORDING_HEAD],
]);

export interface PieceHeader {
  readonly storedBytes: number;
  readonly contentBytes: number;
  readonly events: number;
  readonly answers: number;
  /** Of what is stored. */
  readonly checksum: number;
}

/** @param seed  the checksum of the header before. @returns that of this one */
export function putPieceHeader(bytes: Uint8Array, header: PieceHeader, seed: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, PIECE_HEADER);
  const { storedBytes, contentBytes, events, answers, checksum } = header;
  for (const [at, value] of [storedBytes, contentBytes, events, answers, checksum].entries())
    view.setUint32(4 * at, value, true);
  const own = crc32c(bytes, 0, PIECE_HEADER - 4, seed);
  view.setUint32(PIECE_HEADER - 4, own, true);
  return own;
}

/** @returns null: it is damaged; `own`: its own checksum, which the next one's begins with */
export function pieceHeaderOf(bytes: Uint8Array, seed: number): (PieceHeader & { readonly own: number }) | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, PIECE_HEADER);
  const own = crc32c(bytes, 0, PIECE_HEADER - 4, seed);
  if (view.getUint32(PIECE_HEADER - 4, true) !== own) return null;
  const [storedBytes, contentBytes, events, answers, checksum] = [0, 4, 8, 12, 16].map((at) =>
    view.getUint32(at, true),
  );
  if (contentBytes! > CONTENT_BYTES_MAX || storedBytes! > contentBytes!) return null;
  return {
    ...{ storedBytes: storedBytes!, contentBytes: contentBytes!, events: events!, answers: answers! },
    ...{ checksum: checksum!, own },
  };
}

/** An entry before it is put somewhere. */
export interface EncodedEntry {
  readonly text: Uint8Array;
  readonly data: Uint8Array | null;
  readonly length: number;
}

export function encodeEntry(entry: StoredEntry): EncodedEntry {
  const { data, rest } = split(entry);
  const text = utf8Of(JSON.stringify(rest));
  return { text, data, length: ENTRY_HEADER + text.length + (data?.length ?? 0) };
}

/** @param bytes  has room for it at `at` */
export function putEntry({ text, data }: EncodedEntry, bytes: Uint8Array, at: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset + at, ENTRY_HEADER);
  view.setUint32(0, text.length, true);
  view.setUint32(4, data === null ? 0 : data.length + 1, true);
  bytes.set(text, at + ENTRY_HEADER);
  if (data !== null) bytes.set(data, at + ENTRY_HEADER + text.length);
}

/** @returns null: these are no entries; their data are copies */
export function decodeEntries(content: Uint8Array): StoredEntry[] | null {
  const entries: StoredEntry[] = [];
  const view = new DataView(content.buffer, content.byteOffset, content.byteLength);
  for (let at = 0; at < content.length;) {
    if (at + ENTRY_HEADER > content.length) return null;
    const textEnd = at + ENTRY_HEADER + view.getUint32(at, true);
    const dataBytes = view.getUint32(at + 4, true);
    const end = textEnd + Math.max(0, dataBytes - 1);
    if (end > content.length) return null;
    const entry = entryOf(
      byteString(content, at + ENTRY_HEADER, textEnd),
      dataBytes === 0 ? null : content.slice(textEnd, end),
    );
    if (entry === null) return null;
    entries.push(entry);
    at = end;
  }
  return entries;
}

function split(entry: StoredEntry): { readonly data: Uint8Array | null; readonly rest: object } {
  if (entry.kind === "host") {
    const { answer, ...rest } = entry;
    return answer instanceof Uint8Array ? { data: answer, rest } : { data: null, rest: entry };
  }
  if (!("data" in entry) || entry.data === undefined) return { data: null, rest: entry };
  const { data, ...rest } = entry;
  return { data, rest };
}

function entryOf(text: string, data: Uint8Array | null): StoredEntry | null {
  try {
    const value = JSON.parse(byteStringToUtf8(text)) as Partial<StoredEntry> | null;
    if (typeof value !== "object" || value === null) return null;
    if (data === null) return value as StoredEntry;
    return (value.kind === "host" ? { ...value, answer: data } : { ...value, data }) as StoredEntry;
  } catch {
    return null;
  }
}
