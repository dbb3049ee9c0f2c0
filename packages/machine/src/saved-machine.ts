/**
 * A machine at rest as bytes, and a machine from them that goes on where that one stood.
 *
 * ```
 * "STRATOSM"  u32 version  u32 0
 * four parts, each: f64 length, u32 CRC-32C, bytes; of the pages, whose sums are checked, the CRC is 0
 *   shape   a saved state: what the machine is made of (memory, harts, kind of clock), and what its run has cost; the
 *           parts behind it are the same for runs of one seed, whatever ran them
 *   state   a saved state: the machine and all that it leads to
 *   sums    of each page a u32: its XXH32 (aegisfs/src/format/checksum.ts), of which a host computes many at once
 *   pages   of the frames in use that are not all zero, 4096 bytes each, in the order of the state's list
 * ```
 *
 * What the outside lends a machine is not in it: clock, chance, sockets and each handle of a stream, a console or a
 * volume are named by whoever saves, and given anew under their names by whoever loads. Connections to the outside are
 * reset there, and ports of the host are taken again. Translations and flat tables are left out, too: they come again
 * as programs run.
 */
import { MAX_HARTS, PAGE_SIZE } from "@stratos/abi";
import {
  assert,
  byteString,
  byteStringOf,
  copyInPieces,
  crc32c,
  loadState,
  reachableState,
  saveState,
  saveStateInPieces,
  StateError,
  stateName,
} from "@stratos/base";
import { checksumBlocks } from "@stratos/aegisfs";
import type { CpuClock } from "@stratos/host";
import {
  fillFrames,
  givenOfKernel,
  type Kernel,
  kernelPorts,
  savedParts,
  severedSocketFor,
  type Task,
} from "@stratos/kernel";
import { HART, HART_INTERPRETED, HART_SCRATCH, HART_TABLES } from "@stratos/riscv";
import { Machine, type MachineOptions } from "./machine.ts";
import { MEMORY_BYTES_MAX } from "./memory-max.ts";

/** Handles of the host by the names under which they are given to the machine that is loaded. */
type Handles = ReadonlyMap<string, object>;

/** Where the bytes of a saved machine come to lie. */
export interface SavedPlace {
  /** Bytes before them, for who puts something there; 0 by default. */
  readonly room?: number;
  /** All zero; of the ordinary heap by default. */
  readonly allocate?: (bytes: number) => Uint8Array;
}

/** What a machine that is loaded gets from outside; the rest stands in the file. */
interface LoadOptions extends Omit<MachineOptions, "board" | "memoryBytes" | "hostname" | "harts" | "virtualTime"> {
  readonly handles: Handles;
  /** The bytes were checked as a whole by whoever gives them: their checksums are not looked at again. */
  readonly isVerified?: boolean | undefined;
  /**
   * Pages of programs are copied when they are first touched, or by `settleNext` of the frames; until then the bytes
   * are held, and must stay as they are. Not of a machine in virtual time: it would do other work than the saved one.
   */
  readonly isLazy?: boolean | undefined;
}

interface Shape {
  readonly memoryBytes: number;
  readonly harts: number;
  readonly virtualTime: boolean;
  readonly callWork: number;
  /** CLOCK_MONOTONIC when it was saved: it goes on from there. */
  readonly monotonicNs: number;
  readonly statistics: object;
}

interface State {
  readonly machine: Machine;
  /** Registers and counts of the hart. */
  readonly hart: Uint8Array;
  /** Frames with content, ascending. */
  readonly frames: Uint32Array;
}

const MAGIC = "STRATOSM";
const VERSION = 48;
const HEADER_BYTES = 16;
const PART_HEADER_BYTES = 12;

/**
 * Between the pieces others of the board may run, and the machine itself must not.
 *
 * @param machine  at rest: between two calls of `run`; others of its board are not in what is written
 * @param handles  of the host that it may hold
 * @throws StateError of kind "unsavable", which names the process that holds what can't be saved
 */
