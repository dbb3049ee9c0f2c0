import { MAP_LOCKED, PAGE_SIZE } from "@stratos/abi";
import { AddressSpace, WIDE_TOP } from "./address-space.ts";
import { PTE_A, PTE_C, PTE_R, PTE_W } from "./page-table.ts";

/**
 * A copy of the address space for fork(2): areas are copied, private pages are shared until one side writes (copy-on-write). Pages of files that were
 * never written come back by faults. Returns −ENOMEM when page-table nodes can't be allocated.
 */
export function forkAddressSpace(parent: AddressSpace): AddressSpace | number {
  const { kernel } = parent;
  const { frames, processor } = kernel;
  const child = new AddressSpace(kernel);
  child.isWide = parent.isWide;
  for (const area of parent.areas) {
    const copy = area.slice(area.start, area.end);
    copy.flags &= ~MAP_LOCKED;
    child.areas.push(copy);
    // Code of unchanged file pages is shared at once; private code is decoded anew.
    if (area.code !== null && area.code.key !== null) copy.code = processor.code.open(area.code.key, area.start, area.end, parent.mode);
  }
  child.mappedBytes = parent.mappedBytes;
  child.peakMappedBytes = parent.mappedBytes;
  for (const field of COPIED) child[field] = parent[field];
  child.hasSeals = parent.hasSeals;
  child.auxiliaryVector = parent.auxiliaryVector;
  if (parent.executable !== null) child.setExecutable(parent.executable);

  let failure = 0;
  for (const area of parent.areas) {
    const isPrivate = !area.isShared;
    parent.table.forEach(area.start, area.end, (address, entry) => {
      if (failure < 0) return entry;
      frames.retain(entry >>> 12);
      if (isPrivate && (entry & PTE_A) !== 0) entry = (entry & ~PTE_W) >>> 0;
      // The child has decoded nothing from it yet.
      failure = child.table.set(address, (entry & ~(PTE_C | (area.isShared ? PTE_W : 0))) >>> 0);
      if (failure < 0) frames.release(entry >>> 12);
      return entry;
    });
  }
  if (parent.isWide) parent.unpublishWrites(0, WIDE_TOP);
  else if (parent.slot >= 0) protectWrites(parent);
  if (failure < 0) {
    child.release();
    return failure;
  }
  return child;
}

/** Empties the flat write entries of private pages; the areas that matter are few. */
function protectWrites(parent: AddressSpace): void {
  const { tables } = parent.kernel.processor;
  tables.writeProtectAll(parent.slot);
  for (const area of parent.areas) {
    if (!area.isShared || !area.isWritable) continue;
    parent.table.forEach(area.start, area.end, (address, entry) => {
      if ((entry & (PTE_R | PTE_W)) === (PTE_R | PTE_W)) tables.map(parent.slot, address, entry - (entry & (PAGE_SIZE - 1)), true);
      return entry;
    });
  }
}

const COPIED = [
  "brkStart", "brkEnd", "stackStart", "argumentsStart", "argumentsEnd", "environmentStart", "environmentEnd",
  "codeStart", "codeEnd", "dataStart", "dataEnd",
] as const;
