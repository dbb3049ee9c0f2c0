/** A layer of a pack as a read-only block device: chunks come when they are read, groups when they are given. */
import { EIO } from "@stratos/abi";
import { BLOCK_SIZE } from "@stratos/aegisfs";
import type { CompressionCodec } from "@stratos/host";
import { ReadOnlyDevice } from "../read-only-device.ts";
import { CHUNK, CHUNK_BLOCKS, chunkPiece, groupBlocks, type PackGroup, type PackLayer } from "./pack-index.ts";
import type { PieceName } from "./pack-index.ts";

/** A piece's file, whose content is what its name says; waits until it can be had. Null: it never can be. */
type TakePiece = (piece: PieceName) => Uint8Array | null;

/** Chunks kept: 32 MiB. The kernel keeps the pages that programs use, so this is for what lies beside them. */
const KEPT_MAX = 256;

export class PackDevice extends ReadOnlyDevice {
  readonly size: number;
  readonly #layer: PackLayer;
  readonly #take: TakePiece;
  readonly #codec: CompressionCodec;
  /** Place of a chunk in the layer's lists, by its number. */
  readonly #places = new Map<number, number>();
  /** By number, the one used last at the end. */
  readonly #kept = new Map<number, Uint8Array>();
  /** Blocks that came in groups. */
  readonly #blocks = new Map<number, Uint8Array>();

  constructor(layer: PackLayer, take: TakePiece, codec: CompressionCodec) {
    super();
    this.size = Math.floor(layer.bytes / BLOCK_SIZE) * BLOCK_SIZE;
    this.#layer = layer;
    this.#take = take;
    this.#codec = codec;
    for (const [at, chunk] of layer.chunks.entries()) this.#places.set(chunk, at);
  }

  /** Takes over a block of a group. */
  give(block: number, content: Uint8Array): void {
    this.#blocks.set(block, content);
  }

  read(offset: number, bytes: Uint8Array, at: number, length: number): number {
    if (offset < 0 || offset + length > this.size) return -EIO;
    for (let done = 0; done < length;) {
      const block = Math.floor((offset + done) / BLOCK_SIZE);
      const within = (offset + done) % BLOCK_SIZE;
      const given = this.#blocks.get(block);
      if (given !== undefined) {
        const count = Math.min(length - done, BLOCK_SIZE - within);
        bytes.set(given.subarray(within, within + count), at + done);
        done += count;
        continue;
      }
      const chunk = Math.floor(block / CHUNK_BLOCKS);
      const place = this.#places.get(chunk);
      const from = offset + done - chunk * CHUNK;
      const count = Math.min(length - done, CHUNK - from);
      const content = place === undefined ? null : this.#chunk(chunk, place);
      if (place !== undefined && content === null) return -EIO;
      if (content === null) bytes.fill(0, at + done, at + done + count);
      else bytes.set(content.subarray(from, from + count), at + done);
      done += count;
    }
    return 0;
  }

  #chunk(chunk: number, place: number): Uint8Array | null {
    const kept = this.#kept.get(chunk);
    if (kept !== undefined) {
      this.#kept.delete(chunk);
      this.#kept.set(chunk, kept);
      return kept;
    }
    const file = this.#take(chunkPiece(this.#layer, place));
    const content = new Uint8Array(CHUNK);
    if (file === null || !this.#codec.decompress(file, 0, file.length, content, 0, CHUNK)) return null;
    this.#kept.set(chunk, content);
    for (const old of this.#kept.keys()) {
      if (this.#kept.size <= KEPT_MAX) break;
      this.#kept.delete(old);
    }
    return content;
  }

  close(): void {
    this.#kept.clear();
    this.#blocks.clear();
  }
}

/** Hands out the blocks of a group. @returns false: it is damaged */
export function giveGroup(
  devices: readonly PackDevice[],
  group: PackGroup,
  file: Uint8Array,
  codec: CompressionCodec,
): boolean {
  const content = new Uint8Array(groupBlocks(group) * BLOCK_SIZE);
  if (!codec.decompress(file, 0, file.length, content, 0, content.length)) return false;
  let at = 0;
  for (let run = 0; run < group.runs.length; run += 3) {
    const device = devices[group.runs[run]!]!;
    const first = group.runs[run + 1]!;
    for (let block = first; block < first + group.runs[run + 2]!; block++) {
      device.give(block, content.subarray(at, at + BLOCK_SIZE));
      at += BLOCK_SIZE;
    }
  }
  return true;
}
