import { MAP_LOCKED, PAGE_SIZE } from "@stratos/abi";
import { stateOf } from "../ground/call-state.ts";
import { BLOCKED_KILLABLE, UNFINISHED } from "../ground/wait-queue.ts";
import { type Area, AREA_INHERITED, AREA_NO_FORK, AREA_WIPE_ON_FORK } from "./area.ts";
import { AddressSpace, WIDE_TOP } from "./address-space.ts";
import { PTE_R, PTE_W } from "./page-table.ts";
import type { MmCaller } from "./mm-kernel.ts";
import type { VirtualAddress } from "@stratos/riscv";

/**
 * The calling task's copy of its address space for fork(2), made in pieces of bounded work. Meanwhile other threads
 * may run and touch memory, as on Linux, but not change areas: `forkCopy` holds them up.
 *
 * @returns the copy, −ENOMEM, UNFINISHED, or BLOCKED_KILLABLE while another thread forks
 */
export function forkInPieces(task: MmCaller): AddressSpace | number {
  const { work } = task.kernel;
  const parent = task.space;
  work.mayPause = true;
  const state = stateOf(task, "fork");
  if (state === null && parent.forkCopy !== null) {
    task.waitOn(parent.forkDone);
    return BLOCKED_KILLABLE;
  }
  const child = parent.forkCopy ?? beginFork(parent);
  const end = parent.pieceEnd(state?.at ?? 0, Number.MAX_SAFE_INTEGER, work);
  const failed = copyPiece(parent, child, state?.at ?? 0, end);
  if (failed === 0 && end < Number.MAX_SAFE_INTEGER) {
    parent.forkCopy = child;
    task.syscallState = { kind: "fork", at: end };
    return UNFINISHED;
  }
  if (state !== null) endWait(parent);
  if (failed === 0) return child;
  child.release();
  return failed;
}

/** The task ended before its fork did. */
export function abandonFork(task: MmCaller): void {
  const { forkCopy } = task.space;
  endWait(task.space);
  forkCopy?.release();
}

function endWait(parent: AddressSpace): void {
  parent.forkCopy = null;
  parent.forkDone.wakeAll();
}

function beginFork(parent: AddressSpace): AddressSpace {
  const child = new AddressSpace(parent.kernel, parent.account);
  child.isWide = parent.isWide;
  child.growsUpwards = parent.growsUpwards;
  // What it shares lies there; what it writes goes elsewhere until the parent has left.
  child.window = parent.window;
  child.mappedBytes = parent.mappedBytes;
  child.peakMappedBytes = parent.mappedBytes;
  for (const field of COPIED) child[field] = parent[field];
  child.hasSeals = parent.hasSeals;
  child.executableRule = parent.inheritedExecutableRule;
  child.auxiliaryVector = parent.auxiliaryVector;
  if (parent.executable !== null) child.setExecutable(parent.executable);
  return child;
}

/** Copies what lies in `[start, end)`: an area whole when the piece begins before it, then its pages. */
function copyPiece(parent: AddressSpace, child: AddressSpace, start: VirtualAddress, end: VirtualAddress): number {
  const { processor } = parent.kernel;
  for (
    let area = parent.areas.endingAfter(start);
    area !== undefined && area.start < end;
    area = parent.areas.endingAfter(area.end)
  ) {
    if ((area.flags & AREA_NO_FORK) !== 0) {
      if (area.start >= start) child.mappedBytes -= area.end - area.start;
      continue;
    }
    let copy: Area | null = null;
    if (area.start >= start) {
      copy = area.slice(area.start, area.end);
      copy.flags &= ~MAP_LOCKED;
      copy.userfault = null;
      child.areas.insert(copy);
      // Code of unchanged file pages is shared at once; private code is decoded anew.
      if (area.code !== null && area.code.key !== null)
        copy.code = processor.code.open(area.code.key, area.start, area.end, parent.mode);
    }
    if ((area.flags & AREA_WIPE_ON_FORK) !== 0) continue;
    const before = child.table.residentPages;
    const failed = parent.table.copyTo(
      child.table,
      Math.max(area.start, start),
      Math.min(area.end, end),
      area.isShared,
    );
    if (failed < 0) return failed;
    if (!area.isShared && child.table.residentPages > before) {
      copy ??= child.areas.at(area.start)!;
      copy.flags |= AREA_INHERITED;
    }
  }
  // What has just become copy-on-write must fault, before anyone runs again.
  if (parent.isWide) parent.unpublishWrites(0, WIDE_TOP);
  else if (parent.slot >= 0) protectWrites(parent);
  return 0;
}

/** Empties the flat write entries of private pages; the areas that matter are few. */
function protectWrites(parent: AddressSpace): void {
  const { tables } = parent.kernel.processor;
  tables.writeProtectAll(parent.slot);
  for (const area of parent.areas) {
    if (!area.isShared || !area.isWritable) continue;
    parent.table.forEach(area.start, area.end, (address, entry) => {
      if ((entry & (PTE_R | PTE_W)) === (PTE_R | PTE_W))
        tables.map(parent.slot, address, entry - (entry & (PAGE_SIZE - 1)), true);
    });
  }
}

const COPIED = [
  "brkStart",
  "brkEnd",
  "stackStart",
  "argumentsStart",
  "argumentsEnd",
  "environmentStart",
  "environmentEnd",
  "codeStart",
  "codeEnd",
  "dataStart",
  "dataEnd",
  "barrierRegistrations",
] as const;
