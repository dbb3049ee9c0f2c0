/**
 * A program of the compiling engine as a native one: the same modules of WebAssembly that the wasm back end runs, and
 * the same first content of their memory, compiled ahead for a processor and written as an ELF file: a static one, or
 * with foreign functions of C one that is linked to libc. Where its parts lie: layout.ts, foreign/places.ts.
 */
import { assert } from "@stratos/base";
import type { EngineImage, RuntimeModule } from "../image/engine-image.ts";
import {
  Immediate,
  Kind,
  LEAST_THRESHOLD,
  Region,
  Register,
  SLICE_WORDS,
  STACK_BUDGET,
  cellAddress,
  headerByte,
  heapReserve,
  leastNursery,
} from "../heap/layout.ts";
import { HEAP_FULL, RESERVE_FULL } from "../datum/condition.ts";
import { runtimeModule } from "../back-wasm/runtime-module.ts";
import { emitFunction } from "./emit.ts";
import type { NativeCode } from "./emit.ts";
import { writeElf } from "./elf.ts";
import type { Segment } from "./elf.ts";
import {
  CODE_START,
  HEAP_END,
  MADE_CODE_START,
  MADE_FRAME_BYTES,
  MADE_SLOTS_START,
  STACK_END,
  TABLE_START,
} from "./layout.ts";
import { dynamicPart } from "./foreign/dynamic.ts";
import { FOREIGN_INTRINSICS } from "./foreign/foreign-platform.ts";
import type { ForeignPlatform } from "./foreign/foreign-platform.ts";
import { foreignConstants, foreignWords } from "./foreign/foreign-words.ts";
import { HEADERS_AT } from "./foreign/places.ts";
import { NONE } from "./instructions.ts";
import { lowerFunction } from "./lower.ts";
import { nativeModule } from "./native-module.ts";
import type { SystemCalls } from "./native-module.ts";
import { readRuntimeCode, writeRuntimeCode } from "./runtime-code.ts";
import type { RuntimeCode } from "./runtime-code.ts";
import { Assembler } from "./target.ts";
import type { Target } from "./target.ts";
import { readModule } from "./wasm-module.ts";
import type { FunctionType, WasmModuleText } from "./wasm-module.ts";

/** A processor under Linux. */
export interface NativePlatform {
  readonly machine: number;
  readonly elfFlags: number;
  /** The largest pages that its kernels have. */
  readonly pageBytes: number;
  readonly calls: SystemCalls;
  /** MAP_NORESERVE of mmap(2). */
  readonly mapNoReserve: number;
  readonly target: (options: { isFar: boolean; isForeign: boolean }) => Target;
  /** Operations that are routines of native-low.ts there. */
  readonly routines: ReadonlyMap<number, string>;
  /** Where, from `native/look-handler` on, a signal's handler is left; 0: the kernel has code for that. */
  readonly signalReturnAt: number;
  /** Writes `native/NAME`. `look-handler` is a signal's, and sets `Register.stackLimit` to 0. */
  intrinsic(code: Assembler, name: Intrinsic, target: Target): void;
  /**
   * Writes `native/made-unwind`, where an unwinding comes to a frame of code that `eval` made: saves it, leaves it, and
   * throws anew. @returns where the call that saves it returns to
   */
  madeUnwind(code: Assembler, target: Target): number;
  /** Calls reach so many bytes without `isFar`. */
  readonly nearBytes: number;
  /** Without it programs there have no foreign functions of C. */
  readonly foreign?: ForeignPlatform;
}
const INTRINSICS = ["start", "syscall", "throw-unwind", "throw-abort", "look-handler"] as const;
export type Intrinsic = (typeof INTRINSICS)[number];

/** By their names. */
type Modules = ReadonlyMap<string, WasmModuleText>;

