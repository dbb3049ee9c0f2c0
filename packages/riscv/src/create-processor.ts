import type { CodeArchive, WasmTable } from "@stratos/host";
import { TLB_MISS_ALIGN, TLB_MISS_WRITE } from "./access.ts";
import type { AddressMode } from "./access.ts";
import { FlatAddressTables } from "./address-tables.ts";
import { TranslatedCodeCache } from "./code-cache.ts";
import { createCoreModule } from "./core-module.ts";
import type { CoreModule } from "./core-module.ts";
import { ExitReason } from "./exit-reason.ts";
import {
  HART_EXIT,
  HART_FUEL,
  HART_INTERPRETED,
  HART_PASS_FUEL,
  HART_PC_HIGH,
  HART_RESERVATION,
  HART_RETIRED,
  HART_STOP_FUEL,
} from "./hart-state.ts";
import { writeAesTables } from "./lower/aes.ts";
import { updateNativeState } from "./lower/float-state.ts";
import { instructionMeanings } from "./lower/lowerings.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import { emulateMisaligned, faultingAccess, faultingAddress } from "./memory-fault.ts";
import type {
  AddressTables,
  WideTlb,
  FaultingAccess,
  Processor,
  ProcessorHooks,
  ProcessorOptions,
} from "./processor.ts";
import { type ProcessorStatistics, ProcessorTally, retiredBy } from "./processor-tally.ts";
import { isTestThreshold, Translator } from "./translate/translator.ts";
import { RECORD_SIZE, RecordOp } from "./record.ts";
import { settleFarPc } from "./register-target.ts";
import { collectProfile, NEWS_MIN } from "./kept/collect-profile.ts";
import { writeProfiles } from "./archive/run-profile.ts";
import { DirectMappedTlb } from "./wide-tlb.ts";
import type { PhysicalAddress, VirtualAddress } from "./addresses.ts";

/**
 * Instructions between returns to JavaScript: the host's engine replaces code by better optimised code only when it is
 * called anew, and hot functions are translated there. Chunk ends never change where a slice ends.
 */
const CHUNK = 200_000;
/** Heat of a target before it is translated (heat.ts), and so much of it that the translator is told. */
const DEFAULT_THRESHOLD = 16_000;
const TOLD_HEAT = 1023;
/** Hot targets are translated when there are so many, or when so many instructions have gone by. */
const DRAIN_COUNT = 16;
const DRAIN_INTERVAL = 500_000;
/**
 * The first ones of a machine wait for longer: the translator's own code is cold then and takes 6 ms, as long as a
 * million instructions in the interpreter, which a short program hasn't left. What stays hot is queued again and again,
 * so that for others it is half a million instructions later.
 */
const FIRST_COUNT = 6;
const FIRST_INTERVAL = 4_000_000;
/** Slots that a function table begins with: it grows (code-cache.ts). */
const TABLE_SIZE = 4096;
const NO_RESERVATION = 0xffffffff;

export function createProcessor(options: ProcessorOptions): Processor {
  return new TranslatingProcessor(options);
}

/** What runs code in one address mode: interpreter and translations share a function table. */
interface ModeEngine {
  readonly core: CoreModule;
  readonly table: WasmTable;
  readonly interpreter: unknown;
  readonly translator: Translator;
}

class TranslatingProcessor implements Processor {
  readonly physical: PhysicalMemory;
  mode: AddressMode;
  readonly tables: AddressTables;
  readonly tlb: WideTlb;
  readonly code: TranslatedCodeCache;
  tally: ProcessorTally;
  readonly #createEngine: (mode: AddressMode) => ModeEngine;
  /** Made when the first address space of their mode runs: most machines need one. */
  readonly #engines: Map<AddressMode, ModeEngine>;
  /** Made when one is asked to stop somewhere. */
  readonly #createExact: (mode: AddressMode) => CoreModule;
  readonly #exact = new Map<AddressMode, CoreModule>();
  readonly #translates: boolean;
  readonly #archive: CodeArchive | undefined;
  /** Heat of what no archive has before a run is handed over. */
  readonly #newsMin: number;
  /** How long translation may lag behind, in instructions. */
  readonly #drainInterval: number;
  readonly #firstInterval: number;

