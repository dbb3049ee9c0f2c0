/**
 * Code pages (records of executable pages) and the translations that were made from them, by region.
 *
 * What wasm code may still be standing on is never taken away under it: while a run is live (`setLive`), freed pages
 * and table slots wait, and nothing is evicted.
 */
import { assert } from "@stratos/base";
import type { ArchiveName, WasmTable } from "@stratos/host";
import type { RegionArchive } from "./archive/open-archive.ts";
import type { KeptUnit } from "./archive/archive-index.ts";
import { CODE_TABLE } from "./access.ts";
import type { AddressMode } from "./access.ts";
import { leaveAt } from "./code-target.ts";
import { decode, instructionLength, newDecoded } from "./decode.ts";
import { HART_FAULT, HART_TABLES } from "./hart-state.ts";
import { TRANSLATION_SLOTS } from "./out-of-line.ts";
import { CODE_PAGE_SIZE } from "./physical-memory.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import type { CodeRegion } from "./code-region.ts";
import type { CodeCache } from "./processor.ts";
import type { ProcessorTally } from "./processor-tally.ts";
import { RecordCache, RUN_ENDS } from "./record-cache.ts";
import {
  RECORD_SHIFT,
  RECORD_SIZE,
  RecordOp,
  endsRun,
  markInPage,
  tailRecordAddress,
  writeRecord,
  writeTailRecord,
} from "./record.ts";
import type { PhysicalAddress, VirtualAddress } from "./addresses.ts";
import { Barriers } from "./barriers.ts";

const PAGE = 4096;
/** Longest straight run that one miss decodes. */
const MAX_RUN = 64;
/** Entries hold slots of 16 bits. */
const MAX_TABLE_SLOTS = 65536;

/** A translated function: what must be undone when bytes under it change. */
export interface Translation {
  readonly entry: number;
  readonly instructionCount: number;
  /** Pages (indices in the region) whose bytes it was made from. */
  readonly pages: readonly number[];
  readonly slot: number;
  /** Where its slot is named (code-target.ts). */
  readonly entryTargets: number[];
  /** Of an earlier run: what it was made from, and the pages where that hasn't been compared yet; null: of this run. */
  readonly kept: { readonly unit: KeptUnit; readonly unchecked: Set<number> } | null;
}

export class TranslatedRegion implements CodeRegion {
  readonly key: string | null;
  readonly mode: AddressMode;
  readonly start: number;
  readonly end: number;
  references: number;
  isForgotten: boolean;
  /** Code page address by page index, 0: none. */
  readonly pages: Uint32Array;
  translations: Translation[];
  /** By page, those of the kept ones that span it, from when they were installed until it is compared. */
  readonly unchecked: Map<number, Translation[]>;
  /** What its file begins with; null: nothing of it is kept. */
  readonly name: ArchiveName | null;
  /** undefined: not looked for yet; null: there is none. */
  archive: RegionArchive | null | undefined;
  /** By page index, a bit for each halfword: what kept translations have executed, though no record tells. */
  readonly #known: Map<number, Uint8Array>;
  /**
   * Table slots given out for direct calls, by pc of the target; they hold the interpreter until the target is
   * translated.
   */
  readonly callSlots: Map<number, number>;
  /** Of targets that were reported as hot, until they are translated. */
  readonly heat: Map<number, number>;
  /** Offsets of targets that were handed over, to be kept for later runs. */
  readonly submitted: Set<number>;
  readonly #cache: TranslatedCodeCache;

  constructor(
    cache: TranslatedCodeCache,
    key: string | null,
    start: number,
    end: number,
    mode: AddressMode,
    name: ArchiveName | null,
  ) {
    this.#cache = cache;
    this.name = name;
    this.unchecked = new Map();
    this.archive = undefined;
    this.#known = new Map();
    this.key = key;
    this.mode = mode;
    this.start = start;
    this.end = end;
    this.references = 1;
    this.isForgotten = false;
    this.pages = new Uint32Array((end - start) / PAGE);
    this.translations = [];
    this.callSlots = new Map();
    this.heat = new Map();
    this.submitted = new Set();
  }

