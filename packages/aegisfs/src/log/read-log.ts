/**
 * Which batches of the intent log count. A batch was flushed before the next one was written: so only the last one may
 * be torn, or miss blocks that it maps. Nobody was told then that it is durable, and it does not count.
 *
 * But a block of a batch that was durable may rot, and must not take what else was synced with it. So once a batch is
 * flushed, a *receipt* is written behind it, to the block where the next one begins, and not flushed: that costs no
 * wait, and mostly not even a write, since the next batch takes its place in the host's memory. What has a receipt was
 * durable. Without one (the power went at once) it is judged by its content, as before.
 */
import {
  EXTENT_AT_BLOCK,
  EXTENT_AT_CHECKSUMS,
  EXTENT_AT_FLAGS,
  EXTENT_AT_LENGTH,
  EXTENT_UNWRITTEN,
} from "../format/extent-item.ts";
import { BLOCK_SIZE } from "../format/geometry.ts";
import {
  BATCH_AT_CHECKSUM,
  BATCH_AT_GENERATION,
  BATCH_AT_MAGIC,
  BATCH_AT_NUMBER,
  BATCH_AT_PREVIOUS,
  BATCH_AT_RECORDS,
  BATCH_AT_WORDS,
  BATCH_HEADER_WORDS,
  LOG_MAGIC,
  LOG_RECEIPT_MAGIC,
  RECEIPT_WORDS,
} from "../format/log-layout.ts";
import { checksumWords } from "../store/checksum.ts";
import type { Volume } from "../volume/volume.ts";
import { eachExtent, type Batch } from "./record-reader.ts";

interface FoundLog {
  /** Those that count, in order. */
  readonly batches: Batch[];
  /** Batches behind them that were durable and cannot be read any more. */
  readonly lost: number;
}

/**
 * Throws Failure for a batch that makes no sense. Also of a volume that is mounted, whose log grows meanwhile: it
 * begins anew while that happens, at most once for each batch that the log has room for.
 */
export function readLog(volume: Volume): FoundLog {
  const { batches, end } = readBatches(volume);
  const last = batches[batches.length - 1];
  const receipt = readReceipt(volume, end);
  if (last !== undefined && receipt !== null && receipt.number === batches.length && receipt.checksum === last.checksum)
    return { batches, lost: 0 };
  const durable = batches.length === 0 && isVoid(volume) ? 0 : durableBatches(volume, end);
  if (durable > batches.length) {
    // Who serves the volume may have gone on since the batches were read, and those are there then.
    if (readBatches(volume).batches.length > batches.length) return readLog(volume);
    return { batches, lost: durable - batches.length };
  }
  if (last !== undefined && !isContentThere(volume, last)) batches.pop();
  return { batches, lost: 0 };
}

/** Puts the receipt for a batch into `bytes`, a block of zeros. */
export function putReceipt(bytes: Uint8Array, generation: number, number: number, checksum: number): void {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, RECEIPT_WORDS);
  words[BATCH_AT_MAGIC] = LOG_RECEIPT_MAGIC;
  words[BATCH_AT_GENERATION] = generation >>> 0;
  words[BATCH_AT_GENERATION + 1] = Math.floor(generation / 0x100000000);
  words[BATCH_AT_NUMBER] = number;
  words[BATCH_AT_PREVIOUS] = checksum;
  words[BATCH_AT_CHECKSUM] = checksumWords(
    new Int32Array(words.buffer, words.byteOffset, RECEIPT_WORDS),
    0,
    RECEIPT_WORDS,
    0,
  );
}

/** Is this the head of the first batch after that generation? */
export function isFirstBatch(head: Uint32Array, generation: number): boolean {
  return head[BATCH_AT_MAGIC] === LOG_MAGIC && generationOf(head) === generation && head[BATCH_AT_NUMBER] === 1;
}

function generationOf(head: Uint32Array): number {
  return head[BATCH_AT_GENERATION]! + head[BATCH_AT_GENERATION + 1]! * 0x100000000;
}

interface Receipt {
  readonly number: number;
  readonly checksum: number;
}

/** The receipt in that block of the log, from whichever copy has one; null when it is none of this generation. */
function readReceipt({ store, superblock }: Volume, block: number): Receipt | null {
  if (block >= superblock.logStart + superblock.logBlocks) return null;
  const bytes = new Uint8Array(BLOCK_SIZE);
  for (let copy = 0, copies = store.copies(block, 1); copy < copies; copy++) {
    const receipt = store.readCopy(block, 1, copy, bytes, 0) ? receiptIn(bytes, superblock.generation) : null;
    if (receipt !== null) return receipt;
  }
  return null;
}

function receiptIn(bytes: Uint8Array, generation: number): Receipt | null {
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, RECEIPT_WORDS);
  if (words[BATCH_AT_MAGIC] !== LOG_RECEIPT_MAGIC || generationOf(words) !== generation) return null;
  const checksum = words[BATCH_AT_CHECKSUM]!;
  words[BATCH_AT_CHECKSUM] = 0;
  const isRight =
    checksumWords(new Int32Array(bytes.buffer, bytes.byteOffset, RECEIPT_WORDS), 0, RECEIPT_WORDS, 0) === checksum;
  return isRight ? { number: words[BATCH_AT_NUMBER]!, checksum: words[BATCH_AT_PREVIOUS]! } : null;
}

