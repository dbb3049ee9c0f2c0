/**
 * A core file (core(5)): an ELF file of a header, program headers (the notes, then one PT_LOAD for each area), the
 * notes, and from the next page on the memory of the areas that /proc/PID/coredump_filter names. Pages that were never
 * touched are holes.
 *
 * The process that failed writes it itself, a bounded piece each turn (`step`), while all its other threads have ended;
 * SIGKILL ends it early. State is plain data: what is planned, and where the writing stands.
 */
import {
  AT_FDCWD,
  ELFCLASS64,
  ELFDATA2LSB,
  ELF_MAGIC,
  EM_RISCV,
  ET_CORE,
  EV_CURRENT,
  Elf64Ehdr,
  Elf64Phdr,
  O_CREAT,
  O_EXCL,
  O_LARGEFILE,
  O_NOFOLLOW,
  O_NONBLOCK,
  O_RDWR,
  PAGE_SIZE,
  PROT_EXEC,
  PROT_READ,
  PROT_WRITE,
  PT_LOAD,
  PT_NOTE,
  RLIMIT_CORE,
  SIGKILL,
  isErrno,
} from "@stratos/abi";
import { BytesCursor, stateClass } from "@stratos/base";
import { type Area, AREA_NO_DUMP } from "../../mm/area.ts";
import { PTE_A } from "../../mm/page-table.ts";
import { VDSO_LABEL } from "../../mm/vdso/vdso.ts";
import type { SignalInfo } from "../../signal/pending-signals.ts";
import { exitGroup, exitTask } from "../exit.ts";
import type { Kernel } from "../kernel-state.ts";
import type { Task } from "../task.ts";
import type { OpenFile } from "../../vfs/open-file.ts";
import { removeFile } from "../../vfs/name-changes.ts";
import { openPath } from "../../vfs/open.ts";
import { truncateInode } from "../../vfs/truncate.ts";
import { put64 } from "../../ground/words.ts";
import { coreNotes, type ThreadState, threadState } from "./core-notes.ts";
import {
  FILTER_ELF_HEADERS,
  FILTER_FILE_PRIVATE,
  FILTER_FILE_SHARED,
  FILTER_PRIVATE,
  FILTER_SHARED,
} from "./core-filter.ts";
import { coreName } from "./core-name.ts";
import { pipeCore, PipedCore } from "./piped-core.ts";

/** Wait status: a core was written (wait(2), WCOREDUMP). */
const CORE_FLAG = 0x80;
/** Pages that one turn writes or looks at. */
const STEP_PAGES = 512;
/** Bytes of address space that one turn looks through where its table is mostly empty. */
const SPARSE_BYTES = 2 ** 30;
/** The same where pages are expected: each window without one makes the next twice as wide. */
const DENSE_BYTES = STEP_PAGES * PAGE_SIZE;

/** An area and how many of its bytes, from its start, stand in the file. */
interface Segment {
  area: Area;
  bytes: number;
  offset: number;
}

/**
 * Ends the process by a signal that leaves a core. When one can be written, the process goes on for as long as that
 * takes, and `continueCoreDump` ends it.
 */
export function endWithCore(task: Task, info: SignalInfo): void {
  const file = task.kernel.coreSettings.isPiped ? openPipe(task, info.signal) : openCore(task, info.signal);
  if (file === null) return exitGroup(task, info.signal);
  const { group, kernel } = task;
  const own = new Uint8Array(task.registers.length);
  kernel.hart.saveTo(own);
  const threads = [threadState(task, own)];
  for (const other of group.tasks.slice()) {
    if (other === task) continue;
    threads.push(threadState(other, other.registers.slice()));
    exitTask(other, info.signal);
  }
  group.coreDump = new CoreDump(file, info, threads, [...task.space.areas]);
  // The system call that it was in is over.
  task.endWait("signal");
  task.syscallNumber = -1;
  task.syscallState = null;
  task.hasWork = true;
  kernel.scheduler.mustSwitch = true;
}

/** A turn of the process that writes its core. */
export function continueCoreDump(task: Task): void {
  const { group, kernel } = task;
  const dump = group.coreDump!;
  const isKilled = task.pending.set.has(SIGKILL) || group.pending.set.has(SIGKILL);
  const { file } = dump;
  const state = file instanceof PipedCore ? file.drain(task) : "ready";
  if (!isKilled && state === "waits") {
    task.state = "S";
    task.hasWork = true;
    return;
  }
  if (!isKilled && state === "ready" && !dump.isComplete) {
    dump.step(task);
    task.hasWork = true;
    kernel.scheduler.mustSwitch = true;
    return;
  }
  group.coreDump = null;
  const isWhole = file instanceof PipedCore ? file.isDelivered : !isKilled;
  dump.release(kernel);
  exitGroup(task, dump.signal | (isWhole ? CORE_FLAG : 0));
}

