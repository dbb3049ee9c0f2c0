/**
 * What is known of the code that a process executes: its program and libraries as files of the machine, with their
 * functions, lines of source and call frames. Files are read once, whichever machine of a timeline has them.
 */
import { HART, HART_PC, HART_X } from "@stratos/riscv";
import { byteStringToUtf8 } from "@stratos/base";
import { type Inode, pathName, peekMemory, registersOf, type Task } from "@stratos/kernel";
import { CallFrames, RETURN_ADDRESS, STACK_POINTER } from "./call-frames.ts";
import { DebugInfo } from "./debug-info.ts";
import { ElfFile } from "./elf-file.ts";
import { LineTable } from "./line-table.ts";
import { variablesAt, type VisibleVariables } from "./variables.ts";

/** Frames of a stack; one that calls itself without end has more. */
const FRAMES_MAX = 256;
/** Files that are kept. */
const FILES_MAX = 256;
const FRAME_POINTER = 8;

class CodeFile {
  readonly elf: ElfFile;
  #lines: LineTable | null | undefined = undefined;
  #frames: readonly CallFrames[] | null = null;
  #info: DebugInfo | null | undefined = undefined;

  constructor(elf: ElfFile) {
    this.elf = elf;
  }

  get lines(): LineTable | null {
    if (this.#lines === undefined) this.#lines = this.#readLines();
    return this.#lines;
  }

  #readLines(): LineTable | null {
    const line = this.elf.section(".debug_line")?.bytes ?? null;
    if (line === null) return null;
    const [lineStrings, strings] = [".debug_line_str", ".debug_str"].map(
      (name) => this.elf.section(name)?.bytes ?? null,
    );
    return new LineTable({ line, lineStrings: lineStrings ?? null, strings: strings ?? null });
  }

  get knownInfo(): DebugInfo | null {
    return this.#info ?? null;
  }

  /** null: the compiler said nothing of variables. */
  get info(): DebugInfo | null {
    if (this.#info === undefined) {
      const kept = new Map<string, Uint8Array | null>();
      const section = (name: string): Uint8Array | null => {
        let bytes = kept.get(name);
        if (bytes === undefined) kept.set(name, (bytes = this.elf.section(name)?.bytes ?? null));
        return bytes;
      };
      this.#info = section(".debug_info") === null ? null : new DebugInfo(section);
    }
    return this.#info;
  }

  /** Each of them has functions that the other one may not have. */
  get frames(): readonly CallFrames[] {
    return (this.#frames ??= [".eh_frame", ".debug_frame"].flatMap((name) => {
      const section = this.elf.section(name);
      return section === null ? [] : [new CallFrames(section)];
    }));
  }
}

/** An address of a process in words. */
export interface CodePlace {
  readonly pc: number;
  /** Path of the file, or a label such as "[vdso]"; "": nothing is mapped there. */
  readonly object: string;
  /** "main + 0x12"; null: nobody knows. */
  readonly name: string | null;
  readonly functionName: string | null;
  readonly source: { readonly file: string; readonly line: number } | null;
}

/** A function that is under way. */
export interface StackFrame {
  readonly place: CodePlace;
  /** An address within it: its pc, or within the call that it makes. */
  readonly at: number;
  readonly stackPointer: number;
  /** Where its registers lie that functions below have saved, by their DWARF numbers; null: lost. */
  readonly saved: ReadonlyMap<number, number | null>;
  /** Its caller's stack pointer; null: not known. */
  cfa: number | null;
}

/** A file where the process has mapped it: code at an address of the file is at that plus `bias`. */
interface MappedFile {
  readonly file: CodeFile;
  readonly bias: number;
}

export class ProgramCode {
  /** null: no ELF file. */
  readonly #files = new Map<string, CodeFile | null>();

