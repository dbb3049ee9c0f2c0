/** Values of `stratos fs` options: what they return can only be legal. */
import { InvalidArgumentError } from "commander";
import { bytesOfSize, LZ4_LEVEL_MAX } from "@stratos/base";
import type { SizeChange } from "@stratos/volumes";

const LABEL_BYTES_MAX = 63;
/** Beyond it block numbers end: 2^32 blocks of 4 KiB. */
const SIZE_MAX = 2 ** 44;

/** `512M`, `1.5G`, `1048576`: bytes, rounded down to whole blocks of 4096. */
export function parseSize(text: string): number {
  const bytes = bytesOfSize(text);
  if (bytes === undefined) throw new InvalidArgumentError("expected a size such as 512M or 20G");
  if (bytes > SIZE_MAX) throw new InvalidArgumentError("at most 16T is possible");
  return bytes - (bytes % 4096);
}

/** `20G`, `+1G`, `-512M`. */
export function parseSizeChange(text: string): SizeChange {
  const [, sign, size] = /^([+-]?)(.*)$/s.exec(text)!;
  return { bytes: parseSize(size!), from: sign === "+" ? "grow" : sign === "-" ? "shrink" : "zero" };
}

export function parseVolumeLabel(text: string): string {
  if (Buffer.byteLength(text) > LABEL_BYTES_MAX)
    throw new InvalidArgumentError(`a label has at most ${LABEL_BYTES_MAX} bytes`);
  return text;
}

/** `755`, `0644`. */
export function parseMode(text: string): number {
  if (!/^[0-7]{1,5}$/.test(text) || Number.parseInt(text, 8) > 0o7777)
    throw new InvalidArgumentError("expected an octal mode such as 755");
  return Number.parseInt(text, 8);
}

export function parseSnapshotLabel(text: string): string {
  if (Buffer.byteLength(text) > 1000) throw new InvalidArgumentError("a label has at most 1000 bytes");
  return text;
}

/** How many snapshots are kept. */
export function parseCount(text: string): number {
  if (!/^\d{1,5}$/.test(text) || Number(text) > 10_000) throw new InvalidArgumentError("expected a number up to 10000");
  return Number(text);
}

export function parseWholeNumber(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError("expected a number");
  return Number(text);
}

export interface CompressionChoice {
  readonly name: "none" | "lz4" | "zstd" /** 0: the codec's own. */;
  readonly level: number;
}

const COMPRESSION_LEVELS: Readonly<Record<string, number>> = { none: 0, lz4: LZ4_LEVEL_MAX, zstd: 19 };

/** `none`, `lz4`, `lz4:9`, `zstd`, `zstd:9`. */
export function parseCompression(text: string): CompressionChoice {
  const match = /^(none|lz4|zstd)(?::(\d{1,2}))?$/.exec(text);
  if (match === null || Number(match[2] ?? 0) > COMPRESSION_LEVELS[match[1]!]!)
    throw new InvalidArgumentError("expected none, lz4, zstd, lz4:LEVEL (1 to 12) or zstd:LEVEL (1 to 19)");
  return { name: match[1] as CompressionChoice["name"], level: Number(match[2] ?? 0) };
}

export function parseCopies(text: string): number {
  if (!/^[1-3]$/.test(text)) throw new InvalidArgumentError("expected 1, 2 or 3");
  return Number(text);
}

export function parsePositiveCount(text: string): number {
  if (!/^[1-9]\d{0,4}$/.test(text)) throw new InvalidArgumentError("expected a number above 0");
  return Number(text);
}

/** `80`: of a hundred. */
export function parsePercentage(text: string): number {
  if (!/^\d{1,3}$/.test(text) || Number(text) < 1 || Number(text) > 100)
    throw new InvalidArgumentError("expected a percentage from 1 to 100");
  return Number(text);
}