/** The pipe to the program that is to have the core; its limit of size doesn't count (core(5)). */
function openPipe(task: Task, signal: number): PipedCore | null {
  const { group, kernel } = task;
  if (group.dumpable === 0 || group.coreDump !== null) return null;
  const file = pipeCore(task, signal);
  if (file !== null) kernel.coreSettings.pipedCount++;
  return file;
}

/** The file to write to; null when there is to be none (core(5) lists the reasons). */
function openCore(task: Task, signal: number): OpenFile | null {
  const { group } = task;
  if (group.dumpable === 0 || group.limits[RLIMIT_CORE]!.soft < PAGE_SIZE || group.coreDump !== null) return null;
  const name = coreName(task, signal);
  if (name === "") return null;
  if (group.dumpable === 2) return openForRoot(task, name);
  // What had the name before goes (fs/coredump.c, do_coredump): a link or somebody else's file is not written through.
  removeFile(task, AT_FDCWD, name);
  return createCore(task, name);
}

/**
 * The same of a process that may know what its user must not (proc(5), suid_dumpable 2): the core is root's, in the
 * machine's first root, and in the place of nothing.
 */
function openForRoot(task: Task, name: string): OpenFile | null {
  if (!name.startsWith("/")) return null;
  const { credentials, fs } = task;
  task.credentials = { ...credentials, fsuid: 0 };
  task.fs = task.kernel.tasks.processes.get(1)!.leader.fs;
  const file = createCore(task, name);
  task.credentials = credentials;
  task.fs = fs;
  return file;
}

function createCore(task: Task, name: string): OpenFile | null {
  const file = openPath(task, AT_FDCWD, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_LARGEFILE | O_NONBLOCK, 0o600);
  if (isErrno(file)) return null;
  if (file.inode?.isRegular === true) return file;
  file.release();
  return null;
}

export class CoreDump {
  readonly file: OpenFile;
  #info: SignalInfo;
  #threads: readonly ThreadState[];
  #areas: readonly Area[];
  #segments: Segment[] = [];
  #phase: "plan" | "headers" | "memory" | "done" = "plan";
  /** The area (plan) or segment (memory) that is next, and the address in it. */
  #index = 0;
  #address = 0;
  #span = DENSE_BYTES;
  /** Bytes written so far. */
  #written = 0;
  /** Where the next segment's bytes begin in the file; in the end its size. */
  #size = 0;

  constructor(file: OpenFile, info: SignalInfo, threads: readonly ThreadState[], areas: readonly Area[]) {
    this.file = file;
    this.#info = info;
    this.#threads = threads;
    this.#areas = areas;
  }

  get signal(): number {
    return this.#info.signal;
  }

  get isComplete(): boolean {
    return this.#phase === "done";
  }

  /** Nothing more is written: it is whole, or the process ends before. */
  release(kernel: Kernel): void {
    if (this.file instanceof PipedCore) kernel.coreSettings.pipedCount--;
    this.file.release();
  }

