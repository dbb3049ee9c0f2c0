/** Buffers that a ring is given: tables of them, and rings that requests choose from. Source: rsrc.c, kbuf.c. */
import {
  EBUSY,
  EEXIST,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOMEM,
  ENXIO,
  Iovec,
  PAGE_SIZE,
  PROT_WRITE,
  isErrno,
} from "@stratos/abi";
import {
  IORING_REGISTER_SRC_REGISTERED,
  IORING_RSRC_REGISTER_SPARSE,
  IOU_PBUF_RING_INC,
  IOU_PBUF_RING_MMAP,
  IoUringBuf,
  IoUringBufReg,
  IoUringBufStatus,
  IoUringCloneBuffers,
} from "@stratos/abi/io-uring";
import { getU64 } from "../../ground/words.ts";
import { RingMemory } from "../../socket/packet/ring-memory.ts";
import type { Task } from "../../task/task.ts";
import { slotFor, tellTag, type Slot } from "./fixed-files.ts";
import { BufferGroup, GROUP_RECORDS } from "./provided-buffers.ts";
import { isZero, load, loadTag, type Registration, type Table, type Update } from "./registration.ts";
import type { FixedBuffer } from "./ring-file.ts";
import { ringAt } from "./setup.ts";

/** IORING_MAX_REG_BUFFERS, and SZ_1G of one buffer. */
const BUFFERS_MAX = 1 << 14,
  BUFFER_BYTES_MAX = 1 << 30;
const PBUF_ENTRIES_MAX = 1 << 15;

/** A segment that may be registered; null: an empty one, which stands for none. */
function loadBuffer(task: Task, address: number): FixedBuffer | null | number {
  const base = task.space.loadU64(address + Iovec.offset.iov_base);
  const length = task.space.loadU64(address + Iovec.offset.iov_len);
  if (base < 0 || length < 0) return -EFAULT;
  if (base === 0) return length === 0 ? null : -EFAULT;
  if (length === 0 || length > BUFFER_BYTES_MAX) return -EFAULT;
  // What Linux could not pin for long is refused: pages of files, which it would have to write (mm/gup.c).
  for (let at = base; at < base + length;) {
    const area = task.space.areaAt(at);
    if (area === undefined || (area.protection & PROT_WRITE) === 0) return -EFAULT;
    if (area.isShared && area.pages !== null && area.pages.backing !== null) return -EFAULT;
    at = area.end;
  }
  return { address: base, length };
}

export function registerBuffers({ task, ring }: Registration, { nr, flags, data, tags }: Table): number {
  if (ring.buffers !== null) return -EBUSY;
  if (nr === 0 || nr > BUFFERS_MAX) return -EINVAL;
  if (!ring.mayKeep(nr)) return -ENOMEM;
  const buffers: (Slot<FixedBuffer> | null)[] = new Array<null>(nr).fill(null);
  const isSparse = (flags & IORING_RSRC_REGISTER_SPARSE) !== 0 || data === 0;
  for (let index = 0; index < nr; index++) {
    const tag = loadTag(task, tags, index);
    if (isErrno(tag)) return tag;
    const buffer = isSparse ? null : loadBuffer(task, data + index * Iovec.size);
    if (isErrno(buffer)) return buffer;
    if (buffer === null) {
      if (tag.low !== 0 || tag.high !== 0) return -EINVAL;
    } else buffers[index] = slotFor(buffer, tag);
  }
  ring.buffers = buffers;
  ring.keep(nr);
  return 0;
}

export function unregisterBuffers({ ring }: Registration): number {
  const { buffers } = ring;
  if (buffers === null) return -ENXIO;
  ring.buffers = null;
  ring.letGo(buffers.length);
  for (const slot of buffers) if (slot !== null) tellTag(ring, slot);
  return 0;
}

export function updateBuffers({ task, ring }: Registration, { at, data, tags, nr }: Update): number {
  const { buffers } = ring;
  if (buffers === null) return -ENXIO;
  if (at + nr > buffers.length) return -EINVAL;
  for (let done = 0; done < nr; done++) {
    const buffer = loadBuffer(task, data + done * Iovec.size);
    const tag = loadTag(task, tags, done);
    const failed = isErrno(buffer)
      ? buffer
      : isErrno(tag)
        ? tag
        : buffer === null && (tag.low !== 0 || tag.high !== 0)
          ? -EINVAL
          : 0;
    if (failed < 0 || isErrno(buffer) || isErrno(tag)) return done > 0 ? done : failed;
    const before = buffers[at + done]!;
    buffers[at + done] = buffer === null ? null : slotFor(buffer, tag);
    if (before !== null) tellTag(ring, before);
  }
  return nr;
}