/**
 * How many batches were durable once, by the receipts in the log from a block on, its bound being the log's (4 MiB).
 */
function durableBatches(volume: Volume, from: number): number {
  const { logStart, logBlocks } = volume.superblock;
  let durable = 0;
  for (let block = from; block < logStart + logBlocks; block++)
    durable = Math.max(durable, readReceipt(volume, block)?.number ?? 0);
  return durable;
}

/**
 * Was surely nothing written to the log since its superblock? Then its first block has something else, or a whole batch
 * of an older generation.
 */
function isVoid({ store, superblock }: Volume): boolean {
  const block = new Uint8Array(BLOCK_SIZE);
  const head = new Uint32Array(block.buffer);
  if (!store.readCopy(superblock.logStart, 1, 0, block, 0)) return false;
  if (head[BATCH_AT_MAGIC] !== LOG_MAGIC) return generationOf(head) !== superblock.generation;
  const generation = generationOf(head);
  return (
    generation < superblock.generation &&
    checkedBatch(store, superblock.logStart, superblock.logBlocks, 0, head) !== null
  );
}

function readBatches(volume: Volume): { batches: Batch[]; end: number } {
  const { store, superblock } = volume;
  const batches: Batch[] = [];
  let previous = 0;
  let used = 0;
  while (used < superblock.logBlocks) {
    // A device that failed, or lost power first, may have missed what another one has.
    const start = superblock.logStart + used;
    let batch: Batch | null = null;
    for (let copy = 0, copies = store.copies(start, 1); copy < copies && batch === null; copy++)
      batch = readBatch(volume, start, copy, batches.length + 1, previous);
    if (batch === null) break;
    batches.push(batch);
    previous = batch.checksum;
    used += Math.ceil((batch.words.length * 4) / BLOCK_SIZE);
  }
  return { batches, end: superblock.logStart + used };
}

/** The batch that begins at a block, as one copy has it; null when it is not the one that is looked for. */
function readBatch(
  { store, superblock }: Volume,
  start: number,
  copy: number,
  number: number,
  previous: number,
): Batch | null {
  const block = new Uint8Array(BLOCK_SIZE);
  const head = new Uint32Array(block.buffer);
  // Torn blocks cannot be read where the device itself has checksums, as an encrypted one has: that is no worse than
  // what ours would say.
  if (!store.readCopy(start, 1, copy, block, 0)) return null;
  if (
    head[BATCH_AT_MAGIC] !== LOG_MAGIC ||
    generationOf(head) !== superblock.generation ||
    head[BATCH_AT_NUMBER] !== number ||
    head[BATCH_AT_PREVIOUS] !== previous
  )
    return null;
  return checkedBatch(store, start, superblock.logStart + superblock.logBlocks - start, copy, head);
}

/** The batch with that head, null when its checksum is not right. */
function checkedBatch(
  store: Volume["store"],
  start: number,
  room: number,
  copy: number,
  head: Uint32Array,
): Batch | null {
  const count = head[BATCH_AT_WORDS]!;
  const blocks = Math.ceil((count * 4) / BLOCK_SIZE);
  if (count < BATCH_HEADER_WORDS || (count & 3) !== 0 || blocks > room) return null;
  const bytes = new Uint8Array(blocks * BLOCK_SIZE);
  if (!store.readCopy(start, blocks, copy, bytes, 0)) return null;
  const words = new Uint32Array(bytes.buffer);
  const checksum = words[BATCH_AT_CHECKSUM]!;
  words[BATCH_AT_CHECKSUM] = 0;
  if (checksumWords(new Int32Array(bytes.buffer), 0, count, 0) !== checksum) return null;
  return { words: words.subarray(0, count), records: words[BATCH_AT_RECORDS]!, checksum };
}

function isContentThere(volume: Volume, batch: Batch): boolean {
  let whole = true;
  eachExtent(batch, (words, at) => (whole &&= isExtentThere(volume, words, at)));
  return whole;
}

/** Blocks that batches which count map, and that are not what they were. Throws Failure. */
export function damagedContent(
  { store }: Volume,
  batches: readonly Batch[],
): { subvolume: number; ino: number; block: number }[] {
  const damaged: { subvolume: number; ino: number; block: number }[] = [];
  // A later batch may have mapped the same place of the file anew; its blocks are others.
  for (const batch of batches) {
    eachExtent(batch, (words, at, subvolume, ino) => {
      if ((words[at + EXTENT_AT_FLAGS]! & EXTENT_UNWRITTEN) !== 0) return;
      for (let offset = 0, stored = words[at + EXTENT_AT_LENGTH]! >>> 16; offset < stored; offset++) {
        const block = words[at + EXTENT_AT_BLOCK]! + offset;
        if (!store.hasMatch(block, words[at + EXTENT_AT_CHECKSUMS + offset]!)) damaged.push({ subvolume, ino, block });
      }
    });
  }
  return damaged;
}

function isExtentThere({ store }: Volume, words: Uint32Array, at: number): boolean {
  if ((words[at + EXTENT_AT_FLAGS]! & EXTENT_UNWRITTEN) !== 0) return true;
  const stored = words[at + EXTENT_AT_LENGTH]! >>> 16;
  for (let offset = 0; offset < stored; offset++)
    if (!store.hasMatch(words[at + EXTENT_AT_BLOCK]! + offset, words[at + EXTENT_AT_CHECKSUMS + offset]!)) return false;
  return true;
}