  /** Does a piece of the work. @returns whether that was the last */
  step(task: Task): boolean {
    switch (this.#phase) {
      case "plan":
        this.#plan(task);
        break;
      case "headers":
        this.#phase = this.#writeHeaders(task) ? "memory" : "done";
        this.#index = 0;
        this.#address = this.#segments[0]?.area.start ?? 0;
        break;
      case "memory":
        if (this.#writeMemory(task)) this.#phase = "done";
        break;
      case "done":
    }
    if (this.isComplete && this.file instanceof PipedCore) this.file.complete(this.#size);
    return this.isComplete;
  }

  /** Decides what each area gives. Work: STEP_PAGES areas, or SPARSE_BYTES of address space. */
  #plan(task: Task): void {
    for (let left = STEP_PAGES; left > 0;) {
      const area = this.#areas[this.#index];
      if (area === undefined) {
        this.#phase = "headers";
        return;
      }
      const kind = dumpKind(task, area);
      const from = Math.max(this.#address, area.start);
      const until = Math.min(area.end, from + SPARSE_BYTES);
      const hasCopies = kind === "if written" && hasPrivatePages(task, from, until);
      left -= kind === "if written" ? Math.ceil((until - from) / (SPARSE_BYTES / STEP_PAGES)) : 1;
      if (kind === "if written" && !hasCopies && until < area.end) {
        this.#address = until;
        return;
      }
      const bytes =
        kind === "whole" || hasCopies
          ? area.end - area.start
          : kind === "if written" && wantsHeader(task, area)
            ? PAGE_SIZE
            : 0;
      this.#segments.push({ area, bytes, offset: 0 });
      this.#index++;
    }
  }

  #writeHeaders(task: Task): boolean {
    const notes = coreNotes(task, this.#info, this.#threads, this.#areas);
    const count = this.#segments.length + 1;
    const notesAt = Elf64Ehdr.size + count * Elf64Phdr.size;
    const bytes = new Uint8Array(Math.ceil((notesAt + notes.length) / PAGE_SIZE) * PAGE_SIZE);
    const view = new DataView(bytes.buffer);
    bytes.set([0x7f, 0x45, 0x4c, 0x46, ELFCLASS64, ELFDATA2LSB, EV_CURRENT]);
    view.setUint16(Elf64Ehdr.offset.e_type, ET_CORE, true);
    view.setUint16(Elf64Ehdr.offset.e_machine, EM_RISCV, true);
    view.setUint32(Elf64Ehdr.offset.e_version, EV_CURRENT, true);
    put64(view, Elf64Ehdr.offset.e_phoff, Elf64Ehdr.size);
    view.setUint16(Elf64Ehdr.offset.e_ehsize, Elf64Ehdr.size, true);
    view.setUint16(Elf64Ehdr.offset.e_phentsize, Elf64Phdr.size, true);
    view.setUint16(Elf64Ehdr.offset.e_phnum, count, true);
    putProgramHeader(view, Elf64Ehdr.size, {
      type: PT_NOTE,
      flags: 0,
      offset: notesAt,
      address: 0,
      fileBytes: notes.length,
      memoryBytes: 0,
      alignment: 4,
    });
    this.#size = bytes.length;
    this.#segments.forEach((segment, index) => {
      const { area } = segment;
      segment.offset = this.#size;
      this.#size += segment.bytes;
      const flags =
        ((area.protection & PROT_READ) !== 0 ? 4 : 0) |
        ((area.protection & PROT_WRITE) !== 0 ? 2 : 0) |
        ((area.protection & PROT_EXEC) !== 0 ? 1 : 0);
      putProgramHeader(view, Elf64Ehdr.size + (index + 1) * Elf64Phdr.size, {
        type: PT_LOAD,
        flags,
        offset: segment.offset,
        address: area.start,
        fileBytes: segment.bytes,
        memoryBytes: area.end - area.start,
        alignment: PAGE_SIZE,
      });
    });
    bytes.set(notes, notesAt);
    return this.#write(task, bytes, 0);
  }

