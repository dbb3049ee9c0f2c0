/**
 * The notes of a core file, in Linux's order (fs/binfmt_elf.c, fill_note_info): for the thread that failed
 * NT_PRSTATUS, then NT_PRPSINFO, NT_SIGINFO,
 * NT_AUXV and NT_FILE of the process, then its NT_PRFPREG; for each other thread NT_PRSTATUS and NT_PRFPREG.
 */
import {
  Elf64Nhdr,
  ElfPrpsinfo,
  ElfPrstatus,
  NT_AUXV,
  NT_FILE,
  NT_PRFPREG,
  NT_PRPSINFO,
  NT_PRSTATUS,
  NT_SIGINFO,
  PAGE_SIZE,
  SiginfoSender,
  TASK_COMM_LEN,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { put64, putFields, putTimeval, viewOf } from "../../ground/words.ts";
import type { Area } from "../../mm/area.ts";
import type { SignalInfo } from "../../signal/pending-signals.ts";
import { floatRegisterBytes, generalRegisterBytes } from "../hart-registers.ts";
import { writeSignalInfo } from "../../signal/siginfo.ts";
import type { Task } from "../task.ts";
import { pathName } from "../../vfs/path-name.ts";

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
    note(NT_PRFPREG, floatRegisterBytes(failed.registers)),
  ];
  for (const other of others)
    notes.push(note(NT_PRSTATUS, status(task, info, other)), note(NT_PRFPREG, floatRegisterBytes(other.registers)));
  return concatenate(notes);
}

function note(type: number, content: Uint8Array): Uint8Array {
  const name = byteStringOf("CORE\0");
  const contentAt = Elf64Nhdr.size + Math.ceil(name.length / 4) * 4;
  const bytes = new Uint8Array(contentAt + Math.ceil(content.length / 4) * 4);
  const fields = { n_namesz: name.length, n_descsz: content.length, n_type: type };
  putFields(viewOf(bytes), Elf64Nhdr, fields);
  bytes.set(name, Elf64Nhdr.size);
  bytes.set(content, contentAt);
  return bytes;
}

function status(task: Task, info: SignalInfo, thread: ThreadState): Uint8Array {
  const bytes = new Uint8Array(ElfPrstatus.size);
  const view = new DataView(bytes.buffer);
  const { group } = task;
  const { offset } = ElfPrstatus;
  view.setInt32(offset.si_signo, info.signal, true);
  view.setInt32(offset.si_code, info.code, true);
  view.setInt32(offset.si_errno, info.errno, true);
  view.setInt16(offset.pr_cursig, info.signal, true);
  view.setUint32(offset.pr_sigpend, group.pending.set.low, true);
  view.setUint32(offset.pr_sigpend + 4, group.pending.set.high, true);
  view.setUint32(offset.pr_sighold, thread.blockedLow, true);
  view.setUint32(offset.pr_sighold + 4, thread.blockedHigh, true);
  view.setInt32(offset.pr_pid, thread.tid, true);
  view.setInt32(offset.pr_ppid, group.parent?.pid ?? 0, true);
  view.setInt32(offset.pr_pgrp, group.group.id, true);
  view.setInt32(offset.pr_sid, group.session.id, true);
  putTimeval(view, offset.pr_utime, thread.userNs);
  putTimeval(view, offset.pr_stime, thread.systemNs);
  putTimeval(view, offset.pr_cutime, group.childrenUserNs);
  putTimeval(view, offset.pr_cstime, group.childrenSystemNs);
  bytes.set(generalRegisterBytes(thread.registers), offset.pr_reg);
  view.setInt32(offset.pr_fpvalid, 1, true);
  return bytes;
}

function processInfo(task: Task): Uint8Array {
  const bytes = new Uint8Array(ElfPrpsinfo.size);
  const view = new DataView(bytes.buffer);
  const { group, credentials, space } = task;
  const { offset } = ElfPrpsinfo;
  bytes[offset.pr_sname] = "R".charCodeAt(0);
  view.setInt8(offset.pr_nice, task.nice);
  view.setUint32(offset.pr_uid, credentials.uid, true);
  view.setUint32(offset.pr_gid, credentials.gid, true);
  view.setInt32(offset.pr_pid, task.pid, true);
  view.setInt32(offset.pr_ppid, group.parent?.pid ?? 0, true);
  view.setInt32(offset.pr_pgrp, group.group.id, true);
  view.setInt32(offset.pr_sid, group.session.id, true);
  bytes.set(byteStringOf(task.name.slice(0, TASK_COMM_LEN - 1)), offset.pr_fname);
  // With its NUL.
  const length = Math.min(space.argumentsEnd - space.argumentsStart, ElfPrpsinfo.size - offset.pr_psargs - 1);
  if (length > 0 && space.copyIn(space.argumentsStart, bytes, offset.pr_psargs, length) === 0) {
    const end = offset.pr_psargs + length;
    for (let at = offset.pr_psargs; at < end; at++) if (bytes[at] === 0) bytes[at] = 32;
  }
  return bytes;
}

function signalBytes(info: SignalInfo): Uint8Array {
  const bytes = new Uint8Array(SiginfoSender.size);
  writeSignalInfo(new DataView(bytes.buffer), 0, info);
  return bytes;
}

/** Which files are mapped where: count, page size, then start, end and page offset of each, then the names. */
function fileNote(task: Task, areas: readonly Area[]): Uint8Array[] {
  const mapped = areas.filter((area) => area.file !== null && area.file.path !== null);
  const names = byteStringOf(mapped.map((area) => `${pathName(area.file!.path!, task.fs.root)}\0`).join(""));
  const places = mapped.flatMap(({ start, end, offset }) => [start, end, Math.floor(offset / PAGE_SIZE)]);
  const words = [mapped.length, PAGE_SIZE, ...places];
  const size = words.length * 8 + names.length;
  if (size > FILE_NOTE_MAX) return [];
  const bytes = new Uint8Array(size);
  const view = new DataView(bytes.buffer);
  words.forEach((word, index) => put64(view, index * 8, word));
  bytes.set(names, words.length * 8);
  return [note(NT_FILE, bytes)];
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
