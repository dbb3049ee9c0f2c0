import type { CodeArchive, WasmEngine } from "@stratos/host";
import { CodeWriter } from "@stratos/wasm";
import type { AddressMode } from "../access.ts";
import type { KeptUnit } from "../archive/archive-index.ts";
import { KeptCode } from "../kept/kept-code.ts";
import type { Translation, TranslatedCodeCache, TranslatedRegion } from "../code-cache.ts";
import type { CoreModule } from "../core-module.ts";
import type { InstructionMeanings } from "../lower/lowerings.ts";
import type { PhysicalMemory } from "../physical-memory.ts";
import type { HotCode, ProcessorTally } from "../processor-tally.ts";
import { enterAt, entryAt, slotAt } from "../code-target.ts";
import { discoverUnit, exitsOf, MAX_JUMP_TARGETS, ownSlots } from "./discover-unit.ts";
import type { Block, Unit } from "./unit.ts";
import { createTemplate, needsHelpers } from "./module-template.ts";
import type { ModuleTemplate } from "./module-template.ts";
import { isInTwoPages } from "./page-presence.ts";
import { canHoldKept } from "./region-addresses.ts";
import { emitUnit } from "./unit-emitter.ts";

/** A path out of a translation that became hot makes its function be translated again, so often at most. */
const MAX_VERSIONS = 4;
/** Units in one module. */
const MAX_BATCH = 32;

/** Small thresholds are for tests, which want everything to happen soon. */
export function isTestThreshold(hotThreshold: number): boolean {
  return hotThreshold < 16;
}

/** Instructions of a run before it asks for what is kept. */
const SHORT_RUN = 2_000_000;

/** A hot path out of a unit belongs to the function that it leaves. */
interface Owner {
  readonly entry: number;
  readonly region: TranslatedRegion;
  version: number;
}

interface HotTarget {
  readonly region: TranslatedRegion;
  readonly pc: number;
}

/**
 * Turns hot targets into wasm modules: collects them while the guest runs, translates them in batches between runs, and
 * installs the functions in the table and in the records of their entries.
 */
export class Translator {
  readonly #physical: PhysicalMemory;
  readonly #engine: WasmEngine;
  readonly #cache: TranslatedCodeCache;
  readonly #core: CoreModule;
  readonly #meanings: InstructionMeanings;
  readonly #mode: AddressMode;
  readonly #served: { readonly tally: ProcessorTally };
  readonly #nowMs: () => number;
  readonly #plain: ModuleTemplate;
  readonly #withHelpers: ModuleTemplate;
  /** Heat (interpreter.ts) at which a target is translated. */
  readonly #hotThreshold: number;
  /** By region, the pcs where translated code leaves for what wasn't decoded. */
  readonly #exits: WeakMap<TranslatedRegion, Map<number, Owner>>;
  /** Translations of earlier runs; null: there is no archive. */
  readonly #kept: KeptCode | null;
  /** In instructions of the run. */
  readonly #keptFrom: number;

  constructor(options: {
    physical: PhysicalMemory;
    engine: WasmEngine;
    cache: TranslatedCodeCache;
    core: CoreModule;
    meanings: InstructionMeanings;
    mode: AddressMode;
    served: { readonly tally: ProcessorTally };
    nowMs: () => number;
    archive: CodeArchive | undefined;
    hotThreshold: number;
  }) {
    this.#physical = options.physical;
    this.#engine = options.engine;
    this.#cache = options.cache;
    this.#core = options.core;
    this.#meanings = options.meanings;
    this.#mode = options.mode;
    this.#served = options.served;
    this.#nowMs = options.nowMs;
    const code = new CodeWriter(1 << 18);
    this.#plain = createTemplate(code, [], this.#mode);
    this.#withHelpers = createTemplate(code, this.#meanings.helpers, this.#mode);
    this.#hotThreshold = options.hotThreshold;
    this.#exits = new WeakMap();
    const isEager = isTestThreshold(options.hotThreshold);
    this.#keptFrom = isEager ? 0 : SHORT_RUN;
    this.#kept =
      options.archive === undefined
        ? null
        : new KeptCode(
            options.archive,
            this.#engine,
            this.#cache,
            this.#physical,
            {
              instantiate: (module, place) => this.#engine.instantiate(module, { m: this.#core.exports, place }),
              installed: (region, unit, translation) => this.#noteKept(region, unit, translation),
            },
            isEager,
          );
  }