const MIB = 1024 * 1024;
const HEAP_LEAST = 32 * MIB;
/** In the page of the registers: where call sites and symbols begin and end, a set of signals and a time, a message. */
const SITES = 0x10000 + 0x2c0;
const SIGNAL_SET = 0x10000 + 0x2d0;
const MESSAGE = 0x10000 + 0x360;
const MESSAGE_TEXT = `stratos: ${HEAP_FULL}`;
/** Follows it where a handler of that, or the report, had no memory either. */
const MESSAGE_REST = `${RESERVE_FULL}\n`;
/** There, too: the addresses of `native/look-handler` and `native/made-unwind`, a struct sigaction or itimerval. */
const LOOK_HANDLER = 0x10000 + 0x330;
const MADE_UNWIND = 0x10000 + 0x334;
const SIGNAL_ACTION = 0x10000 + 0x338;
/** sigaction(2): SA_RESTART, SA_RESTORER. */
const SA_RESTART = 0x10000000;
const SA_RESTORER = 0x04000000;
/** Of the runtime's registers. */
const PAGE = 4096;
/** Bytes below the stack that nothing lies in: C may take more of it than there is. */
const STACK_GUARD = 64 * 1024;
const SITE_BYTES = 16;
const MAP_PRIVATE_FIXED_ANONYMOUS = 0x32;

const pageUp = (at: number, bytes: number): number => Math.ceil(at / bytes) * bytes;

/**
 * @param nurseryBytes  as the engine had it that made the image
 * @param isForeign  the program has foreign functions of C; the platform has `foreign` then
 * @param runtime  what `compiledRuntime` gave; the program is the same without it
 */
