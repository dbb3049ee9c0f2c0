import { stateClass } from "@stratos/base";
import { WaitQueue } from "../ground/wait-queue.ts";

/** `struct io_event`: the result of a request of io_submit(2). */
interface AioEvent {
  dataLow: number;
  dataHigh: number;
  iocb: number;
  result: number;
}

/** Events that all contexts of the machine may hold: room asked for, and fs.aio-max-nr (proc_sys_fs(5)). */
export interface AioUsage {
  events: number;
  most: number;
}

/** What fs.aio-max-nr may be: each event is memory of the host. */
export const AIO_EVENTS_MOST = 1 << 20;

/** Results of requests, in the order of their ends (io_setup(2); syscall/aio-requests.ts). Bound: `capacity`. */
export class AioContext {
  readonly capacity: number;
  readonly events: AioEvent[] = [];
  readonly queue = new WaitQueue();

  constructor(capacity: number) {
    this.capacity = capacity;
  }

  static {
    stateClass("AioContext", this);
  }
}
