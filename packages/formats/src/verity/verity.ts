/**
 * dm-verity: a tree of hashes over blocks that are only read, whose root hash vouches for all of them. Source: Linux
 * Documentation/admin-guide/device-mapper/verity.rst; cryptsetup lib/verity/verity.c (superblock), verity_hash.c (order
 * of levels), version 1 of the hash format: the salt goes first.
 *
 *     superblock │ level that one block holds │ … │ hashes of the data's blocks
 */
import { byteStringOf } from "@stratos/base";
import type { Codecs } from "../codecs.ts";
import { readBytes, viewOf, writeU64, type Disk } from "../disk/disk.ts";
import { FormatError } from "../format-error.ts";
import { uuidBytes } from "../gpt/guid.ts";

export const VERITY_BLOCK = 4096;
const DIGEST = 32;
const PER_BLOCK = VERITY_BLOCK / DIGEST;
const SUPERBLOCK = 512;
const SALT_MAX = 256;
const READ = 256 * VERITY_BLOCK;

export interface VerityOptions {
  readonly uuid: string;
  readonly salt: Uint8Array;
}

/** Bytes that superblock and hashes for so much data take. */
export function veritySizeFor(dataSize: number): number {
  return (1 + levelsFor(dataSize / VERITY_BLOCK).reduce((sum, blocks) => sum + blocks, 0)) * VERITY_BLOCK;
}

/** Blocks of each level, that of the data's own hashes first. */
function levelsFor(dataBlocks: number): number[] {
  const levels: number[] = [];
  for (let count = dataBlocks; count > 1;) levels.push((count = Math.ceil(count / PER_BLOCK)));
  return levels;
}

/**
 * Writes superblock and hashes for all of `data`.
 *
 * @returns the root hash, 64 digits
 * @throws FormatError  the data is no number of whole blocks, or the hashes have no room
 */
export function writeVerity(
  data: Disk,
  hashes: Disk,
  { uuid, salt }: VerityOptions,
  codecs: Pick<Codecs, "sha256">,
): string {
  if (data.size === 0 || data.size % VERITY_BLOCK !== 0)
    throw new FormatError(`${data.size} bytes are no number of whole blocks of ${VERITY_BLOCK}`);
  if (hashes.size < veritySizeFor(data.size))
    throw new FormatError(`the hashes of ${data.size} bytes need ${veritySizeFor(data.size)}, and have ${hashes.size}`);
  if (salt.length > SALT_MAX) throw new FormatError(`a salt has at most ${SALT_MAX} bytes`);
  const levels = levelsFor(data.size / VERITY_BLOCK);
  // The smallest level stands first.
  const starts = levels.map((_, level) => 1 + levels.slice(level + 1).reduce((sum, blocks) => sum + blocks, 0));
  let below: Disk = data,
    from = 0,
    size = data.size;
  levels.forEach((blocks, level) => {
    hashLevel(below, from, size, { hashes, at: starts[level]! * VERITY_BLOCK, blocks }, salt, codecs);
    [below, from, size] = [hashes, starts[level]! * VERITY_BLOCK, blocks * VERITY_BLOCK];
  });
  hashes.write(0, superblock(uuid, salt, data.size / VERITY_BLOCK));
  return hashOf(readBytes(below, from, VERITY_BLOCK), salt, codecs);
}

function hashLevel(
  below: Disk,
  from: number,
  size: number,
  target: { hashes: Disk; at: number; blocks: number },
  salt: Uint8Array,
  codecs: Pick<Codecs, "sha256">,
): void {
  const block = new Uint8Array(VERITY_BLOCK),
    buffer = new Uint8Array(Math.min(READ, size));
  let fill = 0,
    at = target.at;
  for (let done = 0; done < size; done += buffer.length) {
    const piece = buffer.subarray(0, Math.min(buffer.length, size - done));
    below.read(from + done, piece);
    for (let offset = 0; offset < piece.length; offset += VERITY_BLOCK) {
      putHex(block, fill, hashOf(piece.subarray(offset, offset + VERITY_BLOCK), salt, codecs));
      fill += DIGEST;
      if (fill < VERITY_BLOCK) continue;
      target.hashes.write(at, block);
      at += VERITY_BLOCK;
      fill = 0;
    }
  }
  if (fill > 0) target.hashes.write(at, block.fill(0, fill));
}

function hashOf(block: Uint8Array, salt: Uint8Array, codecs: Pick<Codecs, "sha256">): string {
  const digest = codecs.sha256();
  digest.update(salt);
  digest.update(block);
  return digest.hex();
}

function putHex(into: Uint8Array, at: number, hex: string): void {
  for (let index = 0; index < DIGEST; index++) into[at + index] = parseInt(hex.slice(index * 2, index * 2 + 2), 16);
}

/** `struct verity_sb`. */
function superblock(uuid: string, salt: Uint8Array, dataBlocks: number): Uint8Array {
  const bytes = new Uint8Array(SUPERBLOCK),
    view = viewOf(bytes);
  bytes.set(byteStringOf("verity\0\0"));
  view.setUint32(8, 1, true);
  view.setUint32(12, 1, true);
  bytes.set(uuidBytes(uuid), 16);
  bytes.set(byteStringOf("sha256"), 32);
  view.setUint32(64, VERITY_BLOCK, true);
  view.setUint32(68, VERITY_BLOCK, true);
  writeU64(view, 72, dataBlocks);
  view.setUint16(80, salt.length, true);
  bytes.set(salt, 88);
  return bytes;
}