export function nativeProgram(
  image: EngineImage,
  platform: NativePlatform,
  options: { nurseryBytes: number; isForeign: boolean; isScheduled: boolean; runtime: Uint8Array | null },
): Uint8Array {
  const { nurseryBytes, isForeign, isScheduled, runtime } = options;
  const foreign = isForeign ? platform.foreign! : null;
  const grown = pageUp(image.memory.at(-1)!.start + image.memory.at(-1)!.bytes.length, platform.pageBytes);
  const native = nativeModule(platform.calls, {
    constants: {
      "HEAP-GROWN": grown,
      "HEAP-GROWN-32": grown,
      "HEAP-END": HEAP_END,
      "HEAP-LEAST": HEAP_LEAST,
      "MAP-FLAGS": MAP_PRIVATE_FIXED_ANONYMOUS | platform.mapNoReserve,
      "SITES-START": SITES,
      "SITES-END": SITES + 4,
      "SYMBOLS-START": SITES + 8,
      "SYMBOLS-END": SITES + 12,
      "STATICS-END": Region.staticsEnd,
      "CELLS-END": Region.cellsEnd,
      "SYMBOL-HEADER": headerByte(Kind.symbol) + 2 ** 32,
      EOF: Immediate.eof,
      MESSAGE,
      MACHINE: platform.machine,
      "MADE-CODE": MADE_CODE_START,
      "MADE-FRAME": MADE_FRAME_BYTES,
      "MADE-UNWIND": MADE_UNWIND,
      "SIGNAL-SET": SIGNAL_SET,
      "LOOK-HANDLER": LOOK_HANDLER,
      "SIGNAL-ACTION": SIGNAL_ACTION,
      "SIGNAL-FLAGS": SA_RESTART | (platform.signalReturnAt > 0 ? SA_RESTORER : 0),
      "SIGNAL-RETURN": platform.signalReturnAt,
      SIGVTALRM: 26,
      "ITIMER-VIRTUAL": 1,
      "LOOK-MICROSECONDS": 100_000,
      "SHORT-MESSAGE-BYTES": MESSAGE_TEXT.length,
      "MESSAGE-BYTES": MESSAGE_TEXT.length + MESSAGE_REST.length - 1,
      NEWLINE: MESSAGE + MESSAGE_TEXT.length + MESSAGE_REST.length - 1,
      ...(foreign === null ? {} : foreignConstants(foreign)),
    },
    units: image.program!.units,
    isForeign,
  });
  const modules: Modules = new Map([["native", readModule(native)], ...modulesOf(image, () => true)]);
  const purpose = { machine: platform.machine, isScheduled, runtimeSum: image.runtimeSum };
  const compiled = isForeign || runtime === null ? null : readRuntimeCode(runtime, purpose);
  const { text, table, sites, lookHandler, madeUnwind } = link(modules, platform, {
    isFar: false,
    isForeign,
    isScheduled,
    compiled,
  });
  const constantsStart = pageUp(CODE_START + text.length, platform.pageBytes);
  const symbols = new Uint8Array(new Uint32Array(image.symbols.map(([, address]) => address)).buffer);
  const constants = new Uint8Array(sites.length + symbols.length);
  constants.set(sites);
  constants.set(symbols, sites.length);
  const symbolsStart = constantsStart + sites.length;

  const first = registerPage(image, nurseryBytes);
  const view = new DataView(first.buffer);
  const places = [constantsStart, symbolsStart, symbolsStart, constantsStart + constants.length];
  view.setUint32(LOOK_HANDLER & 0xffff, lookHandler, true);
  view.setUint32(MADE_UNWIND & 0xffff, madeUnwind, true);
  places.forEach((place, index) => view.setUint32((SITES & 0xffff) + 4 * index, place, true));
  first.set(
    [...(MESSAGE_TEXT + MESSAGE_REST)].map((letter) => letter.charCodeAt(0)),
    MESSAGE & 0xffff,
  );
  if (isForeign) foreignWords(first);
  const parts = [{ start: 0x10000, bytes: first }, ...image.memory];
  const segments: Segment[] = parts.map(({ start, bytes }, index) => ({
    address: start,
    bytes,
    memoryBytes: (parts[index + 1]?.start ?? grown) - start,
    access: "rw",
  }));
  const stackStart = HEAP_END + (isForeign ? STACK_GUARD : 0);
  segments.push(
    { address: stackStart, bytes: new Uint8Array(0), memoryBytes: STACK_END - stackStart, access: "rw" },
    { address: TABLE_START, bytes: table, memoryBytes: table.length, access: "r" },
    { address: CODE_START, bytes: text, memoryBytes: text.length, access: "rx" },
    { address: constantsStart, bytes: constants, memoryBytes: constants.length, access: "r" },
  );
  const { machine, elfFlags: flags, pageBytes } = platform;
  const own = { machine, flags, entry: CODE_START, pageBytes };
  if (foreign === null) return writeElf(segments, own);
  const address = pageUp(constantsStart + constants.length, pageBytes);
  const { bytes, ...dynamic } = dynamicPart(foreign, address);
  segments.push({ address, bytes, memoryBytes: bytes.length, access: "rw" });
  return writeElf(segments, { ...own, dynamic: { ...dynamic, headersAt: HEADERS_AT } });
}

/**
 * The runtime's machine code, for `nativeProgram`.
 *
 * @param image  of a native runtime
 */
export function compiledRuntime(image: EngineImage, platform: NativePlatform, isScheduled: boolean): Uint8Array {
  const { machine } = platform;
  const modules = modulesOf(image, ({ isRuntime }) => isRuntime);
  const target = platform.target({ isFar: false, isForeign: false });
  const codes = new Map<string, NativeCode[]>();
  for (const name of modules.keys()) codes.set(name, compileModule(name, modules, platform, { target, isScheduled }));
  return writeRuntimeCode(codes, { machine, isScheduled, runtimeSum: image.runtimeSum });
}

function modulesOf(image: EngineImage, isWanted: (module: RuntimeModule) => boolean): Modules {
  return new Map([
    ["low", readModule(runtimeModule({ isNative: true }))],
    ...image.modules.filter(isWanted).map(({ name, bytes }) => [name, readModule(bytes)] as const),
  ]);
}