  /**
   * Work: STEP_PAGES pages, or SPARSE_BYTES without any. @returns whether the file is complete, or can't become
   * longer
   */
  #writeMemory(task: Task): boolean {
    for (let left = STEP_PAGES; left > 0;) {
      const segment = this.#segments[this.#index];
      if (segment === undefined) {
        const { inode } = this.file;
        if (inode !== null && inode.size < this.#size) truncateInode(task, inode, this.#size, this.file.path);
        return true;
      }
      const end = segment.area.start + segment.bytes;
      if (this.#address >= end) {
        this.#index++;
        this.#address = this.#segments[this.#index]?.area.start ?? 0;
        left--;
        continue;
      }
      const pages = pagesFrom(task, segment.area, {
        start: this.#address,
        end: Math.min(end, this.#address + this.#span),
        most: left,
      });
      this.#span = pages.addresses.length > 0 ? DENSE_BYTES : Math.min(this.#span * 2, SPARSE_BYTES);
      for (const address of pages.addresses) {
        if (task.space.copyIn(address, PAGE, 0, PAGE_SIZE) < 0) continue;
        if (!this.#write(task, PAGE, segment.offset + address - segment.area.start)) return true;
      }
      this.#address = pages.next;
      left -= pages.looked;
    }
    return false;
  }

  /**
   * Writes at a place of the file, as long as what was written (holes don't count) stays within RLIMIT_CORE.
   * @returns false when nothing more can be written
   */
  #write(task: Task, bytes: Uint8Array, offset: number): boolean {
    this.#written += bytes.length;
    const isWithin = this.file instanceof PipedCore || this.#written <= task.group.limits[RLIMIT_CORE]!.soft;
    return isWithin && this.file.write(task, new BytesCursor(bytes), offset) === bytes.length;
  }

  static {
    stateClass("CoreDump", this, {
      save: (it) => ({
        info: it.#info,
        threads: it.#threads,
        areas: it.#areas,
        segments: it.#segments,
        phase: it.#phase,
        index: it.#index,
        address: it.#address,
        span: it.#span,
        written: it.#written,
        size: it.#size,
      }),
      load: (it, from) =>
        ({
          info: it.#info,
          threads: it.#threads,
          areas: it.#areas,
          segments: it.#segments,
          phase: it.#phase,
          index: it.#index,
          address: it.#address,
          span: it.#span,
          written: it.#written,
          size: it.#size,
        } = from),
    });
  }
}

const PAGE = new Uint8Array(PAGE_SIZE);

/**
 * The filter's word on an area; "if written": its pages that differ from its file make it a whole one. @see
 * fs/coredump.c, vma_dump_size
 */
function dumpKind(task: Task, area: Area): "whole" | "if written" | "none" {
  const filter = task.group.coreFilter;
  const has = (bit: number): boolean => (filter & bit) !== 0;
  if ((area.flags & AREA_NO_DUMP) !== 0) return "none";
  if (area.label === VDSO_LABEL) return "whole";
  if (area.isShared)
    return has(area.file === null || area.file.inode?.nlink === 0 ? FILTER_SHARED : FILTER_FILE_SHARED)
      ? "whole"
      : "none";
  if (area.file === null) return has(FILTER_PRIVATE) ? "whole" : "none";
  return has(FILTER_FILE_PRIVATE) ? "whole" : "if written";
}

function hasPrivatePages(task: Task, start: number, end: number): boolean {
  if ((task.group.coreFilter & FILTER_PRIVATE) === 0) return false;
  let found = false;
  task.space.table.forEach(start, end, (_address, entry) => {
    found ||= (entry & PTE_A) !== 0;
  });
  return found;
}

/** The first page of a program or library shows a debugger which one it was. */
function wantsHeader(task: Task, area: Area): boolean {
  return (
    (task.group.coreFilter & FILTER_ELF_HEADERS) !== 0 &&
    area.offset === 0 &&
    area.isReadable &&
    task.space.loadU32(area.start) === ELF_MAGIC
  );
}

/** What looking through a window costs beside its pages, in pages. */
const EMPTY_WINDOW = 32;

/** Pages of `[start, end)` that hold something: at most `most`, where to go on, and how many were looked at. */
function pagesFrom(
  task: Task,
  area: Area,
  range: { start: number; end: number; most: number },
): { addresses: number[]; next: number; looked: number } {
  const { start, end, most } = range;
  const addresses: number[] = [];
  if (area.pages !== null) {
    // A page of a file counts in any case; of shared anonymous memory, what is there.
    const last = Math.min(end, start + most * PAGE_SIZE);
    for (let at = start; at < last; at += PAGE_SIZE)
      if (area.file !== null || area.pages.peek(area.pageIndex(at)) !== 0) addresses.push(at);
    return { addresses, next: last, looked: (last - start) / PAGE_SIZE };
  }
  let last = end;
  task.space.table.forEach(start, end, (address, entry) => {
    if (addresses.length < most) addresses.push(address);
    else last = Math.min(last, address);
  });
  return { addresses, next: last, looked: addresses.length + EMPTY_WINDOW };
}

interface ProgramHeader {
  type: number;
  flags: number;
  offset: number;
  address: number;
  fileBytes: number;
  memoryBytes: number;
  alignment: number;
}

function putProgramHeader(view: DataView, at: number, header: ProgramHeader): void {
  view.setUint32(at + Elf64Phdr.offset.p_type, header.type, true);
  view.setUint32(at + Elf64Phdr.offset.p_flags, header.flags, true);
  put64(view, at + Elf64Phdr.offset.p_offset, header.offset);
  put64(view, at + Elf64Phdr.offset.p_vaddr, header.address);
  put64(view, at + Elf64Phdr.offset.p_filesz, header.fileBytes);
  put64(view, at + Elf64Phdr.offset.p_memsz, header.memoryBytes);
  put64(view, at + Elf64Phdr.offset.p_align, header.alignment);
}