  placeAt({ space, fs }: Task, pc: number): CodePlace {
    const area = space.areaAt(pc);
    const path = area?.file?.path ?? null;
    const object = byteStringToUtf8(path === null ? (area?.label ?? "") : pathName(path, fs.root));
    const mapped = this.#mappedAt(space, pc);
    if (mapped === null) return { pc, object, name: null, functionName: null, source: null };
    const address = pc - mapped.bias;
    const { elf, lines } = mapped.file;
    const source = lines?.placeOf(address) ?? null;
    return {
      pc,
      object,
      name: elf.placeName(address),
      functionName: elf.functionAt(address)?.name ?? null,
      source: source === null ? null : { file: byteStringToUtf8(source.file), line: source.line },
    };
  }

  /** Where the function with this address begins, by the symbols of its file; null: they tell of none. */
  functionStart({ space }: Task, address: number): number | null {
    const mapped = this.#mappedAt(space, address);
    const found = mapped?.file.elf.functionAt(address - mapped.bias) ?? null;
    return found === null ? null : found.start + mapped!.bias;
  }

  /** The thread's stack, the innermost first; as far as it can be told. */
  stackOf(task: Task): CodePlace[] {
    return this.framesOf(task).map(({ place }) => place);
  }

  /** … with what is known of the functions' registers. */
  framesOf(task: Task): StackFrame[] {
    const { space } = task;
    const state = registersOf(task);
    const view = new DataView(state.buffer, state.byteOffset, state.byteLength);
    const register = (number: number): number => u64(view, HART_X - HART + 8 * number);
    let registers = Array.from({ length: 32 }, (_, number) => (number === 0 ? 0 : register(number)));
    let pc = view.getUint32(HART_PC - HART, true);
    const load = (address: number): number | null => {
      const bytes = new Uint8Array(8);
      return peekMemory(space, address, bytes) === 8 ? u64(new DataView(bytes.buffer), 0) : null;
    };
    let saved = new Map<number, number | null>();
    const frames: StackFrame[] = [
      { place: this.placeAt(task, pc), at: pc, stackPointer: registers[STACK_POINTER]!, saved, cfa: null },
    ];
    while (frames.length < FRAMES_MAX) {
      const isInner = frames.length === 1;
      // What a call returns to may be the next function.
      const at = isInner ? pc : pc - 1;
      const mapped = this.#mappedAt(space, at);
      let caller: number[] | null = null;
      const callers = new Map(saved);
      for (const each of mapped?.file.frames ?? [])
        caller ??= each.callerOf(at - mapped!.bias, registers, load, callers);
      const inner = frames.at(-1)!;
      if (caller !== null) inner.cfa = caller[STACK_POINTER]!;
      // Nobody knows: a function that has called nobody yet has what it returns to in x1.
      const isLeaf =
        isInner && this.placeAt(task, registers[RETURN_ADDRESS]!).functionName !== frames[0]!.place.functionName;
      caller ??= isLeaf ? [...registers] : pointedCaller(registers, load, callers);
      if (caller === null) break;
      const next = caller[RETURN_ADDRESS]!;
      const isDeeper = caller[STACK_POINTER]! > registers[STACK_POINTER]!;
      if (next === 0 || space.areaAt(next)?.isExecutable !== true || (!isDeeper && !isInner)) break;
      if (!isDeeper && next === pc) break;
      registers = caller;
      pc = next;
      saved = callers;
      // The line of the call, not the one after it.
      const place = { ...this.placeAt(task, pc - 1), pc };
      frames.push({ place, at: pc - 1, stackPointer: registers[STACK_POINTER]!, saved, cfa: null });
    }
    return frames;
  }