/** The page of the runtime's registers, as an engine has them that begins with this image. */
function registerPage(image: EngineImage, nurseryBytes: number): Uint8Array {
  const page = new Uint8Array(PAGE);
  const view = new DataView(page.buffer);
  const [cellCount, staticNext, oldNext] = image.registers as [number, number, number];
  const oldStart = image.memory.at(-1)!.start;
  const nurseryEnd = Region.nursery + nurseryBytes;
  assert(oldStart === nurseryEnd, "an image's old generation begins after the nursery");
  assert(cellAddress(cellCount) <= Region.cellsEnd, "an image's cells fit");
  const half = Math.floor((HEAP_END - nurseryEnd) / 2 / 65536) * 65536;
  const reserve = heapReserve(nurseryBytes);
  for (const [register, value] of [
    [Register.alloc, Region.nursery + 8],
    [Register.limit, nurseryEnd],
    [Register.stackLimit, Region.stack + STACK_BUDGET],
    [Register.nurseryEnd, nurseryEnd],
    [Register.nurserySize, nurseryBytes],
    [Register.nurseryMost, nurseryBytes],
    [Register.nurseryLeast, leastNursery(nurseryBytes)],
    [Register.nurseryRoom, nurseryBytes],
    [Register.barrierSize, nurseryBytes],
    [Register.leastThreshold, LEAST_THRESHOLD],
    [Register.slice, SLICE_WORDS],
    [Register.oldStart, oldStart],
    [Register.oldNext, oldNext],
    [Register.halfBytes, half],
    [Register.heapReserve, reserve],
    [Register.oldEnd, oldStart + half - reserve],
    [Register.otherStart, oldStart + half],
    [Register.otherEnd, oldStart + 2 * half - reserve],
    [Register.oldThreshold, LEAST_THRESHOLD],
    [Register.storeNext, Region.stores],
    [Register.staticNext, staticNext],
    [Register.cellCount, cellCount],
  ] as const)
    view.setUint32(register & 0xffff, value, true);
  return page;
}

interface Linked {
  readonly text: Uint8Array;
  /** Addresses of code, by the places of the table. */
  readonly table: Uint8Array;
  readonly sites: Uint8Array;
  readonly lookHandler: number;
  readonly madeUnwind: number;
}

/** @param options.compiled  code of some of the modules, for near calls */
function link(
  modules: Modules,
  platform: NativePlatform,
  options: { isFar: boolean; isForeign: boolean; isScheduled: boolean; compiled: RuntimeCode | null },
): Linked {
  const { isFar, isForeign, isScheduled, compiled } = options;
  const target = platform.target(options);
  const slots: string[] = [];
  const codes: NativeCode[] = [];
  for (const [name, { elements }] of modules) {
    codes.push(...(compiled?.get(name) ?? compileModule(name, modules, platform, { target, isScheduled })));
    for (const { slot, functions } of elements)
      functions.forEach((index, place) => {
        slots[slot + place] = functionAt(modules, name, index).name;
      });
  }
  // Code that near calls would not reach across is written anew before they are placed.
  const bytes = codes.reduce((sum, code) => sum + ((code.bytes.length + 15) & ~15), 0);
  return !isFar && bytes > platform.nearBytes
    ? link(modules, platform, { ...options, isFar: true, compiled: null })
    : place(codes, slots, { platform, target, isForeign });
}

function compileModule(
  module: string,
  modules: Modules,
  platform: NativePlatform,
  { target, isScheduled }: { target: Target; isScheduled: boolean },
): NativeCode[] {
  const { functions, imports, types } = modules.get(module)!;
  const context = {
    functionAt: (index: number) => functionAt(modules, module, index),
    types,
    routineFor: (op: number) => platform.routines.get(op) ?? null,
  };
  return functions.map((body, at) => {
    const { name } = context.functionAt(at + imports.length);
    return emitFunction(lowerFunction(body, name, context), target, isScheduled);
  });
}