export function* saveMachineInPieces(
  machine: Machine,
  handles: Handles,
  place: SavedPlace = {},
): Generator<void, Uint8Array> {
  const { kernel } = machine;
  const { board, physical, clock, work, harts, tally } = kernel;
  // Frames keep their numbers, and those of windows are none of a smaller memory's.
  if (physical.hasWindows) throw new StateError("unsavable", "the machine cannot be saved: its address mode is window");
  // What the hart has counted is another machine's otherwise.
  board.enter(kernel);
  const hart = physical.u8.slice(HART, HART_SCRATCH);
  hart.fill(0, HART_TABLES - HART, HART_TABLES - HART + 4);
  // How it was run is told by the statistics.
  hart.fill(0, HART_INTERPRETED - HART, HART_INTERPRETED - HART + 8);
  machine.forgetTurn();
  const statistics = { ...tally.statistics };
  const monotonicNs = clock.monotonicNs();
  const { replaced, frames: used, total } = yield* savedParts(kernel);
  yield;
  const frames = yield* framesWithContent(kernel, used);
  const virtualTime = stateName(clock) !== undefined;
  const memoryBytes = total * PAGE_SIZE;
  const shape: Shape = { memoryBytes, harts, virtualTime, callWork: work.limit, monotonicNs, statistics };
  const state: State = { machine, hart, frames };
  const ports = new Map<object, string>();
  for (const [name, port] of [...portsOf(machine), ...handles]) ports.set(port, name);
  const refused = { what: "saved", outside: ports.keys() };
  const stateBytes = yield* namingHoldersInPieces(
    machine,
    refused,
    saveStateInPieces(state, ports, { standIn: severedSocketFor, replaced }),
  );
  yield;
  const file = yield* SavedFile.begin([saveState(shape, new Map()), stateBytes], frames.length, place);
  for (let index = 0; index < frames.length; index++) {
    file.append(physical.u8, frames[index]! * PAGE_SIZE);
    if (index % PAGES_AT_ONCE === PAGES_AT_ONCE - 1) yield;
  }
  return yield* file.end();
}

/** Half a MiB: less than a millisecond, where the memory is there. */
const PAGES_AT_ONCE = 128;

function* framesWithContent({ frames, physical }: Kernel, used: Uint32Array): Generator<void, Uint32Array> {
  const found = new Uint32Array(used.length);
  let count = 0;
  for (const [index, frame] of used.entries()) {
    frames.settle(frame);
    if (!isZero(physical.u32, frame)) found[count++] = frame;
    if (index % PAGES_AT_ONCE === PAGES_AT_ONCE - 1) yield;
  }
  return found.slice(0, count);
}

/** The first parts; the sums and the pages are filled little by little: the file is made where it stays. */
class SavedFile {
  readonly #bytes: Uint8Array;
  readonly #sums: Uint32Array;
  readonly #sumsAt: number;
  #at: number;
  /** Pages that are there, and those of them whose sums are known. */
  #pages = 0;
  #summed = 0;