  get #hot(): HotCode {
    return this.#served.tally.hot(this.#mode);
  }

  get queued(): number {
    return this.#hot.queue.length;
  }

  /** A target has been executed often, or for long. @param heat  since the last report */
  noteHot(pc: number, heat: number): void {
    const region = this.#cache.regionAt(pc);
    if (region === undefined) return;
    const mayHold = region.name !== null && canHoldKept(region.start);
    if (mayHold && this.#usesKept && this.#kept!.note(region, pc, heat)) return;
    const sum = (region.heat.get(pc) ?? 0) + heat;
    if (sum < this.#hotThreshold) region.heat.set(pc, sum);
    else {
      region.heat.delete(pc);
      this.#hot.queue.push({ region, pc });
    }
  }

  /** Where the jump through a register at `pc` went. */
  noteIndirect(pc: number, target: number): void {
    const { indirectTargets } = this.#hot;
    const targets = indirectTargets.get(pc);
    if (targets === undefined) indirectTargets.set(pc, [target]);
    else if (targets.length <= MAX_JUMP_TARGETS && !targets.includes(target)) targets.push(target);
  }

  /** Whether what is kept is asked for: a short run is over before it has paid for that. */
  get #usesKept(): boolean {
    return (
      this.#kept !== null &&
      this.#served.tally.statistics.instructions >= this.#keptFrom &&
      this.#cache.barriers.size === 0
    );
  }

  get hasKept(): boolean {
    return this.#kept !== null && this.#kept.hasWanted && this.#cache.barriers.size === 0;
  }

  /** Installs what is kept of targets that have become warm. */
  installKept(): void {
    this.#kept?.install(this.#served.tally.statistics);
  }

  /** A page has come that kept translations span. */
  pageAdded(region: TranslatedRegion, page: number): void {
    if (this.#cache.barriers.size === 0) this.#kept?.pageAdded(region, page);
  }

  /** What a new translation in its place must know: where it leaves, where its jumps go. */
  #noteKept(region: TranslatedRegion, unit: KeptUnit, translation: Translation): void {
    const owner: Owner = { entry: translation.entry, region, version: 1 };
    const exits = this.#exitsOf(region);
    for (let i = 0; i < unit.exits.length; i++) exits.set(region.start + unit.exits[i]!, owner);
    for (let at = 0; at < unit.jumps.length; at += 2 + unit.jumps[at + 1]!)
      for (let i = 0; i < unit.jumps[at + 1]!; i++)
        this.noteIndirect(region.start + unit.jumps[at]!, region.start + unit.jumps[at + 2 + i]!);
    const callSlot = region.callSlots.get(translation.entry);
    if (callSlot !== undefined) this.#cache.shareSlot(callSlot, translation.slot, this.#mode);
  }

  /** Translates what is queued. */
  drain(): void {
    const start = this.#nowMs();
    const targets = this.#hot.queue as HotTarget[];
    this.#hot.queue = [];
    for (let at = 0; at < targets.length; at += MAX_BATCH) this.#translate(targets.slice(at, at + MAX_BATCH));
    this.#served.tally.statistics.translateMs += this.#nowMs() - start;
  }

  #translate(targets: readonly HotTarget[]): void {
    const units: { unit: Unit; slot: number; owner: Owner }[] = [];
    const isTaken = (region: TranslatedRegion, entry: number): boolean =>
      units.some(({ unit }) => unit.region === region && unit.entry === entry);
    for (const { region, pc } of targets) {
      const owner = this.#exits.get(region)?.get(pc);
      if (owner !== undefined && owner.version < MAX_VERSIONS) {
        // The path out of a translation has become hot: translate the whole function again with it.
        if (!isTaken(region, owner.entry)) {
          owner.version++;
          this.#discover(owner, units);
        }
        const again = units.find(({ unit }) => unit.region === region && unit.entry === owner.entry);
        if (again === undefined || again.unit.blocks.some((block) => block.pc === pc)) continue;
      }
      if (!isTaken(region, pc)) this.#discover({ entry: pc, region, version: 1 }, units);
    }
    if (units.length > 0) this.#build(units);
  }

  #discover(owner: Owner, units: { unit: Unit; slot: number; owner: Owner }[]): void {
    const { region, entry } = owner;
    const unit = discoverUnit(
      {
        physical: this.#physical,
        cache: this.#cache,
        region,
        indirectTargets: this.#hot.indirectTargets,
        ownSlots: ownSlots(region, entry),
      },
      entry,
    );
    if (unit === undefined) return;
    const slot = region.callSlots.get(entry) ?? this.#cache.allocateSlot(this.#mode);
    if (slot !== 0) units.push({ unit, slot, owner });
  }

  #build(units: readonly { unit: Unit; slot: number; owner: Owner }[]): void {
    const template = units.some(({ unit }) => needsHelpers(unit)) ? this.#withHelpers : this.#plain;
    const { builder, imports } = template;
    const { code } = builder;
    builder.clearFunctions();
    const built = units.map(({ unit, slot, owner }) => {
      const index = builder.addFunction(imports.codeType);
      builder.addElement(slot, index);
      const { entries } = emitUnit(unit, {
        code,
        mode: this.#mode,
        imports,
        lowerings: this.#meanings.lowerings,
        slot,
        callSlot: (target) => this.#callSlot(unit.region, target),
      });
      return { unit, slot, owner, entries };
    });
    const bytes = builder.finish();
    const module = this.#engine.compile(bytes);
    // What held a slot before gives it up first: its entry numbers mean nothing in the new function.
    for (const { unit, slot } of built) this.#retire(unit.region, slot);
    this.#engine.instantiate(module, { m: this.#core.exports });
    for (const { unit, slot, owner, entries } of built) this.#install(unit, slot, owner, entries);
    const { statistics } = this.#served.tally;
    statistics.modules++;
    statistics.wasmBytes += bytes.length;
  }

  #retire(region: TranslatedRegion, slot: number): void {
    for (const translation of region.take((candidate) => candidate.slot === slot))
      this.#cache.clearEntries(translation);
  }

  #install(unit: Unit, slot: number, owner: Owner, entries: readonly Block[]): void {
    const { region } = unit;
    const translation: Translation = {
      entry: unit.entry,
      instructionCount: unit.instructionCount,
      pages: unit.pages,
      slot,
      entryTargets: [],
      kept: null,
    };
    entries.forEach((block, number) => {
      const page = region.existingPage(block.pc);
      if (page === 0 || block.context.returnTo !== null || isInTwoPages(block.instructions[0]!)) return;
      translation.entryTargets.push(enterAt(this.#physical, page, block.pc, slot, number));
    });
    region.translations.push(translation);
    this.#noteExits(unit, owner);
    const { statistics } = this.#served.tally;
    statistics.translatedFunctions++;
    statistics.translatedBlocks += unit.blocks.length;
    statistics.translatedInstructions += unit.instructionCount;
  }

  #noteExits(unit: Unit, owner: Owner): void {
    const exits = this.#exitsOf(unit.region);
    for (const pc of exitsOf(unit)) exits.set(pc, owner);
  }

  #exitsOf(region: TranslatedRegion): Map<number, Owner> {
    let exits = this.#exits.get(region);
    if (exits === undefined) {
      exits = new Map();
      this.#exits.set(region, exits);
    }
    return exits;
  }

  /** A slot for direct calls of `target`: that of its translation, or one that holds the interpreter for now. */
  #callSlot(region: TranslatedRegion, target: number): number {
    if (target < region.start || target >= region.end) return 0;
    const known = region.callSlots.get(target);
    if (known !== undefined) return known;
    const page = region.existingPage(target);
    let slot = 0;
    if (page !== 0 && entryAt(this.#physical, page, target) === 0) slot = slotAt(this.#physical, page, target);
    if (slot === 0) slot = this.#cache.allocateSlot(this.#mode);
    if (slot !== 0) region.callSlots.set(target, slot);
    return slot;
  }
}
