/**
 * Makes archives of what runs have learned, when they are over: the hot targets are translated as the translator would,
 * hottest first, so many to a module, each module is compiled by the host's best compiler and appended to what is
 * there. Units differ from the translator's only in that they don't know where they are (`place`).
 */
import type { ArchivePieces, CodeArchive, WasmEngine } from "@stratos/host";
import { CodeWriter } from "@stratos/wasm";
import { TranslatedCodeCache, type TranslatedRegion } from "./code-cache.ts";
import { type InstructionMeanings, instructionMeanings } from "./lower/lowerings.ts";
import { PhysicalMemory } from "./physical-memory.ts";
import { ProcessorTally } from "./processor-tally.ts";
import { enterAt, slotAt } from "./code-target.ts";
import { createTemplate } from "./translate/module-template.ts";
import { isInTwoPages } from "./translate/page-presence.ts";
import { discoverUnit, exitsOf, ownSlots } from "./translate/discover-unit.ts";
import type { Block, Unit } from "./translate/unit.ts";
import { emitUnit } from "./translate/unit-emitter.ts";
import { archiveDetail, type KeptUnit } from "./archive/archive-index.ts";
import { ArchiveContents, type KeptModule } from "./archive/archive-contents.ts";
import { readProfiles, type RegionProfile } from "./archive/run-profile.ts";

/** Instructions of one module: some 150 KiB of machine code, loaded in about a millisecond. */
const MODULE_INSTRUCTIONS = 1500;
/** Instructions that are translated of one profile at most: 20 µs of a processor each. */
const BUILD_INSTRUCTIONS = 400_000;

/** @returns how many archives were written */
export function keepProfiles(bytes: Uint8Array, archive: CodeArchive, engine: WasmEngine): number {
  const profiles = readProfiles(bytes);
  if (profiles === null) return 0;
  const meanings = instructionMeanings(engine);
  let left = BUILD_INSTRUCTIONS;
  let written = 0;
  for (const profile of profiles) {
    const name = { head: profile.head, detail: archiveDetail(profile.label, profile.mode) };
    const builder = new ArchiveBuilder(profile, engine, meanings, left);
    const pieces = builder.build(archive.open(name));
    left -= builder.instructions;
    if (pieces !== null && archive.write(name, pieces)) written++;
  }
  return written;
}

class ArchiveBuilder {
  instructions: number;
  readonly #profile: RegionProfile;
  readonly #engine: WasmEngine;
  readonly #meanings: InstructionMeanings;
  readonly #limit: number;
  readonly #physical: PhysicalMemory;
  readonly #cache: TranslatedCodeCache;
  readonly #region: TranslatedRegion;
  readonly #jumps: Map<number, number[]>;
  /** What is kept of the code that the run had in memory, by each offset at which it can be entered. */
  readonly #known: Map<number, KeptUnit>;
  #nextSlot: number;

  constructor(profile: RegionProfile, engine: WasmEngine, meanings: InstructionMeanings, limit: number) {
    this.#profile = profile;
    this.#engine = engine;
    this.#meanings = meanings;
    this.#limit = limit;
    this.instructions = 0;
    const { pages, start, end, mode, jumps } = profile;
    const physical = new PhysicalMemory(engine, {
      frameBytes: pages.length * 4096,
      slotCount: 1,
      codePages: pages.length + 1,
    });
    this.#physical = physical;
    const noTable = (): never => {
      throw new Error("nothing is installed here");
    };
    this.#cache = new TranslatedCodeCache(physical, noTable, { tally: new ProcessorTally() });
    this.#region = this.#cache.open("profile", start, end, mode) as TranslatedRegion;
    pages.forEach(({ index, bytes, known }, number) => {
      const frame = physical.framesStart + number * 4096;
      physical.u8.set(bytes, frame);
      this.#region.page(start + index * 4096, frame);
      for (let halfword = 0; halfword < 2048; halfword++)
        if (((known[halfword >>> 3]! >>> (halfword & 7)) & 1) !== 0)
          this.#region.noteKnown(index * 4096 + halfword * 2, 2);
    });
    this.#jumps = new Map(jumps.map(([from, targets]) => [start + from, targets.map((target) => start + target)]));
    this.#known = new Map();
    this.#nextSlot = 1;
  }

