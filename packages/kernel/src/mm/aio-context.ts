/**
 * Contexts of io_setup(2). Results lie in a list of ours and, as programs may take them without a call (QEMU, Seastar,
 * fio), in a ring in the program's memory: it moves `head` on for what it has taken, the kernel `tail`. What the
 * program writes there else is never read, and where it lets the kernel not write the calls still tell the results.
 * See Linux's fs/aio.c: aio_setup_ring, aio_complete, aio_read_events_ring.
 */
import { AioRing, IoEvent, PAGE_SIZE } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { UserMemory } from "../ground/user-memory.ts";
import { WaitQueue } from "../ground/wait-queue.ts";
import { put64 } from "../ground/words.ts";

/** `struct io_event`: the result of a request of io_submit(2). */
interface AioEvent {
  dataLow: number;
  dataHigh: number;
  iocb: number;
  result: number;
}

export function writeAioEvent(view: DataView, event: AioEvent): void {
  view.setUint32(IoEvent.offset.data, event.dataLow, true);
  view.setUint32(IoEvent.offset.data + 4, event.dataHigh, true);
  put64(view, IoEvent.offset.obj, event.iocb);
  put64(view, IoEvent.offset.res, event.result);
  put64(view, IoEvent.offset.res2, 0);
}

/** A request that is under way. */
export interface AioRequest {
  /** Where the program has its `struct iocb`. */
  readonly iocb: number;
  /** It ends, and tells its result. */
  end(result: number): void;
  /** It ends, and tells nothing. */
  abandon(): void;
}

/** Events that all contexts of the machine may hold: room asked for, and fs.aio-max-nr (proc_sys_fs(5)). */
export interface AioUsage {
  events: number;
  most: number;
}

/** What fs.aio-max-nr may be: each event is memory of the host. */
export const AIO_EVENTS_MOST = 1 << 20;

const AIO_RING_MAGIC = 0xa10a10a1;
const AIO_RING_COMPAT_FEATURES = 1;

/** Bytes of the ring for that many results: twice as many, and at least eight for each processor, in whole pages. */
export function aioRingSize(capacity: number, harts: number): number {
  const slots = Math.max(capacity, harts * 4) * 2 + 2;
  return Math.ceil((AioRing.size + slots * IoEvent.size) / PAGE_SIZE) * PAGE_SIZE;
}

/**
 * Requests and their results, in the order of their ends (io_setup(2); syscall/aio-requests.ts). Bound: what the ring
 * has room for, which is more than was asked for, as programs learn from its head.
 */
export class AioContext {
  /** What was asked for, and counts against fs.aio-max-nr. */
  readonly capacity: number;
  /** Whoever asks for them calls `collect` before. */
  readonly events: AioEvent[] = [];
  /** Those that have a result yet to come. */
  readonly pending = new Set<AioRequest>();
  readonly queue = new WaitQueue();
  readonly memory: UserMemory;
  /** Where the ring lies: mremap(2) moves it. */
  address: number;
  readonly ringBytes: number;
  /** Slots of the first result that is there and of the next one; there are more of them than `events` ever has. */
  head = 0;
  tail = 0;

  constructor(capacity: number, ring: { memory: UserMemory; address: number; bytes: number }) {
    this.capacity = capacity;
    this.memory = ring.memory;
    this.address = ring.address;
    this.ringBytes = ring.bytes;
  }

  /** @param index  a number for it, which the program sees */
  writeHead(index: number): void {
    this.#storeWord(AioRing.offset.id, index);
    this.#storeWord(AioRing.offset.nr, this.slots);
    this.#storeWord(AioRing.offset.magic, AIO_RING_MAGIC);
    this.#storeWord(AioRing.offset.compat_features, AIO_RING_COMPAT_FEATURES);
    this.#storeWord(AioRing.offset.header_length, AioRing.size);
  }

  get slots(): number {
    return Math.floor((this.ringBytes - AioRing.size) / IoEvent.size);
  }

  /** A slot stays free, by which a full ring is none that is empty (fs/aio.c, ioctx_alloc: reqs_available). */
  get isFull(): boolean {
    const most = this.slots - 1;
    if (this.events.length + this.pending.size < most) return false;
    this.collect();
    return this.events.length + this.pending.size >= most;
  }

  tell(event: AioEvent): void {
    this.events.push(event);
    const bytes = new Uint8Array(IoEvent.size);
    writeAioEvent(new DataView(bytes.buffer), event);
    this.memory.copyOut(this.address + AioRing.size + this.tail * IoEvent.size, bytes, 0, IoEvent.size);
    this.tail = (this.tail + 1) % this.slots;
    this.#storeWord(AioRing.offset.tail, this.tail);
    this.queue.wakeAll();
  }

  /** Lets go of what the program has taken from the ring. */
  collect(): void {
    const head = this.memory.loadU32(this.address + AioRing.offset.head);
    if (head < 0) return;
    const taken = ((head % this.slots) - this.head + this.slots) % this.slots;
    this.#drop(Math.min(taken, this.events.length));
  }

  /** The first result goes, as it was handed over. */
  shift(): void {
    this.#drop(1);
    this.#storeWord(AioRing.offset.head, this.head);
  }

  #drop(count: number): void {
    this.events.splice(0, count);
    this.head = (this.head + count) % this.slots;
  }

  #storeWord(at: number, value: number): void {
    this.memory.storeU32(this.address + at, value);
  }

  /** The context goes, and who waits for something of it. */
  close(): void {
    for (const request of [...this.pending]) request.abandon();
    this.queue.wakeAll();
  }

  static {
    stateClass("AioContext", this);
  }
}