  constructor(options: ProcessorOptions) {
    const { physical, engine, hooks } = options;
    this.physical = physical;
    this.tally = new ProcessorTally();
    writeNullPage(physical);
    writeAesTables(physical);
    physical.u32[HART_RESERVATION >>> 2] = NO_RESERVATION;
    this.mode = options.physical.hasWindows ? "window" : "paged";
    this.tables = new FlatAddressTables(physical);
    this.tlb = new DirectMappedTlb(physical);
    this.code = new TranslatedCodeCache(physical, (mode) => this.#engineOf(mode), this);
    this.#translates = options.translate ?? engine.onlyInterprets !== true;
    const hotThreshold = options.hotThreshold ?? DEFAULT_THRESHOLD;
    const meanings = instructionMeanings(engine);
    const common = {
      decode: (record: number, pc: number) => this.code.decodeRun(record, pc >>> 0),
      ecall: () => this.#ecall(hooks),
      tlbMiss: (low: number, high: number, form: number) => tlbMiss(hooks, low >>> 0, high, form),
      time: () => hooks.onReadTime?.() ?? 0,
    };
    this.#createExact = (mode) =>
      createCoreModule({
        engine,
        physical,
        table: engine.createTable(TABLE_SIZE),
        mode,
        meanings,
        archive: options.archive,
        hotThreshold: 0,
        isExact: true,
        hooks: { ...common, hot: () => {}, indirect: () => {} },
      });
    this.#createEngine = (mode) => {
      const table = engine.createTable(TABLE_SIZE);
      const core = createCoreModule({
        engine,
        physical,
        table,
        mode,
        meanings,
        archive: options.archive,
        hotThreshold: this.#translates ? Math.min(hotThreshold, TOLD_HEAT) : 0,
        hooks: {
          ...common,
          hot: (pc, heat) => translator.noteHot(pc >>> 0, heat),
          indirect: (pc, target) => translator.noteIndirect(pc >>> 0, target >>> 0),
        },
      });
      const translator = new Translator({
        physical,
        engine,
        cache: this.code,
        core,
        meanings,
        mode,
        served: this,
        nowMs: options.nowMs ?? (() => 0),
        archive: options.archive,
        hotThreshold,
      });
      return { core, table, interpreter: core.exports["interpreter"], translator };
    };
    this.#engines = new Map();
    this.#engineOf(this.mode);
    this.code.onPageAdded = (region, page) => this.#engineOf(region.mode).translator.pageAdded(region, page);
    this.#archive = options.archive;
    this.#drainInterval = isTestThreshold(hotThreshold) ? 0 : DRAIN_INTERVAL;
    this.#firstInterval = isTestThreshold(hotThreshold) ? 0 : FIRST_INTERVAL;
    this.#newsMin = isTestThreshold(hotThreshold) ? 0 : NEWS_MIN;
  }

  run(fuel: number): ExitReason {
    const { i32, u32 } = this.physical;
    const { tally } = this;
    const { statistics } = tally;
    const { core, translator } = this.#engineOf(this.mode);
    let left = fuel;
    let reason: ExitReason;
    if (u32[HART_PC_HIGH >>> 2] !== 0) return ExitReason.FETCH;
    updateNativeState(u32);
    this.code.setLive(true);
    do {
      const chunk = Math.min(left, CHUNK);
      i32[HART_FUEL >>> 2] = chunk;
      this.#writeRetired(statistics.instructions + chunk);
      core.run();
      const used = chunk - (i32[HART_FUEL >>> 2] as number);
      statistics.instructions += used;
      left -= used;
      reason = u32[HART_EXIT >>> 2] as ExitReason;
      settleFarPc(this.physical);
      if (translator.hasKept) translator.installKept();
      if (translator.queued > 0 && this.#isDrainDue(translator.queued)) {
        translator.drain();
        tally.drainedAt = statistics.instructions;
      }
    } while (reason === ExitReason.BUDGET && left >= 0 && u32[HART_PC_HIGH >>> 2] === 0);
    this.code.setLive(false);
    if (endsReservation(reason)) u32[HART_RESERVATION >>> 2] = NO_RESERVATION;
    statistics.interpreted =
      (u32[HART_INTERPRETED >>> 2] as number) + (u32[(HART_INTERPRETED >>> 2) + 1] as number) * 2 ** 32;
    return reason;
  }

