/**
 * A pool of threads for compression (host, codec-pool.ts). The caller's thread works as well: it takes pieces from the
 * front, helpers take them from the back, and who comes first does a piece. So nothing waits for a helper that has not
 * begun, has not started yet, or cannot start at all.
 *
 * One shared buffer:
 *
 *     words     0 number of the batch, on which helpers sleep; 1 pieces; 2 what is done; 3 codec; 4 level
 *     pieces    8 words each: state, input, length, output, room, result
 *     packed    PIECES_MAX × PIECE_SIZE_MAX
 *     plain     the same: copies of what helpers may compress, and what they have decompressed
 *
 * States: idle ──► free ──► taken ──► done. Only what is free may be taken (by compare-and-exchange), and the caller
 * leaves when nothing is taken; so no
 * helper touches the buffer between two batches.
 */
import { availableParallelism } from "node:os";
import { Worker } from "node:worker_threads";
import { lz4 } from "@stratos/aegisfs";
import { PIECE_SIZE_MAX, PIECES_MAX, type CodecPool, type CompressionCodec } from "@stratos/host";
import { zstdCodec } from "./zstd-codec.ts";

/** By the number that threads tell each other. */
const CODECS: readonly CompressionCodec[] = [lz4, zstdCodec];
/** Beside this file: as source, or as the bundler leaves it. */
const WORKER_URL = new URL(
  import.meta.url.endsWith(".ts") ? "./codec-thread.ts" : "./codec-thread.mjs",
  import.meta.url,
);
/** With more, handing pieces out costs more than a further helper does. */
const HELPERS_MAX = 7;
/** Pieces after which it pays to start threads: 4 MiB. A command that reads one short file needs none. */
const PIECES_BEFORE_HELP = 64;
/** A helper that has taken a piece and is not done by then is given up, and the pool with it. */
const PATIENCE_MS = 10_000;

const BATCH = 0,
  COUNT = 1,
  OPERATION = 2,
  CODEC = 3,
  LEVEL = 4;
const COMPRESS = 1,
  DECOMPRESS = 2;
const FIRST_PIECE = 8,
  PIECE_WORDS = 8;
const STATE = 0,
  INPUT = 1,
  LENGTH = 2,
  OUTPUT = 3,
  ROOM = 4,
  RESULT = 5;
const IDLE = 0,
  FREE = 1,
  TAKEN = 2,
  DONE = 3;
const PACKED_AT = 4096,
  AREA_SIZE = PIECES_MAX * PIECE_SIZE_MAX,
  PLAIN_AT = PACKED_AT + AREA_SIZE;
const MEMORY_SIZE = PLAIN_AT + AREA_SIZE;

/** The buffer, as its users see it. */
class PoolMemory {
  readonly words: Int32Array;
  readonly packed: Uint8Array;
  readonly plain: Uint8Array;

  constructor(buffer: SharedArrayBuffer) {
    this.words = new Int32Array(buffer, 0, PACKED_AT / 4);
    this.packed = new Uint8Array(buffer, PACKED_AT, AREA_SIZE);
    this.plain = new Uint8Array(buffer, PLAIN_AT, AREA_SIZE);
  }
}

export class ThreadCodecPool implements CodecPool {
  /** Pieces that helpers did. */
  helped = 0;
  readonly #helpers: number;
  #memory: PoolMemory | null = null;
  #hasStarted = false;
  #pieces = 0;
  /** A helper may still be writing into memory that was given up: everything is done here from then on. */
  #isAlone: boolean;

  constructor(helpers: number = Math.min(availableParallelism() - 1, HELPERS_MAX)) {
    this.#helpers = helpers;
    this.#isAlone = helpers <= 0;
  }

  get packed(): Uint8Array {
    return this.#shared.packed;
  }

  get #shared(): PoolMemory {
    return (this.#memory ??= new PoolMemory(new SharedArrayBuffer(MEMORY_SIZE)));
  }

  setPiece(index: number, input: number, length: number, output: number, room: number): void {
    const { words } = this.#shared;
    const at = pieceAt(index);
    words[at + INPUT] = input;
    words[at + LENGTH] = length;
    words[at + OUTPUT] = output;
    words[at + ROOM] = room;
  }

  result(index: number): number {
    return this.#shared.words[pieceAt(index) + RESULT]!;
  }

