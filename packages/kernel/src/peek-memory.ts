/**
 * Reads memory and files of programs from outside and leaves no trace: nothing is faulted in or cached, and what was
 * recorded of a host is not asked for.
 */
import { EINVAL, isErrno, PAGE_SIZE } from "@stratos/abi";
import { HostFs } from "./fs/hostfs/hostfs.ts";
import { PseudoFile } from "./pseudo/pseudo-inodes.ts";
import type { Inode } from "./vfs/inode.ts";
import type { AddressSpace } from "./mm/address-space.ts";
import { addressOfEntry, frameOfEntry } from "./mm/page-table.ts";
import { memoryTextOf, titleOf } from "./task/process-title.ts";
import { hasMemory } from "./task/task-access.ts";
import type { Task } from "./task/task.ts";

/**
 * @param into  takes the bytes from `address` on
 * @returns how many of them there are, before the first that nothing is mapped at
 */
export function peekMemory(space: AddressSpace, address: number, into: Uint8Array): number {
  return inPages(address, into, (at, part) => peekPage(space, at, part));
}

/** @returns what /proc/PID/cmdline has: a byte string, "" for one without memory */
export function peekTitle(task: Task): string {
  if (!hasMemory(task)) return "";
  const { space } = task;
  return titleOf(space, (start, end) =>
    memoryTextOf({ start, end }, (address, into) => peekMemory(space, address, into) === into.length),
  );
}

/** @returns bytes of a regular file from `offset` on, fewer at its end or where they cannot be had */
export function peekFile(inode: Inode, offset: number, into: Uint8Array): number {
  const count = Math.max(0, Math.min(into.length, inode.size - offset));
  return inPages(offset, into.subarray(0, count), (at, part) => peekFilePage(inode, at, part));
}

/**
 * @param most  characters of it that are enough
 * @returns text that is made when it is read (proc(5)), a byte string, as the task reads it; −EINVAL for a file of
 *   another kind, else what the source says
 */
export function peekText(inode: Inode, task: Task, most: number): string | number {
  if (!(inode instanceof PseudoFile)) return -EINVAL;
  let text = "";
  let from = 0;
  let kept: unknown = null;
  do {
    const piece = inode.source(task, from, kept);
    if (isErrno(piece)) return piece;
    if (typeof piece === "string") return text + piece;
    text += piece.text;
    from = piece.next;
    kept = piece.kept ?? null;
  } while (from >= 0 && text.length < most);
  return text;
}

/** @param read  fills a part that lies in one page; false: there is nothing */
function inPages(start: number, into: Uint8Array, read: (at: number, part: Uint8Array) => boolean): number {
  let done = 0;
  while (done < into.length) {
    const at = start + done;
    if (!(at >= 0 && at < Number.MAX_SAFE_INTEGER)) break;
    const count = Math.min(into.length - done, PAGE_SIZE - (at % PAGE_SIZE));
    if (!read(at, into.subarray(done, done + count))) break;
    done += count;
  }
  return done;
}

function peekPage(space: AddressSpace, address: number, into: Uint8Array): boolean {
  const area = space.areaAt(address);
  if (area === undefined) return false;
  const entry = space.table.get(address);
  if (entry !== 0) {
    space.kernel.frames.settle(frameOfEntry(entry));
    const from = addressOfEntry(entry) + (address % PAGE_SIZE);
    into.set(space.kernel.physical.u8.subarray(from, from + into.length));
    return true;
  }
  const content = area.file?.contentInode ?? null;
  const index = area.pageIndex(address - (address % PAGE_SIZE));
  if (content !== null && content.pages === area.pages)
    return peekFilePage(content, index * PAGE_SIZE + (address % PAGE_SIZE), into);
  const frame = area.pages?.peek(index) ?? 0;
  if (frame === 0) into.fill(0);
  else {
    const from = frame * PAGE_SIZE + (address % PAGE_SIZE);
    into.set(space.kernel.physical.u8.subarray(from, from + into.length));
  }
  return true;
}

function peekFilePage(inode: Inode, offset: number, into: Uint8Array): boolean {
  const { pages } = inode;
  if (pages === null || offset >= inode.size) return false;
  const index = Math.floor(offset / PAGE_SIZE);
  const within = offset % PAGE_SIZE;
  const frame = pages.peek(index);
  if (frame !== 0) {
    const from = frame * PAGE_SIZE + within;
    into.set(pages.frames.physical.u8.subarray(from, from + into.length));
    return true;
  }
  if (pages.backing === null) into.fill(0);
  else {
    const page = new Uint8Array(PAGE_SIZE);
    const { fileSystem } = inode;
    const isRecorded = fileSystem instanceof HostFs && fileSystem.tree.isRecorded === true;
    if (isRecorded || pages.backing.readPage(index, page, 0) < 0) return false;
    into.set(page.subarray(within, within + into.length));
  }
  return true;
}
