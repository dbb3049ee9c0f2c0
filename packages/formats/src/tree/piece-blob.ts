/**
 * Content that lies in pieces: of a file whose blocks are here and there, packed or missing. What no piece covers is
 * zero.
 */
import type { Codecs } from "../codecs.ts";
import type { Disk } from "../disk/disk.ts";
import { digestOf } from "./archive-tree.ts";
import type { Blob } from "./file-tree.ts";

export interface ContentPiece {
  /** where it stands in the file */
  readonly offset: number;
  readonly size: number;
  /** Copies what it has from `at` on, of itself, into all of `into`. */
  read(at: number, into: Uint8Array): void;
}

export class PieceBlob implements Blob {
  readonly sizeBytes: number;
  readonly #pieces: readonly ContentPiece[];
  readonly #codecs: Pick<Codecs, "sha256">;
  #digest: string | undefined;

  /** @param pieces  in order, none over another */
  constructor(sizeBytes: number, pieces: readonly ContentPiece[], codecs: Pick<Codecs, "sha256">) {
    this.sizeBytes = sizeBytes;
    this.#pieces = pieces;
    this.#codecs = codecs;
  }

  get digest(): string {
    return (this.#digest ??= digestOf(this, this.#codecs));
  }

  read(offset: number, into: Uint8Array): number {
    const count = Math.max(0, Math.min(into.length, this.sizeBytes - offset)),
      end = offset + count;
    into.fill(0, 0, count);
    for (let index = this.#firstBehind(offset); index < this.#pieces.length; index++) {
      const piece = this.#pieces[index]!,
        from = Math.max(offset, piece.offset),
        to = Math.min(end, piece.offset + piece.size);
      if (piece.offset >= end) break;
      if (to > from) piece.read(from - piece.offset, into.subarray(from - offset, to - offset));
    }
    return count;
  }

  /** The first piece that ends behind `offset`. */
  #firstBehind(offset: number): number {
    let low = 0,
      high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1,
        piece = this.#pieces[middle]!;
      if (piece.offset + piece.size > offset) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** A piece that lies on a disk as it is. */
export function diskPiece(
  disk: Disk,
  offset: number,
  place: { readonly start: number; readonly size: number },
): ContentPiece {
  return { offset, size: place.size, read: (at, into) => disk.read(place.start + at, into) };
}
