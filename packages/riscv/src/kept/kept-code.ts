/**
 * Translations of earlier runs, with their machine code (archive-index.ts). A region's archive is opened when a target
 * in it has become warm; a module whose targets are warm enough is loaded in one piece, and all of its units are
 * installed whose bytes are those in memory. Of a unit's pages that nobody has fetched from yet the bytes are
 * compared when somebody does: until then its code leaves before it gets there (translate/page-presence.ts).
 */
import type { ArchiveName, CodeArchive, WasmEngine, WasmModule } from "@stratos/host";
import type { TranslatedCodeCache, TranslatedRegion, Translation } from "../code-cache.ts";
import type { OpenArchive, RegionArchive } from "../archive/open-archive.ts";
import type { PhysicalMemory } from "../physical-memory.ts";
import { enterAt, slotAt } from "../code-target.ts";
import { archiveDetail, ArchiveIndex, type KeptUnit, moduleCountOf, modulePieces } from "../archive/archive-index.ts";

/**
 * Heat of a module's targets together before it is loaded: what has cost about as much as loading it costs is likely to
 * go on.
 */
const LOADING_HEAT = 5000;
const PAGE_BITS = 12;
const PAGE = 4096;

interface WantedModule {
  readonly region: TranslatedRegion;
  readonly module: number;
}

/** What becomes of a unit when it is installed. */
interface KeptInstaller {
  instantiate(module: WasmModule, place: { base: number; slots: number }): void;
  installed(region: TranslatedRegion, unit: KeptUnit, translation: Translation): void;
}

interface KeptTally {
  keptModules: number;
  keptFunctions: number;
  keptInstructions: number;
  keptBytes: number;
}

export class KeptCode {
  readonly #archive: CodeArchive;
  readonly #engine: WasmEngine;
  readonly #cache: TranslatedCodeCache;
  readonly #physical: PhysicalMemory;
  readonly #installer: KeptInstaller;
  readonly #loadingHeat: number;
  /** By the archive's name. Bound: one for each file that was executed from. */
  readonly #open = new Map<string, OpenArchive | null>();
  #wanted: WantedModule[] = [];

  /** @param isEager  all that is kept is loaded at once: for tests */
  constructor(
    archive: CodeArchive,
    engine: WasmEngine,
    cache: TranslatedCodeCache,
    physical: PhysicalMemory,
    installer: KeptInstaller,
    isEager: boolean,
  ) {
    this.#archive = archive;
    this.#engine = engine;
    this.#cache = cache;
    this.#physical = physical;
    this.#installer = installer;
    this.#loadingHeat = isEager ? 0 : LOADING_HEAT;
  }

  get hasWanted(): boolean {
    return this.#wanted.length > 0;
  }

  /**
   * A target has been executed. @param heat  since the last time (interpreter.ts). @returns whether a kept unit will be
   * installed for it
   */
  note(region: TranslatedRegion, pc: number, heat: number): boolean {
    if (region.archive === undefined) region.archive = this.#openFor(region);
    if (region.archive === null) return false;
    const { archive, heat: heatOf } = region.archive;
    const module = archive.moduleOf.get(pc - region.start);
    if (module === undefined || heatOf[module] === Infinity) return false;
    const sum = (heatOf[module] ?? 0) + heat;
    heatOf[module] = sum;
    if (sum < this.#loadingHeat) return false;
    heatOf[module] = Infinity;
    this.#wanted.push({ region, module });
    return true;
  }

  install(tally: KeptTally): void {
    const wanted = this.#wanted;
    this.#wanted = [];
    for (const { region, module } of wanted)
      if (region.archive) this.#installModule(region, region.archive, module, tally);
  }

  #openFor(region: TranslatedRegion): RegionArchive | null {
    if (region.name === null) return null;
    const name: ArchiveName = { head: region.name.head, detail: archiveDetail(region.name.detail, region.mode) };
    const key = `${region.key} ${name.detail}`;
    let archive = this.#open.get(key);
    if (archive === undefined) {
      archive = this.#openArchive(name);
      this.#open.set(key, archive);
    }
    return archive === null ? null : { archive, heat: [] };
  }

