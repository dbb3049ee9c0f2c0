/**
 * An image as a pack: a folder that any web server of files can give, in pieces that are compressed and named by their
 * content, so that they may be kept for ever.
 *
 *     image.json          PackDescription: what it is, and which index
 *     index-HASH.zst      PackIndex, as JSON
 *     pieces/HASH.zst     a piece: one Zstandard frame
 *
 * HASH is the first half of a SHA-256 of the file's bytes, in hexadecimal digits. A piece is a chunk of a layer (CHUNK
 * bytes at a multiple of that), or a group: the blocks that some work reads, in the order of their places, so that one
 * request brings them all. Blocks that are in no piece are zeros: the volume does not use them.
 */
import { BLOCK_SIZE } from "@stratos/aegisfs";
import { sha256 } from "@stratos/base";

export const PACK_FORMAT = 2;
/** Bytes of a chunk. Larger ones fetch more in vain, smaller ones cost more trips. */
export const CHUNK: number = 1 << 17;
export const CHUNK_BLOCKS: number = CHUNK / BLOCK_SIZE;
/** Digits of a name. */
const HASH_DIGITS = 32;
/** Far more than an image has pieces: who opens a pack unpacks it. */
const INDEX_BYTES_MAX: number = 1 << 26;
/** As many as a run takes. */
const LAYERS_MAX = 32;
/** Most blocks of a group: 16 MiB. */
export const GROUP_BLOCKS_MAX = 4096;

/** `image.json` of a pack. */
export interface PackDescription {
  readonly format: typeof PACK_FORMAT;
  readonly name: string;
  readonly suite: string | null;
  readonly createdAt: string;
  readonly index: string;
  /** Bytes of the index, and of all chunks. */
  readonly indexBytes: number;
  readonly piecesBytes: number;
  /** Names the layers' content: state that was saved over it belongs to no other. */
  readonly content: string;
}

export interface PackIndex {
  readonly format: typeof PACK_FORMAT;
  readonly content: string;
  /** From the bottom up. */
  readonly layers: readonly PackLayer[];
  /** In the order in which they are wanted. */
  readonly groups: readonly PackGroup[];
  /** The volumes have compressed extents. */
  readonly isCompressed: boolean;
}

export interface PackLayer {
  /** Of the device, holes included. */
  readonly bytes: number;
  /** Numbers of the chunks, ascending; the bytes of their pieces; their names, one after the other. */
  readonly chunks: readonly number[];
  readonly stored: readonly number[];
  readonly hashes: string;
}

export interface PackGroup {
  readonly hash: string;
  readonly stored: number;
  /** Layer, first block and number of blocks of each run, one after the other. */
  readonly runs: readonly number[];
}

/** A piece's name and how many bytes its file has. */
export interface PieceName {
  readonly hash: string;
  readonly stored: number;
}

export function pieceHash(bytes: Uint8Array): string {
  return hashDigits(sha256(bytes).subarray(0, HASH_DIGITS / 2));
}

export function hashDigits(hash: Uint8Array): string {
  let text = "";
  for (const byte of hash) text += byte.toString(16).padStart(2, "0");
  return text;
}

export function chunkPiece(layer: PackLayer, at: number): PieceName {
  return { hash: layer.hashes.slice(at * HASH_DIGITS, (at + 1) * HASH_DIGITS), stored: layer.stored[at]! };
}

export function groupBlocks({ runs }: PackGroup): number {
  let blocks = 0;
  for (let at = 2; at < runs.length; at += 3) blocks += runs[at]!;
  return blocks;
}

/** All pieces of a pack: those of its groups first, in the order in which they are wanted. */
export function allPieces({ groups, layers }: PackIndex): PieceName[] {
  return [...groups, ...layers.flatMap((layer) => layer.chunks.map((_, at) => chunkPiece(layer, at)))];
}

/** @throws Error with words for people */
export function checkDescription(value: unknown, where: string): PackDescription {
  const it = value as Partial<PackDescription> | null;
  if (
    it?.format !== PACK_FORMAT ||
    !isHash(it.index) ||
    !isCount(it.indexBytes) ||
    it.indexBytes > INDEX_BYTES_MAX ||
    !isCount(it.piecesBytes) ||
    typeof it.content !== "string" ||
    typeof it.name !== "string"
  )
    throw new Error(`${where}: this describes no pack that this version can read`);
  return it as PackDescription;
}

/** Everything that is used of an index is checked here. @throws Error with words for people */
export function checkIndex(value: unknown, where: string): PackIndex {
  const it = value as Partial<PackIndex> | null;
  const { layers, groups } = it ?? {};
  const isWhole =
    it?.format === PACK_FORMAT &&
    typeof it.content === "string" &&
    Array.isArray(layers) &&
    layers.length >= 1 &&
    layers.length <= LAYERS_MAX &&
    layers.every(isLayer) &&
    Array.isArray(groups) &&
    groups.every((group) => isGroup(group, layers));
  if (!isWhole) throw new Error(`${where}: the pack's index is damaged`);
  return it as PackIndex;
}

function isLayer(layer: Partial<PackLayer> | null): boolean {
  const { bytes, chunks, stored, hashes } = layer ?? {};
  return (
    isCount(bytes) &&
    Array.isArray(chunks) &&
    Array.isArray(stored) &&
    stored.length === chunks.length &&
    typeof hashes === "string" &&
    hashes.length === chunks.length * HASH_DIGITS &&
    /^[0-9a-f]*$/.test(hashes) &&
    chunks.every((chunk, at) => isCount(chunk) && chunk * CHUNK < bytes && (at === 0 || chunk > chunks[at - 1])) &&
    stored.every(isStored)
  );
}

function isGroup(group: Partial<PackGroup> | null, layers: readonly PackLayer[]): boolean {
  const { hash, stored, runs } = group ?? {};
  if (!isHash(hash) || !isStored(stored) || !Array.isArray(runs) || runs.length % 3 !== 0) return false;
  for (let at = 0; at < runs.length; at += 3) {
    const [layer, first, count] = runs.slice(at, at + 3) as [unknown, unknown, unknown];
    if (!isCount(layer) || !isCount(first) || !isCount(count) || count === 0) return false;
    const device = layers[layer];
    if (device === undefined || (first + count) * BLOCK_SIZE > device.bytes) return false;
  }
  return groupBlocks(group as PackGroup) <= GROUP_BLOCKS_MAX;
}

function isHash(value: unknown): value is string {
  return typeof value === "string" && value.length === HASH_DIGITS && /^[0-9a-f]+$/.test(value);
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** No frame of a group or chunk is longer. */
function isStored(value: unknown): value is number {
  return isCount(value) && value > 0 && value <= GROUP_BLOCKS_MAX * BLOCK_SIZE + 65536;
}