  compress(codec: CompressionCodec, level: number, count: number, plain: Uint8Array, at: number): void {
    const memory = this.#shared;
    const { words } = memory;
    // Of what is to be compressed helpers need copies: they get their share.
    const first = this.#isHelped(codec, count) ? Math.floor(count / (this.#helpers + 1)) : count;
    for (let index = first; index < count; index++) {
      const input = at + words[pieceAt(index) + INPUT]!;
      memory.plain.set(plain.subarray(input, input + words[pieceAt(index) + LENGTH]!), index * PIECE_SIZE_MAX);
    }
    this.#begin(COMPRESS, codec, level, first, count);
    for (let index = 0; index < count; index++) {
      if (index >= first && !take(words, index)) continue;
      const piece = pieceAt(index);
      words[piece + RESULT] = codec.compress(
        plain,
        at + words[piece + INPUT]!,
        words[piece + LENGTH]!,
        room(memory.packed, words, piece),
        level,
      );
    }
    for (let index = first; index < count; index++) {
      if (this.#waitFor(index)) continue;
      const piece = pieceAt(index);
      this.#shared.words[piece + RESULT] = codec.compress(
        plain,
        at + words[piece + INPUT]!,
        words[piece + LENGTH]!,
        room(this.#shared.packed, words, piece),
        level,
      );
    }
  }

  decompress(codec: CompressionCodec, count: number, plain: Uint8Array, at: number): void {
    const memory = this.#shared;
    const { words } = memory;
    const first = this.#isHelped(codec, count) ? 0 : count;
    const unpack = (index: number): void => {
      const piece = pieceAt(index);
      const isWhole = codec.decompress(
        memory.packed,
        words[piece + INPUT]!,
        words[piece + LENGTH]!,
        plain,
        at + words[piece + OUTPUT]!,
        words[piece + ROOM]!,
      );
      this.#shared.words[piece + RESULT] = isWhole ? 1 : 0;
    };
    this.#begin(DECOMPRESS, codec, 0, first, count);
    for (let index = 0; index < count; index++) if (index < first || take(words, index)) unpack(index);
    for (let index = first; index < count; index++) {
      const piece = pieceAt(index);
      if (!this.#waitFor(index)) unpack(index);
      else if (words[piece + STATE] === DONE)
        plain.set(
          memory.plain.subarray(index * PIECE_SIZE_MAX, index * PIECE_SIZE_MAX + words[piece + ROOM]!),
          at + words[piece + OUTPUT]!,
        );
    }
  }

  #isHelped(codec: CompressionCodec, count: number): boolean {
    if (this.#isAlone || count < 2 || !CODECS.includes(codec)) return false;
    this.#pieces += count;
    if (this.#pieces > PIECES_BEFORE_HELP) this.#start();
    return this.#hasStarted;
  }

  #begin(operation: number, codec: CompressionCodec, level: number, first: number, count: number): void {
    const { words } = this.#shared;
    if (first === count) return;
    words[COUNT] = count;
    words[OPERATION] = operation;
    words[CODEC] = CODECS.indexOf(codec);
    words[LEVEL] = level;
    for (let index = 0; index < PIECES_MAX; index++)
      Atomics.store(words, pieceAt(index) + STATE, index >= first && index < count ? FREE : IDLE);
    Atomics.add(words, BATCH, 1);
    Atomics.notify(words, BATCH);
  }

  /**
   * Waits until a piece that was given out is done. False when it never will be: memory is another one then, and the
   * piece is to be done here.
   */
  #waitFor(index: number): boolean {
    const { words } = this.#shared;
    if (this.#isAlone) return false;
    const at = pieceAt(index) + STATE;
    while (Atomics.load(words, at) === TAKEN) {
      if (Atomics.wait(words, at, TAKEN, PATIENCE_MS) !== "timed-out" || Atomics.load(words, at) !== TAKEN) continue;
      this.#giveUp();
      return false;
    }
    if (words[at] === DONE) this.helped++;
    return true;
  }

  /** What helpers have of the old memory stays theirs; all pieces that are done come along. */
  #giveUp(): void {
    const old = this.#shared;
    const memory = new PoolMemory(new SharedArrayBuffer(MEMORY_SIZE));
    memory.words.set(old.words);
    memory.packed.set(old.packed);
    memory.plain.set(old.plain);
    this.#memory = memory;
    this.#isAlone = true;
  }

  #start(): void {
    if (this.#hasStarted) return;
    this.#hasStarted = true;
    const buffer = this.#shared.words.buffer;
    for (let helper = 0; helper < this.#helpers; helper++) {
      try {
        const thread = new Worker(WORKER_URL, {
          workerData: buffer,
          resourceLimits: { maxOldGenerationSizeMb: 64, maxYoungGenerationSizeMb: 8 },
        });
        // A thread that does not come is not missed.
        thread.on("error", () => {});
        thread.unref();
      } catch {
        return;
      }
    }
  }
}

/** What a helper does until its process ends. */
export function helpWith(buffer: SharedArrayBuffer): never {
  const memory = new PoolMemory(buffer);
  const { words } = memory;
  for (let seen = Atomics.load(words, BATCH) - 1; ;) {
    Atomics.wait(words, BATCH, seen);
    seen = Atomics.load(words, BATCH);
    for (let index = Math.min(words[COUNT]!, PIECES_MAX) - 1; index >= 0; index--) {
      const piece = pieceAt(index);
      if (Atomics.compareExchange(words, piece + STATE, FREE, TAKEN) !== FREE) continue;
      words[piece + RESULT] = doPiece(memory, index, piece);
      Atomics.store(words, piece + STATE, DONE);
      Atomics.notify(words, piece + STATE);
    }
  }
}

function doPiece(memory: PoolMemory, index: number, piece: number): number {
  const { words } = memory;
  const codec = CODECS[words[CODEC]!]!;
  if (words[OPERATION] === COMPRESS)
    return codec.compress(
      memory.plain,
      index * PIECE_SIZE_MAX,
      words[piece + LENGTH]!,
      room(memory.packed, words, piece),
      words[LEVEL]!,
    );
  return codec.decompress(
    memory.packed,
    words[piece + INPUT]!,
    words[piece + LENGTH]!,
    memory.plain,
    index * PIECE_SIZE_MAX,
    words[piece + ROOM]!,
  )
    ? 1
    : 0;
}

function pieceAt(index: number): number {
  return FIRST_PIECE + index * PIECE_WORDS;
}

function room(packed: Uint8Array, words: Int32Array, piece: number): Uint8Array {
  return packed.subarray(words[piece + OUTPUT]!, words[piece + OUTPUT]! + words[piece + ROOM]!);
}

/** Takes a piece back from the helpers, unless one has it. */
function take(words: Int32Array, index: number): boolean {
  return Atomics.compareExchange(words, pieceAt(index) + STATE, FREE, IDLE) === FREE;
}