  #openArchive(name: ArchiveName): OpenArchive | null {
    const pieces = this.#archive.open(name);
    const first = pieces?.read(0) ?? null;
    const index = first === null ? null : ArchiveIndex.read(first);
    if (pieces === null || index === null || index.moduleCount !== moduleCountOf(pieces.count)) return null;
    const moduleOf = new Map<number, number>();
    index.forEachEntry((offset, module) => moduleOf.set(offset, module));
    return { pieces, index, moduleOf, modules: [] };
  }

  #load(archive: OpenArchive, number: number, tally: KeptTally): WasmModule | null {
    const known = archive.modules[number];
    if (known !== undefined) return known;
    const places = modulePieces(number);
    const bytes = archive.pieces.read(places.bytes);
    const code = bytes === null ? null : archive.pieces.read(places.code);
    const module = bytes === null || code === null ? null : this.#engine.restore(code, bytes);
    archive.modules[number] = module;
    if (module !== null) tally.keptBytes += bytes!.length + code!.length;
    return module;
  }

  #installModule(region: TranslatedRegion, from: RegionArchive, number: number, tally: KeptTally): void {
    const { archive } = from;
    const positions = archive.index.units[number]!;
    const module = this.#load(archive, number, tally);
    if (module === null) return;
    const slots = this.#cache.allocateSlots(positions.length, region.mode);
    if (slots === 0) return;
    this.#installer.instantiate(module, { base: region.start, slots });
    tally.keptModules++;
    for (const position of positions) {
      const unit = archive.index.unit(position);
      const slot = slots + unit.number;
      if (archive.moduleOf.get(unit.entry) !== number || !this.#installUnit(region, unit, slot)) {
        this.#cache.freeSlot(slot, region.mode);
        continue;
      }
      tally.keptFunctions++;
      tally.keptInstructions += unit.instructionCount;
    }
  }

  #installUnit(region: TranslatedRegion, unit: KeptUnit, slot: number): boolean {
    const entryPage = region.existingPage(region.start + unit.entry);
    // What this run has translated itself is as good.
    if (entryPage !== 0 && slotAt(this.#physical, entryPage, unit.entry) !== 0) return false;
    const pages = pagesOf(unit);
    if (pages[pages.length - 1]! >= region.pages.length) return false;
    const unchecked = new Set<number>();
    for (const page of pages) {
      const frame = this.#frameOf(region, page);
      if (frame === 0) unchecked.add(page);
      else if (!this.#matches(unit, page, frame)) return false;
    }
    const translation: Translation = {
      entry: region.start + unit.entry,
      instructionCount: unit.instructionCount,
      pages,
      slot,
      entryTargets: [],
      kept: { unit, unchecked },
    };
    region.translations.push(translation);
    for (const page of pages) if (!unchecked.has(page)) this.#enter(region, translation, unit, page);
    for (const page of unchecked) {
      const others = region.unchecked.get(page);
      if (others === undefined) region.unchecked.set(page, [translation]);
      else others.push(translation);
    }
    this.#installer.installed(region, unit, translation);
    return true;
  }

  /**
   * A page of the region is fetched from for the first time: units that span it are compared with it now. Called by
   * the code cache before anybody executes the page.
   */
  pageAdded(region: TranslatedRegion, page: number): void {
    const spanning = region.unchecked.get(page);
    if (spanning === undefined) return;
    region.unchecked.delete(page);
    const frame = this.#frameOf(region, page);
    for (const translation of spanning) {
      const { unit, unchecked } = translation.kept!;
      // It was taken away meanwhile.
      if (!unchecked.delete(page)) continue;
      if (this.#matches(unit, page, frame)) this.#enter(region, translation, unit, page);
      else {
        region.take((other) => other === translation);
        this.#cache.dropTranslation(region, translation);
      }
    }
  }

  #frameOf(region: TranslatedRegion, page: number): number {
    const code = region.pages[page]!;
    return code === 0 ? 0 : this.#cache.frameOf(code);
  }

  /** Are the unit's bytes in the page those of the frame? */
  #matches({ ranges, bytes }: KeptUnit, page: number, frame: number): boolean {
    const { u8 } = this.#physical;
    let at = 0;
    for (let i = 0; i < ranges.length; i += 2) {
      const offset = ranges[i]!;
      const length = ranges[i + 1]!;
      if (offset >>> PAGE_BITS === page) {
        const from = frame + (offset & (PAGE - 1));
        for (let j = 0; j < length; j++) if (u8[from + j] !== bytes[at + j]) return false;
      }
      at += length;
    }
    return true;
  }

  /** Entries in the page lead to the translation from now on, and its code there is known. */
  #enter(region: TranslatedRegion, translation: Translation, unit: KeptUnit, page: number): void {
    for (let number = 0; number < unit.entries.length; number++) {
      const offset = unit.entries[number]!;
      if (offset < 0 || offset >>> PAGE_BITS !== page) continue;
      translation.entryTargets.push(enterAt(this.#physical, region.pages[page]!, offset, translation.slot, number));
    }
    for (let i = 0; i < unit.ranges.length; i += 2)
      if (unit.ranges[i]! >>> PAGE_BITS === page) region.noteKnown(unit.ranges[i]!, unit.ranges[i + 1]!);
  }
}

/** In rising order. */
function pagesOf({ ranges }: KeptUnit): number[] {
  const pages = new Set<number>();
  for (let i = 0; i < ranges.length; i += 2) pages.add(ranges[i]! >>> PAGE_BITS);
  return [...pages].sort((a, b) => a - b);
}
