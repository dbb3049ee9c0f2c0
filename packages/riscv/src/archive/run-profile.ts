import { byteString, byteStringOf } from "@stratos/base";
import type { AddressMode } from "../access.ts";

/**
 * What a run has learned of one region of code, for `archive-builder.ts`, which runs when the run is over: which
 * targets were hot, and the bytes of the pages that they lie in.
 */
export interface RegionProfile {
  /** Of the file (host, ArchiveName). */
  readonly head: Uint8Array;
  readonly label: string;
  readonly mode: AddressMode;
  readonly start: number;
  readonly end: number;
  readonly pages: readonly ProfilePage[];
  readonly targets: readonly HotSpot[];
  /** Offsets of what the run has taken from the archive. */
  readonly used: readonly number[];
  /** Where jumps through registers went, by offset. */
  readonly jumps: readonly (readonly [from: number, targets: readonly number[]])[];
}

interface ProfilePage {
  /** In the region. */
  readonly index: number;
  readonly bytes: Uint8Array;
  /** A bit for each halfword that an executed instruction begins at. */
  readonly known: Uint8Array;
}

interface HotSpot {
  /** From the region's start. */
  readonly offset: number;
  /** As the interpreter counts it; what the run has translated is hotter than all else. */
  readonly heat: number;
  readonly isTranslated: boolean;
}

const MAGIC = 0x6b737032;
const PAGE = 4096;
const KNOWN = PAGE / 16;

/** Bytes of a profile: a header in JSON, its size before it, and the pages' bytes behind it. */
export function writeProfiles(regions: readonly RegionProfile[]): Uint8Array {
  const header = JSON.stringify(
    regions.map(({ head, label, mode, start, end, pages, targets, used, jumps }) => ({
      headSize: head.length,
      label,
      mode,
      start,
      end,
      pages: pages.map(({ index }) => index),
      targets: targets.map(({ offset, heat, isTranslated }) => [offset, heat, isTranslated ? 1 : 0]),
      used,
      jumps,
    })),
  );
  const text = byteStringOf(header);
  let size = 8 + text.length;
  for (const region of regions) size += region.head.length + region.pages.length * (PAGE + KNOWN);
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, MAGIC, true);
  view.setUint32(4, text.length, true);
  bytes.set(text, 8);
  let at = 8 + text.length;
  const append = (part: Uint8Array): void => {
    bytes.set(part, at);
    at += part.length;
  };
  for (const { head, pages } of regions) {
    append(head);
    for (const page of pages) {
      append(page.bytes);
      append(page.known);
    }
  }
  return bytes;
}

/** What JSON.parse gives of the header. */
interface StoredRegion {
  readonly headSize: number;
  readonly label: string;
  readonly mode: AddressMode;
  readonly start: number;
  readonly end: number;
  readonly pages: readonly number[];
  readonly targets: readonly (readonly [number, number, number])[];
  readonly used: readonly number[];
  readonly jumps: readonly (readonly [number, readonly number[]])[];
}

/** @returns null when it isn't one: it comes from a file of this user's own */
export function readProfiles(bytes: Uint8Array): RegionProfile[] | null {
  if (bytes.length < 8) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(0, true) !== MAGIC) return null;
  const textSize = view.getUint32(4, true);
  if (8 + textSize > bytes.length) return null;
  let at = 8 + textSize;
  const take = (size: number): Uint8Array => {
    const part = bytes.slice(at, at + size);
    at += size;
    return part;
  };
  const stored = JSON.parse(byteString(bytes, 8, 8 + textSize)) as StoredRegion[];
  return stored.map(({ headSize, label, mode, start, end, pages, targets, used, jumps }) => ({
    head: take(headSize),
    label,
    mode,
    start,
    end,
    pages: pages.map((index) => ({ index, bytes: take(PAGE), known: take(KNOWN) })),
    targets: targets.map(([offset, heat, isTranslated]) => ({ offset, heat, isTranslated: isTranslated === 1 })),
    used,
    jumps,
  }));
}