  /** @returns the archive's pieces, null when there is nothing new */
  build(before: ArchivePieces | null): Uint8Array[] | null {
    const contents = new ArchiveContents(before);
    for (const unit of contents.units) if (this.#isInMemory(unit)) this.#note(unit);
    const added = this.#translate();
    if (added.length === 0) return null;
    const used = new Set(this.#profile.used);
    contents.add(added, (unit) => used.has(unit.entry) && this.#isInMemory(unit));
    return contents.pieces();
  }

  /** Was it made from the bytes that the run had, as far as it had those pages? */
  #isInMemory({ ranges, bytes }: KeptUnit): boolean {
    let at = 0;
    for (let i = 0; i < ranges.length; i += 2) {
      const pc = this.#profile.start + ranges[i]!;
      const length = ranges[i + 1]!;
      if (pc >= this.#profile.end) return false;
      const page = this.#region.existingPage(pc);
      if (page !== 0) {
        const from = this.#cache.frameOf(page) + (pc & 0xfff);
        for (let j = 0; j < length; j++) if (this.#physical.u8[from + j] !== bytes[at + j]) return false;
      }
      at += length;
    }
    return true;
  }

  #translate(): KeptModule[] {
    const { start, targets, mode } = this.#profile;
    const modules: KeptModule[] = [];
    const code = new CodeWriter(1 << 18);
    const { builder, imports } = createTemplate(code, this.#meanings.helpers, mode, true);
    let functions: number[] = [];
    let waiting: KeptUnit[] = [];
    let size = 0;
    const finish = (): void => {
      if (functions.length === 0) return;
      builder.addElementsAtGlobal(imports.place!.slots, functions);
      const bytes = builder.finish();
      const machineCode = this.#engine.preserve(bytes);
      if (machineCode !== null) modules.push({ bytes, code: machineCode, units: waiting });
      builder.clearFunctions();
      functions = [];
      waiting = [];
      size = 0;
    };
    builder.clearFunctions();
    const hottest = [...targets].sort((a, b) => b.heat - a.heat || a.offset - b.offset);
    for (const { offset, isTranslated } of hottest) {
      if (this.instructions >= this.#limit) break;
      const entry = start + offset;
      // A run translates anew what has got another hot path.
      if (this.#slotAt(entry) !== 0 && !isTranslated) continue;
      const unit = discoverUnit(
        {
          physical: this.#physical,
          cache: this.#cache,
          region: this.#region,
          indirectTargets: this.#jumps,
          ownSlots: ownSlots(this.#region, entry),
        },
        entry,
      );
      if (unit === undefined || this.#hasAll(offset, unit)) continue;
      const number = functions.length;
      functions.push(builder.addFunction(imports.codeType));
      const { entries } = emitUnit(unit, {
        code,
        mode,
        imports,
        lowerings: this.#meanings.lowerings,
        slot: number,
        callSlot: () => 0,
      });
      const keptUnit = this.#describe(unit, entries, number);
      waiting.push(keptUnit);
      this.#note(keptUnit);
      this.instructions += unit.instructionCount;
      size += unit.instructionCount;
      if (size >= MODULE_INSTRUCTIONS) finish();
    }
    finish();
    return modules;
  }

  /** Is all of the unit in one that is kept, and entered at this offset? Another run has handed over the same. */
  #hasAll(offset: number, unit: Unit): boolean {
    const known = this.#known.get(offset);
    if (known === undefined) return false;
    const { start } = this.#profile;
    const starts = new Set<number>();
    for (let i = 0; i < known.ranges.length; i += 2)
      for (let at = 0; at < known.ranges[i + 1]!; at += 2) starts.add(known.ranges[i]! + at);
    return unit.blocks.every(({ instructions }) => instructions.every(({ pc }) => starts.has(pc - start)));
  }

  #slotAt(pc: number): number {
    const page = this.#region.existingPage(pc);
    return page === 0 ? 0 : slotAt(this.#physical, page, pc);
  }

  /** As the translator installs a unit: what others reach of it is left to it. */
  #note(unit: KeptUnit): void {
    const { entry, instructionCount, entries } = unit;
    const slot = this.#nextSlot++;
    for (let number = 0; number < entries.length; number++) {
      if (entries[number]! < 0) continue;
      this.#known.set(entries[number]!, unit);
      const page = this.#region.existingPage(this.#profile.start + entries[number]!);
      if (page === 0) continue;
      enterAt(this.#physical, page, entries[number]!, slot, number);
    }
    const pc = this.#profile.start + entry;
    this.#region.translations.push({ entry: pc, instructionCount, pages: [], slot, entryTargets: [], kept: null });
  }

  #describe(unit: Unit, entries: readonly Block[], number: number): KeptUnit {
    const { start } = this.#profile;
    const ranges = rangesOf(unit);
    const parts = ranges.map(([pc, length]) => {
      const page = this.#region.existingPage(pc);
      const at = this.#cache.frameOf(page) + (pc & 0xfff);
      return this.#physical.u8.subarray(at, at + length);
    });
    const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
    let at = 0;
    for (const part of parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const jumps: number[] = [];
    for (const { ending, instructions, targets } of unit.blocks) {
      const last = instructions[instructions.length - 1];
      if (ending === "jump-register" && last !== undefined && targets.length > 0)
        jumps.push(last.pc - start, targets.length, ...targets.map((target) => target - start));
    }
    return {
      number,
      entry: unit.entry - start,
      instructionCount: unit.instructionCount,
      entries: entries.map((block) =>
        block.context.returnTo !== null || isInTwoPages(block.instructions[0]!) ? -1 : block.pc - start,
      ),
      ranges: ranges.flatMap(([pc, length]) => [pc - start, length]),
      exits: [...new Set(exitsOf(unit))].map((pc) => pc - start),
      jumps,
      bytes,
    };
  }
}

/** Where the unit's instructions lie: [pc, bytes] in rising order, none of which spans two pages. */
function rangesOf(unit: Unit): (readonly [number, number])[] {
  const halfwords = new Set<number>();
  for (const block of unit.blocks)
    for (const { pc, length } of block.instructions) for (let at = 0; at < length; at += 2) halfwords.add(pc + at);
  const ranges: [number, number][] = [];
  let last: [number, number] | undefined;
  for (const pc of [...halfwords].sort((a, b) => a - b)) {
    if (last !== undefined && last[0] + last[1] === pc && pc % 4096 !== 0) last[1] += 2;
    else ranges.push((last = [pc, 2]));
  }
  return ranges;
}
