/**
 * userfaultfd(2): private anonymous memory whose absent pages a program gives. A task that touches one sleeps in the
 * midst of its instruction, and executes it again when it is woken; what is asked for is told by read(2). Faults of the
 * kernel for a program are its calls' (EFAULT), as with UFFD_USER_MODE_ONLY.
 *
 *     area.userfault ──▶ UserfaultFile.faults: untold ──read──▶ told ──UFFDIO_COPY, _ZEROPAGE, _WAKE, end──▶ woken
 *
 * @see Linux fs/userfaultfd.c, mm/userfaultfd.c
 */
import {
  EAGAIN,
  EBUSY,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOMEM,
  ESPIPE,
  ESRCH,
  O_NONBLOCK,
  O_RDONLY,
  PAGE_SIZE,
  POLLERR,
  POLLIN,
  POLLRDNORM,
  UFFDIO_API,
  UFFDIO_COPY,
  UFFDIO_COPY_MODE_DONTWAKE,
  UFFDIO_REGISTER,
  UFFDIO_REGISTER_MODE_MISSING,
  UFFDIO_UNREGISTER,
  UFFDIO_WAKE,
  UFFDIO_ZEROPAGE,
  UFFDIO_ZEROPAGE_MODE_DONTWAKE,
  UFFD_API,
  UFFD_EVENT_PAGEFAULT,
  UFFD_FEATURE_EXACT_ADDRESS,
  UFFD_FEATURE_SIGBUS,
  UFFD_FEATURE_THREAD_ID,
  UFFD_PAGEFAULT_FLAG_WRITE,
  UffdMsg,
  UffdioApi,
  UffdioCopy,
  UffdioRange,
  UffdioRegister,
  UffdioZeropage,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { VirtualAddress } from "@stratos/riscv";
import type { IoCursor } from "../ground/io-cursor.ts";
import { BLOCKED, WaitQueue } from "../ground/wait-queue.ts";
import { getU64, hex64, put64, viewOf } from "../ground/words.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { PositionlessFile } from "../vfs/positionless-file.ts";
import { type AddressSpace, MMAP_MIN, WIDE_TOP } from "./address-space.ts";
import type { Area, Userfault } from "./area.ts";
import type { MmCaller } from "./mm-kernel.ts";
import { hasRoomForAreas } from "./mmap.ts";
import { mergeAround } from "./mprotect.ts";
import { fillPage } from "./page-fault.ts";

const FEATURES = UFFD_FEATURE_SIGBUS | UFFD_FEATURE_THREAD_ID | UFFD_FEATURE_EXACT_ADDRESS;
/** Told beside them once there are some (UFFD_FEATURE_INITIALIZED). */
const FEATURES_CHOSEN = 1 << 31;
/** Of the first of its ioctls: UFFDIO_REGISTER, UFFDIO_UNREGISTER and UFFDIO_API, whose number is 63. */
const IOCTLS = 3,
  IOCTLS_HIGH = 0x80000000;
/** Of a range: UFFDIO_WAKE, UFFDIO_COPY, UFFDIO_ZEROPAGE. */
const RANGE_IOCTLS = 0x1c;
/** Pages that one call gives; it returns short then, as Linux's may. */
const PAGES_AT_ONCE = 256;

/** A task that waits for a page. One that a signal has woken is in no queue any more. */
interface WaitingFault {
  readonly address: VirtualAddress;
  readonly isWrite: boolean;
  readonly tid: number;
  readonly queue: WaitQueue;
  isTold: boolean;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

class UserfaultFile extends PositionlessFile implements Userfault {
  #space: AddressSpace;
  /** −1: UFFDIO_API has not been asked for. */
  #features = -1;
  /** In the order in which they came. Bound: the number of tasks. */
  #faults: WaitingFault[] = [];
  #queue = new WaitQueue();

  constructor(space: AddressSpace, flags: number) {
    super(O_RDONLY | (flags & O_NONBLOCK), null, null);
    this.#space = space;
  }

  override get waitQueue(): WaitQueue {
    return this.#queue;
  }

  override get description(): string {
    return "anon_inode:[userfaultfd]";
  }

  override details(): string {
    this.#forgetGone();
    const untold = this.#faults.filter(({ isTold }) => !isTold).length;
    const features = this.#features < 0 ? 0 : (this.#features | FEATURES_CHOSEN) >>> 0;
    const ioctls = hex64(IOCTLS | RANGE_IOCTLS, IOCTLS_HIGH);
    const version = `${UFFD_API.toString(16)}:${features.toString(16)}:${ioctls}`;
    return `pending:\t${untold}\ntotal:\t${this.#faults.length}\nAPI:\t${version}\n`;
  }

  // ---- Faults

  get raisesSignal(): boolean {
    return (this.#features & UFFD_FEATURE_SIGBUS) !== 0;
  }

  /** The caller sleeps until the page is there, or somebody says so. */
  await(
    waiter: { readonly ownTid: number; waitOn(queue: WaitQueue): void },
    address: VirtualAddress,
    isWrite: boolean,
  ): void {
    this.#forgetGone();
    const queue = new WaitQueue();
    waiter.waitOn(queue);
    this.#faults.push({ address, isWrite, tid: waiter.ownTid, queue, isTold: false });
    this.#queue.wakeAll(POLLIN);
  }

  #forgetGone(): void {
    if (this.#faults.some(({ queue }) => queue.isEmpty))
      this.#faults = this.#faults.filter(({ queue }) => !queue.isEmpty);
  }

  #wake({ start, end }: Range): void {
    const woken = this.#faults.filter(({ address }) => address >= start && address < end);
    if (woken.length === 0) return;
    this.#faults = this.#faults.filter(({ address }) => address < start || address >= end);
    for (const { queue } of woken) queue.wakeAll();
  }

  /** 32 for each fault that is told; −EAGAIN; −EINVAL (no handshake yet, or no room for one); −EFAULT. */
  override read(task: MmCaller, to: IoCursor, offset = -1): number {
    if (offset >= 0) return -ESPIPE;
    if (this.#features < 0 || to.remaining < UffdMsg.size) return -EINVAL;
    this.#forgetGone();
    let done = 0;
    for (const fault of this.#faults) {
      if (to.remaining < UffdMsg.size) break;
      if (fault.isTold) continue;
      if (to.put(this.#message(fault), 0, UffdMsg.size) < UffdMsg.size) return done > 0 ? done : -EFAULT;
      fault.isTold = true;
      done += UffdMsg.size;
    }
    if (done > 0 || (this.flags & O_NONBLOCK) !== 0) return done > 0 ? done : -EAGAIN;
    task.waitOn(this.#queue);
    return BLOCKED;
  }

  #message({ address, isWrite, tid }: WaitingFault): Uint8Array {
    const bytes = new Uint8Array(UffdMsg.size);
    const view = viewOf(bytes);
    const isExact = (this.#features & UFFD_FEATURE_EXACT_ADDRESS) !== 0;
    view.setUint8(UffdMsg.offset.event, UFFD_EVENT_PAGEFAULT);
    put64(view, UffdMsg.offset.flags, isWrite ? UFFD_PAGEFAULT_FLAG_WRITE : 0);
    put64(view, UffdMsg.offset.address, isExact ? address : address - (address % PAGE_SIZE));
    if ((this.#features & UFFD_FEATURE_THREAD_ID) !== 0) view.setUint32(UffdMsg.offset.feat, tid, true);
    return bytes;
  }

  /** A read might wait although poll(2) has promised that it would not: only who does not wait is promised it. */
  override poll(): number {
    if (this.#features < 0 || (this.flags & O_NONBLOCK) === 0) return POLLERR;
    return this.#faults.some(({ isTold, queue }) => !isTold && !queue.isEmpty) ? POLLIN | POLLRDNORM : 0;
  }

  // ---- ioctl_userfaultfd(2)

  override ioctl(task: MmCaller, command: number, argument: number): number {
    if (command === UFFDIO_API) return this.#shakeHands(task, argument);
    if (this.#features < 0) return -EINVAL;
    switch (command) {
      case UFFDIO_REGISTER:
        return this.#register(task, argument);
      case UFFDIO_UNREGISTER:
        return this.#unregister(task, argument);
      case UFFDIO_WAKE: {
        const range = this.#rangeAt(task, argument);
        if (isErrno(range)) return range;
        this.#wake(range);
        return 0;
      }
      case UFFDIO_COPY:
        return this.#copy(task, argument);
      case UFFDIO_ZEROPAGE:
        return this.#zero(task, argument);
      default:
        return -EINVAL;
    }
  }

  /** UFFDIO_API: −EINVAL another version, a feature that is not there, or once more; what is refused is cleared. */
  #shakeHands({ space }: MmCaller, argument: number): number {
    const bytes = new Uint8Array(UffdioApi.size);
    if (space.copyIn(argument, bytes, 0, bytes.length) < 0) return -EFAULT;
    const view = viewOf(bytes);
    const { api, features, ioctls } = UffdioApi.offset;
    const asked = getU64(view, features);
    const isTaken = getU64(view, api) === UFFD_API && (asked & ~FEATURES) === 0 && asked <= FEATURES;
    if (!isTaken || this.#features >= 0) {
      bytes.fill(0);
      return space.copyOut(argument, bytes, 0, bytes.length) < 0 ? -EFAULT : -EINVAL;
    }
    put64(view, features, FEATURES);
    view.setUint32(ioctls, IOCTLS, true);
    view.setUint32(ioctls + 4, IOCTLS_HIGH, true);
    if (space.copyOut(argument, bytes, 0, bytes.length) < 0) return -EFAULT;
    this.#features = asked;
    return 0;
  }

  #rangeAt(task: MmCaller, argument: number): Range | number {
    return rangeAt(task, argument + UffdioRange.offset.start, argument + UffdioRange.offset.len);
  }

  /** The areas of a range, in which there may be holes: −EINVAL there is none, or one that can't be served. */
  #areasOf({ start, end }: Range): Area[] | number {
    const areas: Area[] = [];
    let area = this.#space.areas.endingAfter(start);
    for (; area !== undefined && area.start < end; area = this.#space.areas.endingAfter(area.end)) {
      if (area.pages !== null || area.file !== null || area.isShared) return -EINVAL;
      areas.push(area);
    }
    return areas.length === 0 ? -EINVAL : areas;
  }

  /** UFFDIO_REGISTER: −EBUSY another one has it; −EFAULT, −EINVAL, −ENOMEM. */
  #register(task: MmCaller, argument: number): number {
    const range = this.#rangeAt(task, argument);
    const mode = task.space.loadU64(argument + UffdioRegister.offset.mode);
    if (range === -EFAULT || mode === -EFAULT) return -EFAULT;
    if (isErrno(range) || mode !== UFFDIO_REGISTER_MODE_MISSING) return -EINVAL;
    if (this.#space.users === 0) return -ENOMEM;
    const areas = this.#areasOf(range);
    if (isErrno(areas)) return areas;
    if (areas.some(({ userfault }) => userfault !== null && userfault !== this)) return -EBUSY;
    const failed = this.#assign(range, areas, this);
    if (failed < 0) return failed;
    return task.space.storeU64(argument + UffdioRegister.offset.ioctls, RANGE_IOCTLS) < 0 ? -EFAULT : 0;
  }

  /** UFFDIO_UNREGISTER: who waits there goes on. −EINVAL also where another one has it. */
  #unregister(task: MmCaller, argument: number): number {
    const range = this.#rangeAt(task, argument);
    if (isErrno(range)) return range;
    if (this.#space.users === 0) return -ENOMEM;
    const areas = this.#areasOf(range);
    if (isErrno(areas)) return areas;
    if (areas.some(({ userfault }) => userfault !== null && userfault !== this)) return -EINVAL;
    const failed = this.#assign(range, areas, null);
    this.#wake(range);
    return failed;
  }

  #assign({ start, end }: Range, areas: readonly Area[], userfault: UserfaultFile | null): number {
    const space = this.#space;
    if (!hasRoomForAreas(space, 2)) return -ENOMEM;
    space.kernel.work.charge(areas.length >> 2);
    for (const area of areas) {
      const from = Math.max(start, area.start);
      const to = Math.min(end, area.end);
      space.splitAt(from);
      space.splitAt(to);
      space.areaAt(from)!.userfault = userfault;
    }
    mergeAround(space, start, end);
    return 0;
  }

  /** The area of what is to be given: −ENOENT it is not one, or nobody's to give; −ESRCH the process is gone. */
  #targetOf({ start, end }: Range): Area | number {
    if (this.#space.users === 0) return -ESRCH;
    const area = this.#space.areaAt(start);
    return area === undefined || area.end < end || area.userfault === null ? -ENOENT : area;
  }

  /** UFFDIO_COPY: −EAGAIN: not all of it; −EEXIST, −EFAULT, −EINVAL, −ENOENT, −ENOMEM, −ESRCH. */
  #copy(task: MmCaller, argument: number): number {
    const { dst, src, len, mode, copy } = UffdioCopy.offset;
    const range = rangeAt(task, argument + dst, argument + len);
    const source = task.space.loadU64(argument + src);
    const flags = task.space.loadU64(argument + mode);
    if (range === -EFAULT || source === -EFAULT || flags === -EFAULT) return -EFAULT;
    if (isErrno(range) || (flags & ~UFFDIO_COPY_MODE_DONTWAKE) !== 0 || source < 0) return -EINVAL;
    return this.#told(task, argument + copy, range, this.#give(task, range, source), flags === 0);
  }

  /** UFFDIO_ZEROPAGE: as UFFDIO_COPY. */
  #zero(task: MmCaller, argument: number): number {
    const { mode, zeropage } = UffdioZeropage.offset;
    const range = this.#rangeAt(task, argument);
    const flags = task.space.loadU64(argument + mode);
    if (range === -EFAULT || flags === -EFAULT) return -EFAULT;
    if (isErrno(range) || (flags & ~UFFDIO_ZEROPAGE_MODE_DONTWAKE) !== 0) return -EINVAL;
    return this.#told(task, argument + zeropage, range, this.#give(task, range, null), flags === 0);
  }

  /** @param source  in the caller's memory; null: zeroes. @returns bytes, or why there are none */
  #give(task: MmCaller, range: Range, source: number | null): number {
    const area = this.#targetOf(range);
    if (isErrno(area)) return area;
    const { start } = range;
    const last = Math.min(range.end, start + PAGES_AT_ONCE * PAGE_SIZE);
    const content = source === null ? null : new Uint8Array(PAGE_SIZE);
    let at = start;
    for (; at < last; at += PAGE_SIZE) {
      let failed = 0;
      if (content !== null) failed = task.space.copyIn(source! + at - start, content, 0, PAGE_SIZE);
      if (failed >= 0) failed = fillPage(this.#space, area, at, content);
      if (failed < 0 && at === start) return failed;
      if (failed < 0) break;
    }
    return at - start;
  }

  /** Tells what was given, and wakes who waits for it. */
  #told(task: MmCaller, address: number, { start, end }: Range, given: number, wakes: boolean): number {
    const bytes = new Uint8Array(8);
    put64(viewOf(bytes), 0, given);
    if (task.space.copyOut(address, bytes, 0, bytes.length) < 0) return -EFAULT;
    if (given < 0) return given;
    if (wakes) this.#wake({ start, end: start + given });
    return start + given === end ? 0 : -EAGAIN;
  }

  /** Whoever waits finds zeroes. */
  protected override dispose(): void {
    super.dispose();
    for (const area of this.#space.areas) if (area.userfault === this) area.userfault = null;
    if (this.#space.users > 0) mergeAround(this.#space, 0, WIDE_TOP);
    this.#wake({ start: 0, end: WIDE_TOP });
  }

  static {
    stateClass("UserfaultFile", this, {
      save: (it) => ({ space: it.#space, features: it.#features, faults: it.#faults, queue: it.#queue }),
      load: (it, from) => ({ space: it.#space, features: it.#features, faults: it.#faults, queue: it.#queue } = from),
    });
  }
}

/** Of whole pages, by the addresses of its start and its length: −EFAULT, −EINVAL. */
function rangeAt({ space }: MmCaller, startAt: number, lengthAt: number): Range | number {
  const start = space.loadU64(startAt);
  const length = space.loadU64(lengthAt);
  if (start === -EFAULT || length === -EFAULT) return -EFAULT;
  const end = start + length;
  const isWhole = start % PAGE_SIZE === 0 && length % PAGE_SIZE === 0;
  return isWhole && length > 0 && start >= MMAP_MIN && end <= WIDE_TOP ? { start, end } : -EINVAL;
}

/** @param flags  O_NONBLOCK, or none */
export function openUserfault(space: AddressSpace, flags: number): OpenFile {
  return new UserfaultFile(space, flags);
}
