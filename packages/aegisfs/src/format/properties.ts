/**
 * How the content of a file is kept (FORMAT.md §5.4): a word of its inode, which new files take from their folder;
 * parts that it leaves unset come from the subvolume's word, then from the volume's.
 *
 *   bits 0–7     compression: 0 unset, 1 none, 2 lz4, 3 zstd
 *   bits 8–15    its level; 0: the default
 *   bits 16–23   tier: 0 unset, 1 anywhere, 2 fast, 3 slow
 *   bits 24–25   deduplication on write: 0 unset, 1 off, 2 on
 */
export const COMPRESS_UNSET = 0;
export const COMPRESS_NONE = 1;
export const COMPRESS_LZ4 = 2;
export const COMPRESS_ZSTD = 3;

export const TIER_UNSET = 0;
export const TIER_ANY = 1;
export const TIER_FAST = 2;
export const TIER_SLOW = 3;

export const DEDUPE_UNSET = 0;
export const DEDUPE_OFF = 1;
export const DEDUPE_ON = 2;

/** All bits that mean something. */
export const PROPERTIES_MAX = 0x3ffffff;

const COMPRESSION = 0xffff;
const TIER = 0xff0000;
const DEDUPE = 0x3000000;

export function compressionOf(properties: number): number {
  return properties & 0xff;
}

export function levelOf(properties: number): number {
  return (properties >>> 8) & 0xff;
}

export function tierOf(properties: number): number {
  return (properties >>> 16) & 0xff;
}

export function dedupeOf(properties: number): number {
  return (properties >>> 24) & 3;
}

export function withDedupe(properties: number, dedupe: number): number {
  return ((properties & ~DEDUPE) | ((dedupe & 3) << 24)) >>> 0;
}

/** `properties` with another compression; an unset one takes the level along. */
export function withCompression(properties: number, compression: number, level: number): number {
  return ((properties & ~COMPRESSION) | (compression & 0xff) | ((level & 0xff) << 8)) >>> 0;
}

export function withTier(properties: number, tier: number): number {
  return ((properties & ~TIER) | ((tier & 0xff) << 16)) >>> 0;
}

/** What is set in `properties`, the rest from `otherwise`. */
export function propertiesOr(properties: number, otherwise: number): number {
  let result = properties;
  if (compressionOf(result) === COMPRESS_UNSET) result = (result & ~COMPRESSION) | (otherwise & COMPRESSION);
  if (tierOf(result) === TIER_UNSET) result = (result & ~TIER) | (otherwise & TIER);
  if (dedupeOf(result) === DEDUPE_UNSET) result = (result & ~DEDUPE) | (otherwise & DEDUPE);
  return result >>> 0;
}
