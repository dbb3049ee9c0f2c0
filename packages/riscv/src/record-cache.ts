import { decode, newDecoded } from "./decode.ts";
import { endsRun, writeRecord } from "./record.ts";
import type { RecordViews } from "./record.ts";

const PLACES = 1 << 14;
/** What `RecordCache.write` says of an instruction: its length in bytes, and maybe this. */
export const RUN_ENDS = 8;

/**
 * Remembers the records of instruction words, which don't depend on their place: programs are made of few distinct
 * words, and most decoding becomes two loads and stores. Direct-mapped; the word 0 (illegal) stands for an empty
 * place and isn't kept.
 */
export class RecordCache {
  readonly #words = new Int32Array(PLACES);
  readonly #records = new Uint32Array(PLACES * 2);
  /** Length | RUN_ENDS */
  readonly #steps = new Uint8Array(PLACES);

  /**
   * Writes the record of `word` (of a compressed one only the low half is set) at `address`.
   * @returns length | RUN_ENDS
   */
  write(views: RecordViews, address: number, word: number): number {
    const { u32 } = views;
    const at = address >>> 2;
    const place = Math.imul(word, 0x9e3779b1) >>> 18;
    const kept = place * 2;
    const records = this.#records;
    if (this.#words[place] === (word | 0) && word !== 0) {
      u32[at] = records[kept]!;
      u32[at + 1] = records[kept + 1]!;
      return this.#steps[place]!;
    }
    decode(word, DECODED);
    writeRecord(views, address, DECODED);
    const step = DECODED.length | (endsRun(DECODED.index) ? RUN_ENDS : 0);
    this.#words[place] = word;
    records[kept] = u32[at]!;
    records[kept + 1] = u32[at + 1]!;
    this.#steps[place] = step;
    return step;
  }
}

const DECODED = newDecoded();
