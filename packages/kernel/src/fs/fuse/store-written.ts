/** What shared mappings of a served file have written goes to its server, as WRITEs of the kernel's own. */
import { EIO, O_ACCMODE, O_APPEND, O_RDONLY, PAGE_SIZE, isErrno } from "@stratos/abi";
import { FUSE_WRITE, FUSE_WRITE_CACHE, FuseWriteIn, FuseWriteOut } from "@stratos/abi/fuse";
import { BLOCKED } from "../../ground/wait-queue.ts";
import { viewOf } from "../../ground/words.ts";
import { FuseCreation, type FuseHandle } from "./fuse-handle.ts";
import { HEADER_SIZE, message } from "./fuse-request.ts";
import type { ServedNode } from "./served-node.ts";
import type { TakenPages } from "./written-pages.ts";

/** By which a call finds the WRITE under way, whichever pages it is about. */
const KEY = "mapped";

/**
 * Gives the server what waits, and waits for it and what is under way already, in as many requests as that takes; what
 * is written meanwhile is left. A call that has already asked `next`, which comes after it, has done so.
 *
 * @param key  as FuseConnection.ask has it
 * @returns 0, a negated errno (what the server has not taken waits again), or BLOCKED
 */
export function storeWritten(node: ServedNode, next: number, key: string): number {
  const { written } = node;
  const { connection } = node.fileSystem;
  if (written === null) return 0;
  let under = connection.askedOf(node.node, FUSE_WRITE);
  if (under === null && connection.isAnswered(node.node, next, key)) return 0;
  for (let left = written.count; under !== null || (left > 0 && written.count > 0); under = null) {
    const made: { taken: TakenPages | null } = { taken: null };
    const make = (): Uint8Array | number => {
      const write = writeOf(node, writableHandle(node));
      // All that waits is under way, too.
      if (write === null) return written.isAnyUnderWay ? connection.wait(written.arrivals) : -EIO;
      made.taken = write.taken;
      return write.bytes;
    };
    const answer = node.ask(FUSE_WRITE, KEY, make, FuseWriteOut.size);
    const asked = under ?? connection.askedOf(node.node, FUSE_WRITE);
    if (made.taken !== null && asked !== null) {
      asked.pages = made.taken;
      made.taken.left = left - made.taken.count;
    }
    if (isErrno(answer)) {
      if (answer > BLOCKED && asked !== null) connection.used(asked);
      return answer;
    }
    const pages = answer.pages!;
    const count = viewOf(answer.reply).getUint32(FuseWriteOut.offset.size, true);
    left = pages.left;
    node.attributesUntil = 0;
    connection.used(answer);
    if (count < answer.bytes.length - HEADER_SIZE - FuseWriteIn.size) {
      pages.putBack(count);
      return -EIO;
    }
  }
  return written.isAnyUnderWay ? connection.wait(written.arrivals) : 0;
}

/** Before what must not overtake pages that are under way. @returns 0, or that the call waits */
export function awaitArrivals({ written, node, fileSystem }: ServedNode, next: number): number {
  const { connection } = fileSystem;
  const isFree = written?.isAnyUnderWay !== true || connection.askedOf(node, next) !== null;
  return isFree ? 0 : connection.wait(written.arrivals);
}

/**
 * The same without anybody who waits: write-back, or the last description that could write it ends.
 * @param isLast  what the server has no room for is lost, not kept
 */
export function postWritten(node: ServedNode, handle: FuseHandle, isLast: boolean): void {
  const { connection, kernel } = node.fileSystem;
  for (let write = writeOf(node, handle); write !== null; write = writeOf(node, handle)) {
    const { taken, bytes } = write;
    if (connection.postWrite(node.node, bytes, taken, new FuseCreation(node, handle))) continue;
    if (!isLast) return taken.putBack(0);
    kernel.log(`fuse: ${taken.count} pages of a mapped file are lost: its server takes no more`);
    taken.arrived();
  }
}

/** By which the file can be written, whoever asks; null: by none. */
export function writableHandle({ handles }: ServedNode): FuseHandle | null {
  let found: FuseHandle | null = null;
  for (const handle of handles) {
    if ((handle.flags & O_ACCMODE) === O_RDONLY) continue;
    // By one that appends a server may write at the end of a file of its own.
    if ((handle.flags & O_APPEND) === 0) return handle;
    found ??= handle;
  }
  return found;
}

/** Pages that wait. @returns null: none do, or they can't be written */
function writeOf(node: ServedNode, handle: FuseHandle | null): { taken: TakenPages; bytes: Uint8Array } | null {
  const { written, pages, fileSystem } = node;
  const { connection, kernel } = fileSystem;
  if (handle === null || written === null || pages === null) return null;
  const most = Math.floor(connection.writeSize / PAGE_SIZE);
  for (let taken = written.take(most); taken !== null; taken = written.take(most)) {
    const { first, count } = taken;
    const offset = first * PAGE_SIZE;
    const size = Math.min(count * PAGE_SIZE, node.size - offset);
    // What lies behind the end of the file is nobody's (mmap(2), NOTES).
    if (size <= 0) {
      taken.arrived();
      continue;
    }
    kernel.memory.mappings?.rangeIsCleaned(pages, { first, end: first + count });
    const values = { offset, size, write_flags: FUSE_WRITE_CACHE, flags: handle.flags };
    const bytes = message(FuseWriteIn, values, handle.fh, new Uint8Array(size));
    const start = bytes.length - size;
    for (let at = 0; at < size; at += PAGE_SIZE) {
      const from = pages.peek(first + at / PAGE_SIZE) * PAGE_SIZE;
      if (from !== 0) bytes.set(kernel.physical.u8.subarray(from, from + Math.min(PAGE_SIZE, size - at)), start + at);
    }
    return { taken, bytes };
  }
  return null;
}

/** What mappings wrote is newer than what the server has read from its file. */
export function overlayWritten({ written, pages, fileSystem }: ServedNode, offset: number, bytes: Uint8Array): void {
  if (written === null || pages === null || (written.count === 0 && !written.isAnyUnderWay)) return;
  const { u8 } = fileSystem.kernel.physical;
  for (let at = 0; at < bytes.length;) {
    const within = (offset + at) % PAGE_SIZE;
    const part = Math.min(PAGE_SIZE - within, bytes.length - at);
    const index = (offset + at - within) / PAGE_SIZE;
    const frame = written.isOnItsWay(index) ? pages.peek(index) : 0;
    const from = frame * PAGE_SIZE + within;
    if (frame !== 0) bytes.set(u8.subarray(from, from + part), at);
    at += part;
  }
}