  static *begin(parts: readonly Uint8Array[], pages: number, place: SavedPlace): Generator<void, SavedFile> {
    const before = parts.reduce((sum, part) => sum + PART_HEADER_BYTES + part.length, HEADER_BYTES);
    const file = new SavedFile(before, pages, place);
    for (const part of parts) yield* file.#part(part);
    assert(file.#at === file.#sumsAt, "the first parts are as long as they were said to be");
    file.#at += PART_HEADER_BYTES + pages * 4;
    file.#header(pages * PAGE_SIZE, 0);
    return file;
  }

  /** @param before  bytes of its head and its first parts */
  private constructor(
    before: number,
    pages: number,
    { room = 0, allocate = (bytes) => new Uint8Array(bytes) }: SavedPlace,
  ) {
    this.#bytes = allocate(room + before + 2 * PART_HEADER_BYTES + pages * (4 + PAGE_SIZE));
    this.#sums = new Uint32Array(pages);
    this.#sumsAt = room + before;
    const view = new DataView(this.#bytes.buffer);
    this.#bytes.set(byteStringOf(MAGIC), room);
    view.setUint32(room + 8, VERSION, true);
    this.#at = room + HEADER_BYTES;
  }

  *#part(part: Uint8Array): Generator<void> {
    const at = this.#at + PART_HEADER_BYTES;
    this.#header(part.length, yield* copyInPieces(part, this.#bytes, at));
    this.#at = at + part.length;
  }

  #header(length: number, checksum: number): void {
    const view = new DataView(this.#bytes.buffer);
    view.setFloat64(this.#at, length, true);
    view.setUint32(this.#at + 8, checksum, true);
    this.#at += PART_HEADER_BYTES;
  }

  append(from: Uint8Array, at: number): void {
    this.#bytes.set(from.subarray(at, at + PAGE_SIZE), this.#at);
    this.#at += PAGE_SIZE;
    if (++this.#pages - this.#summed === SUMMED_AT_ONCE) this.#sum();
  }

  #sum(): void {
    const count = this.#pages - this.#summed;
    checksumBlocks(this.#bytes, this.#at - count * PAGE_SIZE, count, this.#sums, this.#summed);
    this.#summed = this.#pages;
  }

  *end(): Generator<void, Uint8Array> {
    assert(this.#at === this.#bytes.length, "all of a saved machine is in its file");
    this.#sum();
    this.#at = this.#sumsAt;
    yield* this.#part(bytesOfSums(this.#sums));
    return this.#bytes;
  }
}

/** While they are in the processor's cache. */
const SUMMED_AT_ONCE = 64;

function bytesOfSums(sums: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(sums.length * 4);
  const view = new DataView(bytes.buffer);
  for (const [index, sum] of sums.entries()) view.setUint32(index * 4, sum, true);
  return bytes;
}

/**
 * A machine that goes on where the saved one stood.
 *
 * @throws StateError  "damaged", "foreign": of another version, or a handle that it held is not given
 */
export function loadMachine(options: LoadOptions, bytes: Uint8Array): Machine {
  const [shapeBytes, stateBytes, sums, pages] = split(bytes, options.isVerified === true);
  const shape = loadState(shapeBytes, { ports: new Map(), given: new Map() }) as Shape;
  checkShape(shape);
  const { memoryBytes, harts, virtualTime, callWork, monotonicNs, statistics } = shape;
  const { handles, isVerified = false, isLazy = false, emptyBoard, ...outside } = options;
  const clock = virtualTime ? outside.clock : new ShiftedClock(outside.clock, monotonicNs);
  const board = emptyBoard?.freeBytes === memoryBytes ? emptyBoard : undefined;
  const made = { ...outside, emptyBoard: board, clock, memoryBytes, hostname: "", harts, virtualTime, callWork };
  const machine = new Machine(made);
  const { kernel } = machine;
  const { physical } = kernel;
  const before = kernel.frames.used();
  const given = givenOfKernel(kernel).set("Machine", machine);
  for (const object of [kernel.clock, kernel.random]) {
    const name = stateName(object);
    if (name !== undefined) given.set(name, object);
  }
  const ports = new Map([...portsOf(machine), ...handles]);
  const state = loadState(stateBytes, { ports, given }) as State;
  const { frames } = state;
  const isWhole = areFrames(kernel, frames) && pages.length === frames.length * PAGE_SIZE;
  if (state.machine !== machine || !isWhole || sums.length !== frames.length * 4)
    throw new StateError("damaged", "the saved machine is damaged: its parts do not fit together");
  if (!isVerified) checkPages(pages, sums);
  for (const frame of before) physical.u8.fill(0, frame * PAGE_SIZE, (frame + 1) * PAGE_SIZE);
  fillFrames(kernel, frames, pages, isLazy && !virtualTime);
  const tables = physical.u32[HART_TABLES >>> 2]!;
  physical.u8.set(state.hart, HART);
  physical.u32[HART_TABLES >>> 2] = tables;
  const { interpreted } = Object.assign(kernel.tally.statistics, statistics);
  physical.u32[HART_INTERPRETED >>> 2] = interpreted;
  physical.u32[(HART_INTERPRETED >>> 2) + 1] = interpreted / 2 ** 32;
  return machine;
}

/** Frames of the kernel's memory, ascending. */
function areFrames({ frames: { first, total } }: Kernel, frames: unknown): frames is Uint32Array {
  if (!(frames instanceof Uint32Array)) return false;
  let least = first as number;
  for (let index = 0; index < frames.length; index++) {
    const frame = frames[index]!;
    if (frame < least || frame >= first + total) return false;
    least = frame + 1;
  }
  return true;
}

/** @throws StateError */
function checkPages(pages: Uint8Array, sums: Uint8Array): void {
  const view = new DataView(sums.buffer, sums.byteOffset, sums.length);
  const computed = new Uint32Array(SUMMED_AT_ONCE);
  for (let done = 0; done < sums.length / 4; done += SUMMED_AT_ONCE) {
    const count = Math.min(SUMMED_AT_ONCE, sums.length / 4 - done);
    checksumBlocks(pages, done * PAGE_SIZE, count, computed, 0);
    for (let index = 0; index < count; index++)
      if (computed[index] !== view.getUint32((done + index) * 4, true))
        throw new StateError("damaged", "the saved machine is damaged: the checksum of its pages is another");
  }
}

/** What every machine has from outside. A clock or a source of chance that is state of its own is none of it. */
export function portsOf({ kernel }: Machine): Map<string, object> {
  const ports = kernelPorts(kernel);
  for (const [name, port] of Object.entries({ clock: kernel.clock, random: kernel.random, sockets: kernel.sockets }))
    if (port !== null && stateName(port) === undefined) ports.set(name, port);
  return ports;
}

/** Goes on where another clock was, whatever time the host has. */
class ShiftedClock implements CpuClock {
  readonly #clock: CpuClock;
  readonly #shiftNs: number;

  constructor(clock: CpuClock, nowNs: number) {
    this.#clock = clock;
    this.#shiftNs = nowNs - clock.monotonicNs();
  }

  monotonicNs(): number {
    return this.#clock.monotonicNs() + this.#shiftNs;
  }

  realtimeMs(): number {
    return this.#clock.realtimeMs();
  }

  cpuNs(): number {
    return this.#clock.cpuNs();
  }
}

function isZero(u32: Uint32Array, frame: number): boolean {
  for (let at = frame * (PAGE_SIZE / 4); at < (frame + 1) * (PAGE_SIZE / 4); at++) if (u32[at] !== 0) return false;
  return true;
}

interface Refused {
  /** "saved", for its words. */
  readonly what: string;
  /** Objects that are no state of the machine. */
  readonly outside: Iterable<object>;
}

/** Adds to a refusal who holds what can't be saved. */
export function namingHolders<T>(machine: Machine, refused: Refused, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw withHolders(machine, refused, error);
  }
}

function* namingHoldersInPieces<T>(machine: Machine, refused: Refused, work: Generator<void, T>): Generator<void, T> {
  try {
    return yield* work;
  } catch (error) {
    throw withHolders(machine, refused, error);
  }
}

function withHolders(machine: Machine, { what, outside }: Refused, error: unknown): unknown {
  if (!(error instanceof StateError)) return error;
  const { message, holders } = error.holders.length === 0 ? refusalOf(machine, outside, error) : error;
  const held = new Set(holders);
  const owners = [...machine.kernel.tasks.tasks.values()].filter((task) => holdsAny(task, held));
  const names = owners.map(({ name, tid }) => `${name}[${tid}]`);
  const by = names.length === 0 ? "" : `, in use by ${names.join(", ")}`;
  return new StateError("unsavable", `the machine cannot be ${what}: ${message}${by}`, holders);
}

/** The same refusal, with all that led there. */
function refusalOf(machine: Machine, outside: Iterable<object>, refusal: StateError): StateError {
  try {
    reachableState(machine, new Map([...outside].map((object) => [object, "outside"])), { standIn: severedSocketFor });
    return refusal;
  } catch (error) {
    return error instanceof StateError ? error : refusal;
  }
}

/** Has the task a file open, or mapped, that is among `held`? */
function holdsAny(task: Task, held: ReadonlySet<object>): boolean {
  let holds = [task, task.group, task.space, task.files].some((each) => held.has(each));
  task.files.forEach((_fd, file) => (holds ||= held.has(file)));
  return holds || [...task.space.areas].some(({ file }) => file !== null && held.has(file));
}

function checkShape(shape: Partial<Record<keyof Shape, unknown>>): void {
  const { memoryBytes, harts, callWork, monotonicNs, virtualTime, statistics } = shape;
  const isWhole = (value: unknown, least: number, most: number): boolean =>
    Number.isInteger(value) && (value as number) >= least && (value as number) <= most;
  if (
    isWhole(memoryBytes, PAGE_SIZE, MEMORY_BYTES_MAX) &&
    isWhole(harts, 1, MAX_HARTS) &&
    isWhole(callWork, 1, Number.MAX_SAFE_INTEGER) &&
    typeof monotonicNs === "number" &&
    typeof statistics === "object" &&
    typeof virtualTime === "boolean"
  )
    return;
  throw new StateError("damaged", "the saved machine is damaged: its shape is impossible");
}

/** @returns the four parts, whole; the pages have sums of their own */
function split(file: Uint8Array, isVerified: boolean): [Uint8Array, Uint8Array, Uint8Array, Uint8Array] {
  if (byteString(file, 0, MAGIC.length) !== MAGIC) throw new StateError("foreign", "this is no saved machine");
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const cut = new StateError("damaged", "the saved machine is damaged: cut short");
  if (file.length < HEADER_BYTES) throw cut;
  const version = view.getUint32(8, true);
  if (version !== VERSION)
    throw new StateError("foreign", `the machine was saved in format ${version}; this version reads ${VERSION}`);
  let at = HEADER_BYTES;
  const part = (name: string, hasSums = false): Uint8Array => {
    if (at + PART_HEADER_BYTES > file.length) throw cut;
    const length = view.getFloat64(at, true);
    const checksum = view.getUint32(at + 8, true);
    at += PART_HEADER_BYTES;
    if (!(Number.isInteger(length) && length >= 0 && at + length <= file.length)) throw cut;
    const bytes = file.subarray(at, at + length);
    at += length;
    if (hasSums ? checksum !== 0 : !isVerified && crc32c(bytes) !== checksum)
      throw new StateError("damaged", `the saved machine is damaged: the checksum of its ${name} is another`);
    return bytes;
  };
  const parts = [part("shape"), part("state"), part("sums"), part("pages", true)] as const;
  if (at !== file.length) throw new StateError("damaged", "the saved machine is damaged: bytes behind its end");
  return [...parts];
}