  #isDrainDue(queued: number): boolean {
    const { drainedAt, statistics } = this.tally;
    if (drainedAt === 0) return queued >= FIRST_COUNT || statistics.instructions >= this.#firstInterval;
    return queued >= DRAIN_COUNT || statistics.instructions - drainedAt >= this.#drainInterval;
  }

  runExactly(fuel: number, { after, passes }: { readonly after: number; readonly passes: boolean }): ExitReason {
    const { i32, u32 } = this.physical;
    const { statistics } = this.tally;
    let core = this.#exact.get(this.mode);
    if (core === undefined) this.#exact.set(this.mode, (core = this.#createExact(this.mode)));
    if (u32[HART_PC_HIGH >>> 2] !== 0) return ExitReason.FETCH;
    updateNativeState(u32);
    this.code.setLive(true);
    i32[HART_FUEL >>> 2] = fuel;
    this.#writeRetired(statistics.instructions + fuel);
    // Fuel that is never met: it only falls.
    i32[HART_PASS_FUEL >>> 2] = passes ? fuel : fuel + 1;
    i32[HART_STOP_FUEL >>> 2] = after === Infinity ? fuel + 1 : fuel - after;
    core.run();
    statistics.instructions += fuel - i32[HART_FUEL >>> 2]!;
    const reason = u32[HART_EXIT >>> 2] as ExitReason;
    settleFarPc(this.physical);
    this.code.setLive(false);
    if (endsReservation(reason)) u32[HART_RESERVATION >>> 2] = NO_RESERVATION;
    statistics.interpreted = u32[HART_INTERPRETED >>> 2]! + u32[(HART_INTERPRETED >>> 2) + 1]! * 2 ** 32;
    return reason;
  }

  get statistics(): ProcessorStatistics {
    return this.tally.statistics;
  }

  serve(tally: ProcessorTally): void {
    if (this.tally === tally) return;
    // Who was served before may have left by an exception.
    this.code.setLive(false);
    this.tally.save(this.physical);
    tally.load(this.physical);
    this.tally = tally;
  }

  submitProfile(): void {
    if (this.#archive === undefined || !this.#translates) return;
    const regions = collectProfile(this.physical, this.code, this.tally, this.#newsMin);
    if (regions.length > 0) this.#archive.submit(writeProfiles(regions));
  }

  retired(tally: ProcessorTally): number {
    const { i32, u32 } = this.physical;
    return this.tally === tally
      ? retiredBy(u32[HART_RETIRED >>> 2]!, u32[(HART_RETIRED >>> 2) + 1]!, i32[HART_FUEL >>> 2]!)
      : tally.savedRetired;
  }

  faultingAccess(): FaultingAccess {
    return faultingAccess(this.physical, this.code, this.mode);
  }

  faultingAddress(): [low: number, high: number] {
    return faultingAddress(this.physical, this.code);
  }

  emulateMisaligned(translate: (va: VirtualAddress) => PhysicalAddress): number {
    const result = emulateMisaligned(this.physical, this.code, this.mode, translate);
    if (result === 0) this.statistics.instructions++;
    return result;
  }

  #engineOf(mode: AddressMode): ModeEngine {
    let engine = this.#engines.get(mode);
    if (engine === undefined) {
      engine = this.#createEngine(mode);
      this.#engines.set(mode, engine);
    }
    return engine;
  }

  #ecall(hooks: ProcessorHooks): number {
    const { u32 } = this.physical;
    u32[HART_RESERVATION >>> 2] = NO_RESERVATION;
    const result = hooks.onEcall();
    if (result !== 0) u32[HART_EXIT >>> 2] = ExitReason.ECALL;
    return result;
  }

  #writeRetired(count: number): void {
    const { u32 } = this.physical;
    u32[HART_RETIRED >>> 2] = count % 2 ** 32;
    u32[(HART_RETIRED >>> 2) + 1] = Math.floor(count / 2 ** 32);
  }
}

/**
 * A stop is none of the guest's: its LR may be on its way to its SC. Neither need a page be that has to be shown to
 * translated code; the kernel knows, and breaks the pair (HartRegisters.dropReservation) when it is a trap.
 */
function endsReservation(reason: ExitReason): boolean {
  return reason !== ExitReason.STOP && reason !== ExitReason.MEMORY && reason !== ExitReason.FETCH;
}

/** @param form  see TLB_MISS. @returns 1 when the access can be done */
function tlbMiss(hooks: ProcessorHooks, low: number, high: number, form: number): number {
  if (hooks.onTlbMiss === undefined || high < 0) return 0;
  const size = form & 255;
  const isMisaligned = (low & (size - 1)) !== 0;
  if (isMisaligned && ((form & TLB_MISS_ALIGN) !== 0 || (low & 4095) > 4096 - size)) return 0;
  return hooks.onTlbMiss(high * 2 ** 32 + low, (form & TLB_MISS_WRITE) !== 0) ? 1 : 0;
}

/** Every record of the page at address 0 says "fetch fault": an empty code-table entry leads there without a test. */
function writeNullPage(physical: PhysicalMemory): void {
  for (let record = 0; record < 2048 * RECORD_SIZE; record += RECORD_SIZE) physical.u8[record] = RecordOp.FETCH;
}