/** Of another ring whose submitter has the same memory: they name places of it. */
export function cloneBuffers({ task, ring, argument, count }: Registration): number {
  if (count !== 1) return -EINVAL;
  const view = load(task, argument, IoUringCloneBuffers.size);
  if (isErrno(view)) return view;
  const at = IoUringCloneBuffers.offset;
  const flags = view.getUint32(at.flags, true);
  if ((flags & ~IORING_REGISTER_SRC_REGISTERED) !== 0 || !isZero(view, at.src_off)) return -EINVAL;
  if (ring.buffers !== null) return -EBUSY;
  const isRegistered = (flags & IORING_REGISTER_SRC_REGISTERED) !== 0;
  const source = ringAt(task, view.getInt32(at.src_fd, true), isRegistered);
  if (isErrno(source)) return source;
  if (source.buffers === null) return -ENXIO;
  if (source.maker.space !== ring.maker.space) return -EINVAL;
  if (!ring.keep(source.buffers.length)) return -ENOMEM;
  ring.buffers = source.buffers.map((slot) => slot && slotFor(slot.thing));
  return 0;
}

export function registerBufferRing({ task, ring, argument, count }: Registration): number {
  const view = count === 1 ? load(task, argument, IoUringBufReg.size) : -EINVAL;
  if (isErrno(view)) return view;
  const at = IoUringBufReg.offset;
  const address = getU64(view, at.ring_addr);
  const entries = view.getUint32(at.ring_entries, true);
  const id = view.getUint16(at.bgid, true);
  const flags = view.getUint16(at.flags, true);
  if (!isZero(view, at.resv) || (flags & ~(IOU_PBUF_RING_MMAP | IOU_PBUF_RING_INC)) !== 0) return -EINVAL;
  const isOurs = (flags & IOU_PBUF_RING_MMAP) !== 0;
  if (isOurs ? address !== 0 : address === 0) return isOurs ? -EINVAL : -EFAULT;
  if (!isOurs && address % PAGE_SIZE !== 0) return -EINVAL;
  if (entries === 0 || (entries & (entries - 1)) !== 0 || entries > PBUF_ENTRIES_MAX) return -EINVAL;
  const before = ring.groups.get(id);
  if (before !== undefined && (before.isRing || before.list.length > 0)) return -EEXIST;
  if (!isOurs && task.space.loadU32(address + entries * IoUringBuf.size - 4) < 0) return -EFAULT;
  if (before === undefined && !ring.keep(GROUP_RECORDS)) return -ENOMEM;
  const memory = isOurs ? new RingMemory(task.kernel.memory) : null;
  if (memory !== null && memory.storeU32(0, 0) < 0) {
    memory.release();
    if (before === undefined) ring.letGo(GROUP_RECORDS);
    return -ENOMEM;
  }
  ring.groups.set(id, new BufferGroup(id, entries, address, memory, flags));
  return 0;
}

export function unregisterBufferRing({ task, ring, argument, count }: Registration): number {
  const view = count === 1 ? load(task, argument, IoUringBufReg.size) : -EINVAL;
  if (isErrno(view)) return view;
  const at = IoUringBufReg.offset;
  if (!isZero(view, at.resv) || view.getUint16(at.flags, true) !== 0) return -EINVAL;
  const group = ring.groups.get(view.getUint16(at.bgid, true));
  if (group === undefined) return -ENOENT;
  if (!group.isRing) return -EINVAL;
  ring.groups.delete(group.id);
  ring.letGo(GROUP_RECORDS);
  group.memory?.release();
  return 0;
}

export function bufferRingStatus({ task, ring, argument, count }: Registration): number {
  const view = count === 1 ? load(task, argument, IoUringBufStatus.size) : -EINVAL;
  if (isErrno(view)) return view;
  const at = IoUringBufStatus.offset;
  if (!isZero(view, at.resv)) return -EINVAL;
  const group = ring.groups.get(view.getUint32(at.buf_group, true));
  if (group === undefined) return -ENOENT;
  return group.isRing ? task.space.storeU32(argument + at.head, group.head) : -EINVAL;
}
