/**
 * Reads a recording as the replay goes: opening it looks at every byte once, so that a damaged one is refused before
 * anything is repeated, and keeps where each piece lies; entries are unpacked a piece at a time when they are asked
 * for. What is kept of it in memory does not grow with it, but for some 50 bytes of each piece.
 */
import { byteString, crc32c, type FileHead, StateError } from "@stratos/base";
import type { CompressionCodec } from "@stratos/host";
import {
  isSoundEntry,
  isSoundHeader,
  type RecordedAnswer,
  type RecordedBlocks,
  type RecordedEvent,
  type RecordedList,
  type Recording,
  RecordingError,
  type RecordingEnd,
  type RecordingHeader,
  type StoredEntry,
} from "./recording-format.ts";
import { readRecordingLines } from "./recording-lines.ts";
import {
  decodeEntries,
  IMAGE_PIECE,
  MAGIC,
  PIECE_HEADER,
  type PieceHeader,
  pieceHeaderOf,
  RECORDING_HEADS,
} from "./recording-pieces.ts";

/** The file of a recording, or what stands for it. */
export interface RecordingSource {
  readonly size: number;
  /** Fills `into` from there on. @returns bytes read: fewer at the end */
  read(position: number, into: Uint8Array): number;
}

/** Pieces that stay unpacked: those that the run and its forks are at. */
const UNPACKED_MAX = 6;
/** Bytes that are looked at in one go. */
const LOOK_BYTES = 1 << 20;
/** The name of the format, its version and the length of what follows (FileHead). */
const HEAD_START = 16;
const VERSION_AT = 8;

/** @throws RecordingError */
export function openRecording(source: RecordingSource, codec: CompressionCodec): Recording {
  const start = bytesAt(source, 0, Math.min(source.size, VERSION_AT + 4));
  if (byteString(start, 0, Math.min(MAGIC.length, start.length)) !== MAGIC)
    return readRecordingLines(bytesAt(source, 0, source.size));
  if (start.length < VERSION_AT + 4) throw damaged(0);
  const found = new DataView(start.buffer, start.byteOffset).getUint32(VERSION_AT, true);
  const head = RECORDING_HEADS.get(found);
  if (head === undefined) throw new RecordingError({ kind: "version", found });
  const { header, end, checksum } = headOf(source, head, found);
  const pieces = new Pieces(source, codec, header);
  pieces.look(end, checksum);
  return pieces;
}

/** Of one that is in memory. */
export function readRecording(bytes: Uint8Array, codec: CompressionCodec): Recording {
  return openRecording(sourceOf(bytes), codec);
}

