import { stateClass } from "@stratos/base";
import { WaitQueue } from "../ground/wait-queue.ts";

/** `struct io_event`: the result of a request of io_submit(2). */
interface AioEvent {
  dataLow: number;
  dataHigh: number;
  iocb: number;
  result: number;
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

/** Requests and their results, in the order of their ends (io_setup(2); syscall/aio-requests.ts). Bound: `capacity`. */
export class AioContext {
  readonly capacity: number;
  readonly events: AioEvent[] = [];
  /** Those that have a result yet to come. */
  readonly pending = new Set<AioRequest>();
  readonly queue = new WaitQueue();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  get isFull(): boolean {
    return this.events.length + this.pending.size >= this.capacity;
  }

  tell(event: AioEvent): void {
    this.events.push(event);
    this.queue.wakeAll();
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
