import { FlatAddressTables } from "./address-tables.ts";
import { TranslatedCodeCache } from "./code-cache.ts";
import { createCoreModule } from "./core-module.ts";
import type { CoreModule } from "./core-module.ts";
import { ExitReason } from "./exit-reason.ts";
import { HART_EXIT, HART_FUEL, HART_INTERPRETED, HART_RESERVATION, HART_RETIRED } from "./hart-state.ts";
import { instructionMeanings } from "./lower/lowerings.ts";
import type { PhysicalMemory } from "./physical-memory.ts";
import { emulateMisaligned, faultingAccess } from "./memory-fault.ts";
import type { AddressTables, FaultingAccess, Processor, ProcessorOptions, ProcessorStatistics } from "./processor.ts";
import { RECORD_SIZE, RecordOp } from "./record.ts";

/**
 * Instructions between returns to JavaScript: the host's engine replaces code by better optimised code only when it is called
 * anew, and hot functions are translated there. Chunk ends never change where a slice ends.
 */
const CHUNK = 200_000;
const TABLE_SIZE = 65536;
const NO_RESERVATION = 0xffffffff;

export function createProcessor(options: ProcessorOptions): Processor {
  return new TranslatingProcessor(options);
}

class TranslatingProcessor implements Processor {
  readonly physical: PhysicalMemory;
  readonly tables: AddressTables;
  readonly code: TranslatedCodeCache;
  readonly statistics: ProcessorStatistics;
  readonly #core: CoreModule;
  readonly #hot: number[];

  constructor(options: ProcessorOptions) {
    const { physical, engine, hooks } = options;
    this.physical = physical;
    this.statistics = {
      instructions: 0, interpreted: 0, decodedRecords: 0, translatedFunctions: 0, translatedBlocks: 0, translatedInstructions: 0,
      modules: 0, wasmBytes: 0, translateMs: 0,
    };
    writeNullPage(physical);
    physical.u32[HART_RESERVATION >>> 2] = NO_RESERVATION;
    this.tables = new FlatAddressTables(physical);
    const table = engine.createTable(TABLE_SIZE);
    this.code = new TranslatedCodeCache(physical, table, () => this.#core.exports["interpreter"], this.statistics);
    this.#hot = [];
    const translate = options.translate !== false;
    this.#core = createCoreModule({
      engine, physical, table, mode: "paged", meanings: instructionMeanings(engine), hotThreshold: translate ? Math.min(options.hotThreshold ?? 200, 255) : 0,
      hooks: {
        decode: (record, pc) => this.code.decodeRun(record, pc >>> 0),
        ecall: () => {
          const leave = hooks.onEcall();
          if (leave !== 0) physical.u32[HART_EXIT >>> 2] = ExitReason.ECALL;
          return leave;
        },
        hot: (pc) => { this.#hot.push(pc >>> 0); },
      },
    });
  }

  run(fuel: number): ExitReason {
    const { i32, u32 } = this.physical;
    let left = fuel;
    let reason: ExitReason;
    this.code.setLive(true);
    do {
      const chunk = Math.min(left, CHUNK);
      i32[HART_FUEL >>> 2] = chunk;
      this.#writeRetired(this.statistics.instructions + chunk);
      this.#core.run();
      const used = chunk - (i32[HART_FUEL >>> 2] as number);
      this.statistics.instructions += used;
      left -= used;
      reason = u32[HART_EXIT >>> 2] as ExitReason;
      this.code.setLive(false);
    } while (reason === ExitReason.BUDGET && left >= 0);
    u32[HART_RESERVATION >>> 2] = NO_RESERVATION;
    this.statistics.interpreted = (u32[HART_INTERPRETED >>> 2] as number) + (u32[(HART_INTERPRETED >>> 2) + 1] as number) * 2 ** 32;
    return reason;
  }

  faultingAccess(): FaultingAccess {
    return faultingAccess(this.physical, this.code, "paged");
  }

  emulateMisaligned(translate: (va: number) => number): number {
    const result = emulateMisaligned(this.physical, this.code, "paged", translate);
    if (result === 0) this.statistics.instructions++;
    return result;
  }

  #writeRetired(count: number): void {
    const { u32 } = this.physical;
    u32[HART_RETIRED >>> 2] = count % 2 ** 32;
    u32[(HART_RETIRED >>> 2) + 1] = Math.floor(count / 2 ** 32);
  }
}

/** Every record of the page at address 0 says "fetch fault": an empty code-table entry leads there without a test. */
function writeNullPage(physical: PhysicalMemory): void {
  for (let record = 0; record < 2048 * RECORD_SIZE; record += RECORD_SIZE) physical.u16[record >>> 1] = RecordOp.FETCH;
}