  page(va: VirtualAddress, frame: PhysicalAddress): PhysicalAddress {
    const index = this.#indexOf(va);
    const existing = this.pages[index] as number;
    if (existing === 0) {
      const page = this.#cache.allocatePage(this, va, frame);
      this.pages[index] = page;
      if (page !== 0 && this.unchecked.has(index)) this.#cache.onPageAdded(this, index);
      return page;
    }
    // Another frame holds other bytes, for all we know.
    if (this.#cache.setFrame(existing, frame)) this.invalidate(va, va + PAGE);
    return existing;
  }

  existingPage(va: VirtualAddress): PhysicalAddress {
    return va < this.start || va >= this.end ? 0 : (this.pages[this.#indexOf(va)] as number);
  }

  invalidate(start: number, end: number): void {
    const first = Math.max(0, Math.floor((start - this.start) / PAGE));
    const last = Math.min(this.pages.length, Math.ceil((end - this.start) / PAGE)) - 1;
    if (first > last) return;
    const isInside = (page: number): boolean => page >= first && page <= last;
    for (const dropped of this.take((translation) => translation.pages.some(isInside)))
      this.#cache.dropTranslation(this, dropped);
    for (let page = first; page <= last; page++) this.#known.delete(page);
    for (let index = first; index <= last; index++) {
      if (this.pages[index] !== 0) this.#cache.clearPage(this.pages[index] as number);
    }
    // The last instruction of the page before may reach into the first that changed.
    const before = first === 0 ? 0 : (this.pages[first - 1] as number);
    if (before !== 0) this.#cache.clearLastRecord(before);
  }

  /** Takes translations out of the region. @returns them */
  take(isTaken: (translation: Translation) => boolean): Translation[] {
    const taken: Translation[] = [];
    const left: Translation[] = [];
    for (const translation of this.translations) (isTaken(translation) ? taken : left).push(translation);
    if (taken.length === 0) return taken;
    this.translations = left;
    for (const { kept } of taken) kept?.unchecked.clear();
    return taken;
  }

  /** Nothing is decoded, translated or known any more. */
  forgetAll(): void {
    this.callSlots.clear();
    this.heat.clear();
    this.submitted.clear();
    this.unchecked.clear();
    this.#known.clear();
    this.archive = undefined;
  }

  /** The bytes at an offset are instructions that were executed. */
  noteKnown(offset: number, length: number): void {
    const page = offset >>> 12;
    let bits = this.#known.get(page);
    if (bits === undefined) {
      bits = new Uint8Array(PAGE / 16);
      this.#known.set(page, bits);
    }
    for (let at = offset & (PAGE - 1), end = at + length; at < end; at += 2) bits[at >>> 4]! |= 1 << ((at >>> 1) & 7);
  }

  isKnown(pc: VirtualAddress): boolean {
    const offset = pc - this.start;
    const bits = this.#known.get(offset >>> 12);
    return bits !== undefined && ((bits[(offset & (PAGE - 1)) >>> 4]! >>> ((offset >>> 1) & 7)) & 1) !== 0;
  }

  /** A copy of the page's bits of that: one for each halfword. */
  knownIn(page: number): Uint8Array {
    return this.#known.get(page)?.slice() ?? new Uint8Array(PAGE / 16);
  }

  #indexOf(va: VirtualAddress): number {
    assert(va >= this.start && va < this.end, "the address lies in the region");
    return Math.floor((va - this.start) / PAGE);
  }
}

/** The function table of an address mode and the interpreter that stands in its empty slots. */
interface CodeTable {
  readonly table: WasmTable;
  readonly interpreter: unknown;
}

export class TranslatedCodeCache implements CodeCache {
  onEvict: () => void;
  /** A region that has kept translations of unchecked pages has got the page. */
  onPageAdded: (region: TranslatedRegion, page: number) => void;
  readonly #physical: PhysicalMemory;
  readonly #codeTable: (mode: AddressMode) => CodeTable;
  readonly #served: { readonly tally: ProcessorTally };
  readonly #shared: Map<string, TranslatedRegion>;
  readonly #freePages: number[];
  readonly #freeSlots: number[];
  #nextSlot: number;
  readonly #deferredPages: number[];
  readonly #deferredSlots: number[];
  #isLive: boolean;
  /** By arena index. */
  readonly #regionOf: (TranslatedRegion | undefined)[];
  readonly #vaOf: Uint32Array;
  readonly #frameOf: Uint32Array;
  readonly #records: RecordCache;
  readonly barriers = new Barriers();

  /**
   * @param codeTable  of a mode that has run; slot numbers are given out for all modes together
   * @param served  for whom it is counted
   */
  constructor(
    physical: PhysicalMemory,
    codeTable: (mode: AddressMode) => CodeTable,
    served: { readonly tally: ProcessorTally },
  ) {
    this.onEvict = () => {};
    this.onPageAdded = () => {};
    this.#physical = physical;
    this.#codeTable = codeTable;
    this.#served = served;
    this.#shared = new Map();
    const count = (physical.codeArenaEnd - physical.codeArenaStart) / CODE_PAGE_SIZE;
    assert(count <= 4096, "the tail records of 4096 code pages fit below the arena");
    this.#freePages = [];
    for (let index = count - 1; index >= 0; index--) this.#freePages.push(index);
    this.#freeSlots = [];
    this.#nextSlot = TRANSLATION_SLOTS;
    this.#deferredPages = [];
    this.#deferredSlots = [];
    this.#isLive = false;
    this.#regionOf = new Array<TranslatedRegion | undefined>(count).fill(undefined);
    this.#vaOf = new Uint32Array(count);
    this.#frameOf = new Uint32Array(count);
    this.#records = new RecordCache();
  }

  /** The regions that are shared, also those that nobody uses now. */
  get regions(): Iterable<TranslatedRegion> {
    return this.#shared.values();
  }

  open(
    key: string | null,
    start: number,
    end: number,
    mode: AddressMode = "paged",
    name: (() => ArchiveName | null) | null = null,
  ): CodeRegion {
    if (key === null) return new TranslatedRegion(this, null, start, end, mode, null);
    const shared = sharedName({ key, start, end, mode });
    const found = this.#shared.get(shared);
    if (found !== undefined) {
      found.references++;
      return found;
    }
    const region = new TranslatedRegion(this, key, start, end, mode, name === null ? null : name());
    this.#shared.set(shared, region);
    return region;
  }

  close(region: CodeRegion): void {
    const own = region as TranslatedRegion;
    assert(own.references > 0, "a region is closed as often as it was opened");
    own.references--;
    if (own.references === 0 && own.key === null) this.#dropRegion(own);
  }

  forget(prefix: string): void {
    for (const region of [...this.#shared.values()])
      if (region.references === 0 && region.key!.startsWith(prefix)) this.#dropRegion(region);
  }

  frameGone(frame: PhysicalAddress): void {
    for (let index = this.#frameOf.indexOf(frame); index >= 0; index = this.#frameOf.indexOf(frame, index + 1)) {
      const va = this.#vaOf[index]!;
      this.#regionOf[index]?.invalidate(va, va + PAGE);
      this.#frameOf[index] = 0;
    }
  }

  setBarriers(places: ReadonlySet<number>): void {
    const changed = new Set([...this.barriers.places, ...places].map((pc) => pc - (pc % PAGE)));
    this.barriers.set(new Set(places));
    for (const [index, region] of this.#regionOf.entries()) {
      const va = this.#vaOf[index]!;
      if (region !== undefined && changed.has(va)) region.invalidate(va, va + PAGE);
    }
  }

  /** While live, wasm code is on the stack. */
  setLive(isLive: boolean): void {
    this.#isLive = isLive;
    if (isLive) return;
    while (this.#deferredPages.length > 0) this.#freePages.push(this.#deferredPages.pop() as number);
    while (this.#deferredSlots.length > 0) this.#freeSlots.push(this.#deferredSlots.pop() as number);
  }

  /** The region and the page's place for a pc in the active address space. */
  regionAt(pc: number): TranslatedRegion | undefined {
    const page = this.activePage(pc);
    return page === 0 ? undefined : this.#regionOf[this.#indexOf(page)];
  }

  /** Code page under `pc` in the active address space, 0: none. */
  activePage(pc: number): number {
    const { u32 } = this.#physical;
    return u32[((u32[HART_TABLES >>> 2] as number) + CODE_TABLE + (pc >>> 12) * 4) >>> 2] as number;
  }

  frameOf(codePage: PhysicalAddress): number {
    return this.#frameOf[this.#indexOf(codePage)] as number;
  }

  /** @returns true when the page had another frame before */
  setFrame(codePage: PhysicalAddress, frame: PhysicalAddress): boolean {
    const index = this.#indexOf(codePage);
    if (this.#frameOf[index] === frame) return false;
    this.#frameOf[index] = frame;
    return true;
  }

  /** @returns its address; 0 when the arena is full and can't be emptied now (a fetch fault will ask again) */
  allocatePage(region: TranslatedRegion, va: VirtualAddress, frame: PhysicalAddress): number {
    if (this.#freePages.length === 0) {
      if (this.#isLive) return 0;
      this.#evict();
    }
    const index = this.#freePages.pop();
    assert(index !== undefined, "eviction frees pages");
    const page = this.#physical.codeArenaStart + index * CODE_PAGE_SIZE;
    // It is empty: never used, or cleared when it was given up. Memory that no record is written to is never committed.
    this.#regionOf[index] = region;
    this.#vaOf[index] = va;
    this.#frameOf[index] = frame;
    return page;
  }

  clearPage(codePage: PhysicalAddress): void {
    this.#physical.u8.fill(0, codePage, codePage + CODE_PAGE_SIZE);
  }

  clearLastRecord(codePage: PhysicalAddress): void {
    const record = codePage + (PAGE / 2 - 1) * RECORD_SIZE;
    this.#physical.u8.fill(0, record, record + RECORD_SIZE);
  }

  // Function-table slots.

  /** A free slot, which holds the interpreter; 0 when there is none. */
  allocateSlot(mode: AddressMode): number {
    const { table, interpreter } = this.#codeTable(mode);
    const slot = this.#freeSlots.pop() ?? (this.#nextSlot < MAX_TABLE_SLOTS ? this.#nextSlot++ : 0);
    if (slot === 0) return 0;
    growTable(table, slot + 1);
    table.set(slot, interpreter);
    return slot;
  }

  /** The first of free slots that follow one another, 0 when there are not so many left. */
  allocateSlots(count: number, mode: AddressMode): number {
    const first = this.#nextSlot;
    if (first + count > MAX_TABLE_SLOTS) return 0;
    growTable(this.#codeTable(mode).table, first + count);
    this.#nextSlot += count;
    return first;
  }

  freeSlot(slot: number, mode: AddressMode): void {
    const { table, interpreter } = this.#codeTable(mode);
    table.set(slot, interpreter);
    (this.#isLive ? this.#deferredSlots : this.#freeSlots).push(slot);
  }

  /** Who calls through `slot` gets what stands in `source` now. */
  shareSlot(slot: number, source: number, mode: AddressMode): void {
    const { table } = this.#codeTable(mode);
    table.set(slot, table.get(source));
  }

  /** Its entries lead to the interpreter, but those that a later translation took over. */
  clearEntries(translation: Translation): void {
    for (const target of translation.entryTargets) leaveAt(this.#physical, target, translation.slot);
  }

  /** Makes every way into the translation lead to the interpreter. */
  dropTranslation(region: TranslatedRegion, translation: Translation): void {
    this.clearEntries(translation);
    let isCallSlot = false;
    for (const slot of region.callSlots.values()) isCallSlot ||= slot === translation.slot;
    const callSlot = region.callSlots.get(translation.entry);
    if (translation.kept !== null && callSlot !== undefined) this.shareSlot(callSlot, 0, region.mode);
    // A slot that callers have in their code stays theirs and leads to the interpreter again.
    if (!isCallSlot) return this.freeSlot(translation.slot, region.mode);
    const { table, interpreter } = this.#codeTable(region.mode);
    table.set(translation.slot, interpreter);
  }

  #dropRegion(region: TranslatedRegion): void {
    for (const translation of region.take(() => true)) this.dropTranslation(region, translation);
    for (const slot of region.callSlots.values()) this.freeSlot(slot, region.mode);
    region.forgetAll();
    for (let i = 0; i < region.pages.length; i++) {
      const page = region.pages[i] as number;
      if (page === 0) continue;
      region.pages[i] = 0;
      this.clearPage(page);
      const index = this.#indexOf(page);
      this.#regionOf[index] = undefined;
      (this.#isLive ? this.#deferredPages : this.#freePages).push(index);
    }
    region.isForgotten = true;
    if (region.key !== null) this.#shared.delete(sharedName(region));
  }

  /** First what no process uses; when that isn't a quarter of the arena, everything: what is needed faults back in. */
  #evict(): void {
    this.onEvict();
    for (const region of [...this.#shared.values()]) if (region.references === 0) this.#dropRegion(region);
    if (this.#freePages.length >= this.#regionOf.length / 4) return;
    for (const region of new Set(this.#regionOf)) {
      if (region === undefined) continue;
      const { references } = region;
      this.#dropRegion(region);
      region.references = references;
      region.isForgotten = references === 0;
      if (region.key !== null && references > 0) this.#shared.set(sharedName(region), region);
    }
  }

  #indexOf(codePage: PhysicalAddress): number {
    return (codePage - this.#physical.codeArenaStart) / CODE_PAGE_SIZE;
  }

  // Decoding.

  /** The 32 bits at `pc`, or −1 … use `fetchFault`: the address whose page is missing. */
  fetchWord(pc: number): number {
    const { u16 } = this.#physical;
    const page = this.activePage(pc);
    this.fetchFault = pc;
    if (page === 0) return 0;
    const at = this.frameOf(page) + (pc & 0xffe);
    const low = u16[at >>> 1] as number;
    this.fetchFault = -1;
    if (instructionLength(low) === 2) return low;
    if ((pc & 0xffe) !== 0xffe) return low | ((u16[(at + 2) >>> 1] as number) << 16);
    const next = this.activePage(pc + 2);
    if (next === 0) {
      this.fetchFault = pc + 2;
      return 0;
    }
    return low | ((u16[this.frameOf(next) >>> 1] as number) << 16);
  }

  /** The 32 bits at `pc` of a region, in whatever address space; 0 (no instruction) when a page isn't there. */
  regionWord(region: TranslatedRegion, pc: number): number {
    const { u16 } = this.#physical;
    const page = region.existingPage(pc);
    // A page whose frame is gone comes back when it is executed again.
    if (page === 0 || this.frameOf(page) === 0) return 0;
    const at = this.frameOf(page) + (pc & 0xffe);
    const low = u16[at >>> 1] as number;
    if (instructionLength(low) === 2) return low;
    if ((pc & 0xffe) !== 0xffe) return low | ((u16[(at + 2) >>> 1] as number) << 16);
    const next = region.existingPage(pc + 2);
    return next === 0 || this.frameOf(next) === 0 ? 0 : low | ((u16[this.frameOf(next) >>> 1] as number) << 16);
  }

  /** After `fetchWord`: −1, or the address whose code page is missing. */
  fetchFault = -1;

  /**
   * Decodes the straight run from `record`, whose address is `pc`.
   *
   * @returns 0; or 1 when a page is missing, whose address is then in HART_FAULT
   */
  decodeRun(record: number, pc: number): number {
    const physical = this.#physical;
    const { u8, u16 } = physical;
    const page = this.activePage(pc);
    const frame = page === 0 ? 0 : this.frameOf(page);
    const { statistics } = this.#served.tally;
    const { barriers } = this;
    for (let count = 0; count < MAX_RUN; count++) {
      if (u8[record] !== RecordOp.UNDECODED) return 0;
      const offset = pc & 0xffe;
      if (barriers.size > 0 && barriers.has(pc)) {
        const word = this.fetchWord(pc);
        // Its second half lies in a page that is to come: the record stays to be decoded.
        if (this.fetchFault >= 0 && count > 0) return 0;
        if (this.fetchFault < 0 && barriers.write(physical, record, word)) return 0;
      }
      if (page !== 0 && offset < PAGE - 4) {
        let word = u16[(frame + offset) >>> 1]!;
        if (instructionLength(word) === 4) word |= u16[(frame + offset + 2) >>> 1]! << 16;
        const written = this.#records.write(physical, record, word);
        statistics.decodedRecords++;
        if ((written & RUN_ENDS) !== 0) {
          markInPage(physical, record, offset);
          return 0;
        }
        record += written << RECORD_SHIFT;
        pc += written;
        continue;
      }
      const word = this.fetchWord(pc);
      if (this.fetchFault >= 0) {
        if (count > 0) return 0;
        physical.u32[HART_FAULT >>> 2] = this.fetchFault;
        return 1;
      }
      decode(word, DECODED);
      statistics.decodedRecords++;
      if (offset + DECODED.length >= PAGE) {
        const index = Math.floor((record - physical.codeArenaStart) / CODE_PAGE_SIZE);
        writeTailRecord(physical, record, tailRecordAddress(index, offset), DECODED);
        return 0;
      }
      writeRecord(physical, record, DECODED);
      if (endsRun(DECODED.index)) return 0;
      record += DECODED.length << RECORD_SHIFT;
      pc += DECODED.length;
    }
    return 0;
  }
}

const DECODED = newDecoded();

/** Most programs need a few hundred slots, and a host fills all that a table has. */
function growTable(table: WasmTable, slots: number): void {
  if (slots > table.length) table.grow(Math.min(Math.max(slots, table.length * 2), MAX_TABLE_SLOTS) - table.length);
}

/**
 * The same file may be mapped elsewhere too, but translations hold absolute addresses, and they are made for one
 * address mode.
 */
function sharedName(region: { key: string | null; start: number; end: number; mode: AddressMode }): string {
  return `${region.key}@${region.start.toString(16)}-${region.end.toString(16)} ${region.mode}`;
}