  /** Where functions of this name begin, behind what sets up their frame is not looked for. */
  functionsNamed(task: Task, name: string): number[] {
    return this.#mapped(task).flatMap(({ file, bias }) => {
      const found = file.elf.functionNamed(name);
      return found === null ? [] : [found.start + bias];
    });
  }

  /** A global variable, or a static one; what belongs to each thread is none. The program comes before libraries. */
  variableNamed(task: Task, name: string): { address: number; size: number } | null {
    for (const { file, bias } of this.#mapped(task)) {
      const found = file.elf.variableNamed(name);
      if (found !== null) return { address: found.start + bias, size: found.end - found.start };
    }
    return null;
  }

  /** A question more about variables: what it costs is counted anew. */
  beginQuestion(): void {
    for (const file of this.#files.values()) file?.knownInfo?.begin();
  }

  /** The variables that a place sees, and what an address of its file is more in memory; null: nothing is known. */
  variablesAt(task: Task, address: number): { readonly visible: VisibleVariables; readonly bias: number } | null {
    const mapped = this.#mappedAt(task.space, address);
    const info = mapped?.file.info ?? null;
    const visible = info === null ? null : variablesAt(info, address - mapped!.bias);
    return visible === null ? null : { visible, bias: mapped!.bias };
  }

  /** Where a line of a source begins, or the next one with code. @param path  as somebody else may know it */
  lineOf(task: Task, path: string, line: number): { line: number; addresses: readonly number[] } | null {
    const mapped = this.#mapped(task).flatMap(({ file, bias }) => (file.lines === null ? [] : [{ file, bias }]));
    // Folders differ between who compiled and who looks: the longest common end of paths decides, the name at least.
    const wanted = partsOf(path);
    let most = 0;
    for (const { file } of mapped)
      for (const source of file.lines!.sources)
        most = Math.max(most, commonEnd(partsOf(byteStringToUtf8(source)), wanted));
    if (most === 0) return null;
    for (const { file, bias } of mapped) {
      const isFile = (source: string): boolean => commonEnd(partsOf(byteStringToUtf8(source)), wanted) === most;
      const found = file.lines!.addressesOf(isFile, line);
      if (found !== null) return { line: found.line, addresses: found.addresses.map((address) => address + bias) };
    }
    return null;
  }

  /** Files that code is executed from. */
  #mapped({ space }: Task): MappedFile[] {
    const found: MappedFile[] = [];
    for (const area of space.areas) {
      if (!area.isExecutable || area.file === null) continue;
      const mapped = this.#mappedAt(space, area.start);
      if (mapped !== null) found.push(mapped);
    }
    return found;
  }

  #mappedAt(space: Task["space"], address: number): MappedFile | null {
    const area = space.areaAt(address);
    const inode = area?.file?.contentInode ?? null;
    if (area === undefined || inode === null) return null;
    const file = this.#fileOf(inode);
    const own = file?.elf.addressOf(area.offset + (address - area.start)) ?? null;
    return file === null || own === null ? null : { file, bias: address - own };
  }

  #fileOf(inode: Inode): CodeFile | null {
    const { seconds, nanoseconds } = inode.mtime;
    const key = `${inode.fileSystem.device} ${inode.ino} ${inode.size} ${seconds}.${nanoseconds}`;
    let file = this.#files.get(key);
    if (file === undefined) {
      const elf = ElfFile.open(inode);
      file = elf === null ? null : new CodeFile(elf);
      if (this.#files.size >= FILES_MAX) this.#files.clear();
      this.#files.set(key, file);
    }
    // A machine that was gone back from is no more, and its files cannot be read.
    file?.elf.moveTo(inode);
    return file;
  }
}

/** By the frame pointer (RISC-V psABI, "Frame Pointer Convention"): the return address lies below it, then its own. */
function pointedCaller(
  registers: readonly number[],
  load: (address: number) => number | null,
  saved: Map<number, number | null>,
): number[] | null {
  const pointer = registers[FRAME_POINTER]!;
  if (pointer <= registers[STACK_POINTER]! || pointer % 8 !== 0) return null;
  const [address, before] = [load(pointer - 8), load(pointer - 16)];
  if (address === null || before === null) return null;
  const caller = [...registers];
  saved.set(RETURN_ADDRESS, pointer - 8).set(FRAME_POINTER, pointer - 16);
  caller[RETURN_ADDRESS] = address;
  caller[FRAME_POINTER] = before;
  caller[STACK_POINTER] = pointer;
  return caller;
}

function partsOf(path: string): string[] {
  return path.split(/[/\\]/).filter((part) => part !== "" && part !== ".");
}

function commonEnd(a: readonly string[], b: readonly string[]): number {
  let count = 0;
  while (count < a.length && count < b.length && a.at(-1 - count) === b.at(-1 - count)) count++;
  return count;
}

function u64(view: DataView, at: number): number {
  return view.getUint32(at + 4, true) * 2 ** 32 + view.getUint32(at, true);
}
