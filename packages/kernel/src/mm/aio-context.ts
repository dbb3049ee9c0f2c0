import { stateClass } from "@stratos/base";
import { WaitQueue } from "../ground/wait-queue.ts";

/** `struct io_event`: the result of a request of io_submit(2). */
interface AioEvent {
  dataLow: number;
  dataHigh: number;
  iocb: number;
  result: number;
}

/** Results of requests, in the order of their ends (io_setup(2); syscall/aio-calls.ts). Bound: `capacity`. */
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
