/** Writes a recording as the run goes, a piece at a time (recording-pieces.ts), so that it takes memory for one. */
import { crc32c } from "@stratos/base";
import type { CompressionCodec } from "@stratos/host";
import { CALL_WORK } from "@stratos/kernel";
import {
  type RecordedBlocks,
  type RecordedEntry,
  RECORDING_VERSION,
  type RecordingHeader,
} from "./recording-format.ts";
import {
  type EncodedEntry,
  encodeEntry,
  IMAGE_PIECE,
  PIECE_BYTES,
  PIECE_HEADER,
  putEntry,
  putPieceHeader,
  RECORDING_HEAD,
} from "./recording-pieces.ts";

/** What a run says of itself; how it is recorded is the writer's to say. */
export type RecordedRun = Omit<RecordingHeader, "format" | "callWork">;

export interface RecordingSink {
  readonly codec: CompressionCodec;
  /** Takes the file in order; the bytes are another's afterwards. */
  readonly write: (bytes: Uint8Array) => void;
}

/** Fast: the run waits for it. */
const LEVEL = 1;

export class RecordingWriter {
  readonly #sink: RecordingSink;
  #content: Uint8Array = new Uint8Array(PIECE_BYTES);
  #contentBytes = 0;
  #piece: Uint8Array = new Uint8Array(PIECE_HEADER + PIECE_BYTES);
  #events = 0;
  #answers = 0;
  /** Of the header before. */
  #checksum: number;

  constructor(run: RecordedRun, sink: RecordingSink) {
    this.#sink = sink;
    const head = RECORDING_HEAD.encode({ ...run, format: RECORDING_VERSION, callWork: CALL_WORK });
    this.#checksum = crc32c(head);
    sink.write(head);
  }

  /** Something was added that no piece has yet. */
  get hasRest(): boolean {
    return this.#contentBytes > 0;
  }

  /** The end is the last. */
  add(entry: RecordedEntry): void {
    const encoded = encodeEntry(entry);
    const isEnd = entry.kind === "exit";
    if (isEnd || this.#contentBytes + encoded.length > PIECE_BYTES) this.flush();
    this.#put(encoded);
    if (entry.kind === "host") this.#answers++;
    else if (!isEnd) this.#events++;
    if (isEnd) this.flush();
  }

  /** Behind the end. @param count  how many parts there are */
  addImage(parts: Iterable<RecordedBlocks>, count: number): void {
    let left = count;
    for (const part of parts) {
      this.#put(encodeEntry(part));
      this.#writePiece(IMAGE_PIECE, --left);
    }
  }

  #put(encoded: EncodedEntry): void {
    if (this.#contentBytes + encoded.length > this.#content.length) this.#content = new Uint8Array(encoded.length);
    putEntry(encoded, this.#content, this.#contentBytes);
    this.#contentBytes += encoded.length;
  }

  /** Writes what was added, however little that is. */
  flush(): void {
    if (this.#contentBytes > 0) this.#writePiece(this.#events, this.#answers);
  }

  #writePiece(events: number, answers: number): void {
    const content = this.#content.subarray(0, this.#contentBytes);
    if (this.#piece.length < PIECE_HEADER + content.length) this.#piece = new Uint8Array(PIECE_HEADER + content.length);
    const packed = this.#piece.subarray(PIECE_HEADER, PIECE_HEADER + content.length - 1);
    let storedBytes = this.#sink.codec.compress(content, 0, content.length, packed, LEVEL);
    if (storedBytes === 0) {
      this.#piece.set(content, PIECE_HEADER);
      storedBytes = content.length;
    }
    const end = PIECE_HEADER + storedBytes;
    const checksum = crc32c(this.#piece, PIECE_HEADER, end);
    const header = { storedBytes, contentBytes: content.length, events, answers, checksum };
    this.#checksum = putPieceHeader(this.#piece, header, this.#checksum);
    [this.#contentBytes, this.#events, this.#answers] = [0, 0, 0];
    this.#sink.write(this.#piece.subarray(0, end));
    // One entry was long; the next ones will not be.
    if (this.#content.length > PIECE_BYTES) this.#content = new Uint8Array(PIECE_BYTES);
    if (this.#piece.length > PIECE_HEADER + PIECE_BYTES) this.#piece = new Uint8Array(PIECE_HEADER + PIECE_BYTES);
  }
}
