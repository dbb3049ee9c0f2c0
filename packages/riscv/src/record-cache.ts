import { decode, newDecoded } from "./decode.ts";
import { endsRun, writeRecord } from "./record.ts";
import type { RecordViews } from "./record.ts";

const PLACES = 1 << 14;
/** In a kept record the byte of the heat says whether the instruction ends a straight run. */
const ENDS_RUN = 1 << 16;
const HEAT = 0xff << 16;

/** What `RecordCache.write` says of an instruction: its length in bytes, and maybe this. */
export const RUN_ENDS = 8;

/**
 * Remembers the records of instruction words, which don't depend on their place: programs are made of few distinct
 * words, and most decoding becomes three loads and stores. Direct-mapped; the word 0 (illegal) stands for an empty
 * place and isn't kept.
 */
export class RecordCache {
  readonly #words = new Int32Array(PLACES);
  readonly #records = new Uint32Array(PLACES * 3);

  /**
   * Writes the record of `word` (of a compressed one only the low half is set) at `address`; heat and slot
   * stay. @returns length | RUN_ENDS
   */
  write(views: RecordViews, address: number, word: number): number {
    const { u32 } = views;
    const at = address >>> 2;
    const place = Math.imul(word, 0x9e3779b1) >>> 18;
    const kept = place * 3;
    const records = this.#records;
    if (this.#words[place] === (word | 0) && word !== 0) {
      const first = records[kept]!;
      u32[at] = (first & ~HEAT) | (u32[at]! & HEAT);
      u32[at + 1] = records[kept + 1]!;
      u32[at + 2] = records[kept + 2]!;
      return (first >>> 27) | ((first & ENDS_RUN) === 0 ? 0 : RUN_ENDS);
    }
    decode(word, DECODED);
    writeRecord(views, address, DECODED);
    const ends = endsRun(DECODED.index);
    this.#words[place] = word;
    records[kept] = (u32[at]! & ~HEAT) | (ends ? ENDS_RUN : 0);
    records[kept + 1] = u32[at + 1]!;
    records[kept + 2] = u32[at + 2]!;
    return DECODED.length | (ends ? RUN_ENDS : 0);
  }
}

const DECODED = newDecoded();