export function sourceOf(bytes: Uint8Array): RecordingSource {
  return {
    size: bytes.length,
    read: (position, into) => {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
  };
}

function bytesAt(source: RecordingSource, position: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  return bytes.subarray(0, source.read(position, bytes));
}

function headOf(
  source: RecordingSource,
  format: FileHead<RecordingHeader>,
  version: number,
): { header: RecordingHeader; end: number; checksum: number } {
  try {
    const start = bytesAt(source, 0, Math.min(source.size, format.bytesOf(bytesAt(source, 0, HEAD_START))));
    const { head, end } = format.decode(start);
    const header = head as RecordingHeader;
    if (header.format === version && isSoundHeader(header)) return { header, end, checksum: crc32c(start, 0, end) };
  } catch (error) {
    if (!(error instanceof StateError)) throw error;
  }
  throw damaged(0);
}

function damaged(piece: number): RecordingError {
  return new RecordingError({ kind: "damaged piece", piece });
}

/** Where a piece lies, and which entries are in it. */
interface Piece extends PieceHeader {
  /** From 1. */
  readonly number: number;
  /** Of what is stored. */
  readonly position: number;
  readonly firstEvent: number;
  readonly firstAnswer: number;
}

interface Unpacked {
  readonly events: readonly RecordedEvent[];
  readonly answers: readonly RecordedAnswer[];
  readonly end: RecordingEnd | null;
}

class Pieces implements Recording {
  readonly header: RecordingHeader;
  readonly events: RecordedList<RecordedEvent>;
  readonly answers: RecordedList<RecordedAnswer>;
  end: RecordingEnd | null = null;
  readonly #source: RecordingSource;
  readonly #codec: CompressionCodec;
  readonly #pieces: Piece[] = [];
  readonly #imagePieces: Piece[] = [];
  #eventCount = 0;
  #answerCount = 0;
  /** By number; who was asked for longest ago is the first. */
  readonly #unpacked = new Map<number, Unpacked>();

  constructor(source: RecordingSource, codec: CompressionCodec, header: RecordingHeader) {
    this.#source = source;
    this.#codec = codec;
    this.header = header;
    const list = <Entry>(length: () => number, first: FirstOf, entries: (unpacked: Unpacked) => readonly Entry[]) =>
      new PieceList(length, (index) => {
        const piece = this.#pieceOf(index, first);
        return entries(this.#unpack(piece))[index - piece[first]];
      });
    this.events = list(
      () => this.#eventCount,
      "firstEvent",
      ({ events }) => events,
    );
    this.answers = list(
      () => this.#answerCount,
      "firstAnswer",
      ({ answers }) => answers,
    );
  }

  /** Every byte. @param position  of the first piece. @param checksum  of what is before it. @throws RecordingError */
  look(position: number, checksum: number): void {
    const { size } = this.#source;
    const bytes = new Uint8Array(Math.min(LOOK_BYTES, size));
    for (let number = 1; position + PIECE_HEADER <= size; number++) {
      const header = pieceHeaderOf(bytesAt(this.#source, position, PIECE_HEADER), checksum);
      const isImage = header?.events === IMAGE_PIECE;
      if (header === null || isImage !== (this.end !== null) || this.#imagePieces.at(-1)?.answers === 0)
        throw damaged(number);
      position += PIECE_HEADER;
      if (position + header.storedBytes > size) {
        if (isImage) throw damaged(number);
        // The run was killed while this one was written.
        return;
      }
      const [firstEvent, firstAnswer] = [this.#eventCount, this.#answerCount];
      const piece: Piece = { ...header, number, position, firstEvent, firstAnswer };
      this.#check(piece, bytes);
      position += header.storedBytes;
      checksum = header.own;
      if (isImage) {
        if (header.answers !== (this.#imagePieces.at(-1)?.answers ?? header.answers + 1) - 1) throw damaged(number);
        this.#imagePieces.push(piece);
        continue;
      }
      if (header.events + header.answers === 0) this.end = this.#unpack(piece).end;
      else this.#pieces.push(piece);
      this.#eventCount += header.events;
      this.#answerCount += header.answers;
    }
    const isWhole = position === size && (this.#imagePieces.at(-1)?.answers ?? 0) === 0;
    if (this.end !== null && !isWhole) throw damaged(this.#pieces.length + this.#imagePieces.length + 2);
  }

  #check({ number, position, storedBytes, checksum }: Piece, bytes: Uint8Array): void {
    let sum = 0;
    for (let done = 0; done < storedBytes;) {
      const part = bytes.subarray(0, Math.min(bytes.length, storedBytes - done));
      if (this.#source.read(position + done, part) < part.length) throw damaged(number);
      sum = crc32c(part, 0, part.length, sum);
      done += part.length;
    }
    if (sum !== checksum) throw damaged(number);
  }

  /** @param index  of an entry that there is */
  #pieceOf(index: number, first: FirstOf): Piece {
    let [low, high] = [0, this.#pieces.length - 1];
    // The last one that begins there or before: one without such entries begins where the next one does.
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.#pieces[middle]![first] <= index) low = middle;
      else high = middle - 1;
    }
    return this.#pieces[low]!;
  }

  #unpack(piece: Piece): Unpacked {
    const known = this.#unpacked.get(piece.number);
    if (known !== undefined) {
      this.#unpacked.delete(piece.number);
      this.#unpacked.set(piece.number, known);
      return known;
    }
    const unpacked = this.#entriesOf(piece);
    this.#unpacked.set(piece.number, unpacked);
    if (this.#unpacked.size > UNPACKED_MAX) this.#unpacked.delete(this.#unpacked.keys().next().value!);
    return unpacked;
  }

  *imageParts(): Generator<RecordedBlocks, void> {
    for (const piece of this.#imagePieces)
      for (const entry of this.#entriesIn(piece)) {
        if (entry.kind !== "blocks") throw damaged(piece.number);
        yield entry;
      }
  }

  /** @throws RecordingError  somebody has made it by hand, or changed it since it was looked at */
  #entriesIn({ number, position, storedBytes, contentBytes, checksum }: Piece): StoredEntry[] {
    const stored = bytesAt(this.#source, position, storedBytes);
    if (stored.length < storedBytes || crc32c(stored) !== checksum) throw damaged(number);
    let content = stored;
    if (storedBytes < contentBytes) {
      content = new Uint8Array(contentBytes);
      if (!this.#codec.decompress(stored, 0, storedBytes, content, 0, contentBytes)) throw damaged(number);
    }
    const entries = decodeEntries(content);
    if (entries === null || !entries.every((entry) => isSoundEntry(entry, this.header))) throw damaged(number);
    return entries;
  }

  #entriesOf(piece: Piece): Unpacked {
    const entries = this.#entriesIn(piece);
    const { number, ...counts } = piece;
    const answers = entries.filter((entry) => entry.kind === "host");
    const ends = entries.filter((entry) => entry.kind === "exit");
    const events = entries.filter((entry) => entry.kind !== "host" && entry.kind !== "exit" && entry.kind !== "blocks");
    const isEnd = counts.events + counts.answers === 0;
    if (events.length + answers.length + ends.length !== entries.length) throw damaged(number);
    if (events.length !== counts.events || answers.length !== counts.answers || ends.length !== (isEnd ? 1 : 0))
      throw damaged(number);
    return { events, answers, end: ends[0] ?? null };
  }
}

type FirstOf = "firstEvent" | "firstAnswer";

class PieceList<Entry> implements RecordedList<Entry> {
  readonly #length: () => number;
  readonly #at: (index: number) => Entry | undefined;
  /** What was asked for last, as it is asked for each turn. */
  #last: { readonly index: number; readonly entry: Entry | undefined } | null = null;

  constructor(length: () => number, at: (index: number) => Entry | undefined) {
    this.#length = length;
    this.#at = at;
  }

  get length(): number {
    return this.#length();
  }

  at(index: number): Entry | undefined {
    if (index < 0 || index >= this.length) return undefined;
    if (this.#last?.index !== index) this.#last = { index, entry: this.#at(index) };
    return this.#last.entry;
  }
}