/** What a module calls by this index: its own function, or another module's. */
function functionAt(modules: Modules, module: string, index: number): { name: string; type: FunctionType } {
  const { imports, functions, exportNames } = modules.get(module)!;
  const imported = imports[index];
  if (imported === undefined) {
    const { type } = functions[index - imports.length]!;
    const isOfRuntime = module === "low" || module === "native";
    return { name: isOfRuntime ? `${module}/${exportNames.get(index)!}` : `${module}#${index}`, type };
  }
  const { type } = imported;
  const from = imported.module === "host" ? "native" : imported.module;
  if (from === "low" || from === "native") return { name: `${from}/${imported.name}`, type };
  return { name: `${from}#${modules.get(from)!.exports.get(imported.name)!}`, type };
}

function place(
  codes: NativeCode[],
  slots: readonly string[],
  { platform, target, isForeign }: { platform: NativePlatform; target: Target; isForeign: boolean },
): Linked {
  assert(slots.length <= MADE_SLOTS_START, "a program's functions fit into the table");
  const table = new Uint8Array(slots.length * 8);
  const places = new Map<string, number>();
  let size = 0;
  const intrinsic = <T extends string>(name: T, write: (code: Assembler, name: T) => void): NativeCode => {
    const code = new Assembler(false);
    write(code, name);
    return { name: `native/${name}`, bytes: code.bytes, calls: code.calls, sites: [], frameBytes: 0 };
  };
  const own = INTRINSICS.filter((name) => !isForeign || name !== "start").map((name) =>
    intrinsic(name, (code) => platform.intrinsic(code, name, target)),
  );
  const ofC = isForeign
    ? FOREIGN_INTRINSICS.map((name) => intrinsic(name, (code) => platform.foreign!.intrinsic(code, name, target)))
    : [];
  const unwind = new Assembler(false);
  const saved = platform.madeUnwind(unwind, target);
  const madeUnwind: NativeCode = {
    name: "native/made-unwind",
    bytes: unwind.bytes,
    calls: unwind.calls,
    sites: [{ at: saved, unwind: NONE, abort: NONE }],
    frameBytes: MADE_FRAME_BYTES,
  };
  // What begins the program comes first.
  const all = [...ofC, ...own, madeUnwind, ...codes];
  for (const { name, bytes } of all) {
    places.set(name, size);
    size += (bytes.length + 15) & ~15;
  }
  const text = new Uint8Array(size);
  const view = new DataView(text.buffer);
  const sites: number[][] = [];
  for (const { name, bytes, calls, sites: own, frameBytes } of all) {
    const start = places.get(name)!;
    text.set(bytes, start);
    for (const call of calls) {
      const to = places.get(call.target);
      assert(to !== undefined, `${name} calls ${call.target}, which is nowhere`);
      target.patchCall(view, start + call.at, to);
    }
    const address = (at: number): number => (at < 0 ? 0 : CODE_START + start + at);
    for (const { at, unwind, abort } of own) sites.push([address(at), frameBytes, address(unwind), address(abort)]);
  }
  const tableView = new DataView(table.buffer);
  slots.forEach((name, slot) => tableView.setUint32(slot * 8, CODE_START + places.get(name)!, true));
  sites.sort((a, b) => a[0]! - b[0]!);
  const siteBytes = new Uint8Array(sites.length * SITE_BYTES);
  const siteView = new DataView(siteBytes.buffer);
  sites.flat().forEach((value, index) => siteView.setUint32(index * 4, value, true));
  const address = (name: string): number => CODE_START + places.get(`native/${name}`)!;
  return {
    text,
    table,
    sites: siteBytes,
    lookHandler: address("look-handler"),
    madeUnwind: address("made-unwind"),
  };
}
