/**
 * The notes of a core file, in Linux's order (fs/binfmt_elf.c, fill_note_info): for the thread that failed
 * NT_PRSTATUS, then NT_PRPSINFO, NT_SIGINFO,
 * NT_AUXV and NT_FILE of the process, then its NT_PRFPREG; for each other thread NT_PRSTATUS and NT_PRFPREG.
 * Layouts: include/linux/elfcore.h,
 * arch/riscv/include/uapi/asm/elf.h.
 */
import { NT_AUXV, NT_FILE, NT_PRFPREG, NT_PRPSINFO, NT_PRSTATUS, NT_SIGINFO, PAGE_SIZE } from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { HART, HART_F, HART_FFLAGS, HART_FRM, HART_PC, HART_X } from "@stratos/riscv";
import type { Area } from "../../mm/area.ts";
import type { SignalInfo } from "../../signal/pending-signals.ts";
import { writeSignalInfo } from "../signal-frame.ts";
import type { Task } from "../task.ts";
import { pathName } from "../../vfs/path-name.ts";

const PRSTATUS_SIZE = 376,
  PRPSINFO_SIZE = 136,
  FPREG_SIZE = 264,
  SIGINFO_SIZE = 128;
/** NT_FILE is left out beyond this (core_file_note_size_limit). */
const FILE_NOTE_MAX = 4 << 20;

/** A thread as it was when the dump began: it may have ended since. */
export interface ThreadState {
  tid: number;
  registers: Uint8Array;
  userNs: number;
  systemNs: number;
  blockedLow: number;
  blockedHigh: number;
}

export function threadState(task: Task, registers: Uint8Array): ThreadState {
  const { tid, userNs, systemNs, blocked } = task;
  return { tid, registers, userNs, systemNs, blockedLow: blocked.low, blockedHigh: blocked.high };
}

/** @param threads  the one that failed first */
export function coreNotes(
  task: Task,
  info: SignalInfo,
  threads: readonly ThreadState[],
  areas: readonly Area[],
): Uint8Array {
  const [failed, ...others] = threads as [ThreadState, ...ThreadState[]];
  const notes = [
    note(NT_PRSTATUS, status(task, info, failed)),
    note(NT_PRPSINFO, processInfo(task)),
    note(NT_SIGINFO, signalBytes(info)),
    note(NT_AUXV, task.space.auxiliaryVector),
    ...fileNote(task, areas),
    note(NT_PRFPREG, floatRegisters(failed)),
  ];
  for (const other of others)
    notes.push(note(NT_PRSTATUS, status(task, info, other)), note(NT_PRFPREG, floatRegisters(other)));
  return concatenate(notes);
}

function note(type: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(20 + Math.ceil(content.length / 4) * 4);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 5, true);
  view.setUint32(4, content.length, true);
  view.setUint32(8, type, true);
  bytes.set(byteStringOf("CORE"), 12);
  bytes.set(content, 20);
  return bytes;
}

/** `struct elf_prstatus`. */
function status(task: Task, info: SignalInfo, thread: ThreadState): Uint8Array {
  const bytes = new Uint8Array(PRSTATUS_SIZE);
  const view = new DataView(bytes.buffer);
  const { group } = task;
  [info.signal, info.code, info.errno].forEach((value, index) => view.setInt32(index * 4, value, true));
  view.setInt16(12, info.signal, true);
  view.setUint32(16, group.pending.set.low, true);
  view.setUint32(20, group.pending.set.high, true);
  view.setUint32(24, thread.blockedLow, true);
  view.setUint32(28, thread.blockedHigh, true);
  [thread.tid, group.parent?.pid ?? 0, group.group.id, group.session.id].forEach((value, index) =>
    view.setInt32(32 + index * 4, value, true),
  );
  [thread.userNs, thread.systemNs, group.childrenUserNs, group.childrenSystemNs].forEach((ns, index) => {
    view.setUint32(48 + index * 16, Math.floor(ns / 1e9), true);
    view.setUint32(56 + index * 16, Math.floor((ns % 1e9) / 1000), true);
  });
  // pr_reg: the pc, then x1 … x31.
  const saved = new DataView(thread.registers.buffer, thread.registers.byteOffset, thread.registers.byteLength);
  view.setUint32(112, saved.getUint32(HART_PC - HART, true), true);
  bytes.set(thread.registers.subarray(HART_X - HART + 8, HART_X - HART + 256), 120);
  view.setInt32(368, 1, true);
  return bytes;
}

/** `struct __riscv_d_ext_state`: f0 … f31, fcsr. */
function floatRegisters(thread: ThreadState): Uint8Array {
  const bytes = new Uint8Array(FPREG_SIZE);
  const { registers } = thread;
  bytes.set(registers.subarray(HART_F - HART, HART_F - HART + 256));
  bytes[256] = (registers[HART_FFLAGS - HART]! & 31) | ((registers[HART_FRM - HART]! & 7) << 5);
  return bytes;
}

/** `struct elf_prpsinfo`. */
function processInfo(task: Task): Uint8Array {
  const bytes = new Uint8Array(PRPSINFO_SIZE);
  const view = new DataView(bytes.buffer);
  const { group, credentials, space } = task;
  bytes[1] = "R".charCodeAt(0);
  view.setInt8(3, task.nice);
  view.setUint32(16, credentials.uid, true);
  view.setUint32(20, credentials.gid, true);
  [task.pid, group.parent?.pid ?? 0, group.group.id, group.session.id].forEach((value, index) =>
    view.setInt32(24 + index * 4, value, true),
  );
  bytes.set(byteStringOf(task.name.slice(0, 15)), 40);
  const length = Math.min(space.argumentsEnd - space.argumentsStart, 79);
  if (length > 0 && space.copyIn(space.argumentsStart, bytes, 56, length) === 0) {
    for (let at = 56; at < 56 + length; at++) if (bytes[at] === 0) bytes[at] = 32;
  }
  return bytes;
}

function signalBytes(info: SignalInfo): Uint8Array {
  const bytes = new Uint8Array(SIGINFO_SIZE);
  writeSignalInfo(new DataView(bytes.buffer), 0, info);
  return bytes;
}

/** Which files are mapped where: count, page size, then start, end and page offset of each, then the names. */
function fileNote(task: Task, areas: readonly Area[]): Uint8Array[] {
  const mapped = areas.filter((area) => area.file !== null && area.file.path !== null);
  const names = byteStringOf(mapped.map((area) => `${pathName(area.file!.path!, task.fs.root)}\0`).join(""));
  const size = 16 + mapped.length * 24 + names.length;
  if (size > FILE_NOTE_MAX) return [];
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  put64(view, 0, mapped.length);
  put64(view, 8, PAGE_SIZE);
  mapped.forEach((area, index) => {
    [area.start, area.end, Math.floor(area.offset / PAGE_SIZE)].forEach((value, column) =>
      put64(view, 16 + index * 24 + column * 8, value),
    );
  });
  bytes.set(names, 16 + mapped.length * 24);
  return [note(NT_FILE, bytes)];
}

export function put64(view: DataView, at: number, value: number): void {
  view.setUint32(at, value % 0x100000000, true);
  view.setUint32(at + 4, Math.floor(value / 0x100000000), true);
}

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
