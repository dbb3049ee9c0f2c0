/** IOCB_CMD_POLL of io_submit(2): a request that waits until a file is ready (fs/aio.c, aio_poll). */
import { EINVAL, Iocb, POLLERR, POLLHUP } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { EventFile } from "../event/eventfd.ts";
import type { WaitQueue, Waiter } from "../ground/wait-queue.ts";
import { get64, getU64 } from "../ground/words.ts";
import type { AioContext, AioRequest } from "../mm/aio-context.ts";
import type { OpenFile } from "../vfs/open-file.ts";

/** Events that may be asked for. */
const EVENTS_MAX = 0xffff;

/**
 * @param view  the `struct iocb`, which lies at `iocb`
 * @returns what the file is ready for; 0: it is waited for; −EINVAL: what is asked for is no event, or never comes
 */
export function beginPoll(
  context: AioContext,
  file: OpenFile,
  { view, iocb, told }: { view: DataView; iocb: number; told: EventFile | null },
): number {
  const { aio_buf, aio_offset, aio_nbytes, aio_rw_flags } = Iocb.offset;
  const wanted = getU64(view, aio_buf);
  if (wanted > EVENTS_MAX || get64(view, aio_offset) !== 0 || get64(view, aio_nbytes) !== 0) return -EINVAL;
  if (view.getInt32(aio_rw_flags, true) !== 0) return -EINVAL;
  const events = wanted | POLLERR | POLLHUP;
  const ready = file.poll() & events;
  const { waitQueue } = file;
  if (ready !== 0) return ready;
  if (waitQueue === null) return -EINVAL;
  const { aio_data } = Iocb.offset;
  const data = { low: view.getUint32(aio_data, true), high: view.getUint32(aio_data + 4, true) };
  const poll = new AioPoll(context, file.retain(), waitQueue, { events, iocb, told: told?.retain() ?? null, data });
  context.pending.add(poll);
  waitQueue.add(poll);
  return 0;
}

/** It holds its file, whatever becomes of the descriptor. */
class AioPoll implements Waiter, AioRequest {
  readonly iocb: number;
  #context: AioContext;
  #file: OpenFile;
  #queue: WaitQueue;
  #events: number;
  #told: EventFile | null;
  #data: { low: number; high: number };

  constructor(
    context: AioContext,
    file: OpenFile,
    queue: WaitQueue,
    request: { events: number; iocb: number; told: EventFile | null; data: { low: number; high: number } },
  ) {
    this.iocb = request.iocb;
    this.#context = context;
    this.#file = file;
    this.#queue = queue;
    this.#events = request.events;
    this.#told = request.told;
    this.#data = request.data;
  }

  wake(): void {
    // A walk over the queue may come to one that has ended.
    if (!this.#context.pending.has(this)) return;
    const ready = this.#file.poll() & this.#events;
    if (ready !== 0) this.end(ready);
  }

  end(result: number): void {
    const { low: dataLow, high: dataHigh } = this.#data;
    this.#context.pending.delete(this);
    this.#context.tell({ dataLow, dataHigh, iocb: this.iocb, result });
    this.#told?.signal();
    this.abandon();
  }

  abandon(): void {
    this.#context.pending.delete(this);
    this.#queue.remove(this);
    this.#file.release();
    this.#told?.release();
  }

  static {
    stateClass("AioPoll", this, {
      save: (it) => ({
        context: it.#context,
        file: it.#file,
        queue: it.#queue,
        events: it.#events,
        told: it.#told,
        data: it.#data,
      }),
      load: (it, from) =>
        ({
          context: it.#context,
          file: it.#file,
          queue: it.#queue,
          events: it.#events,
          told: it.#told,
          data: it.#data,
        } = from),
    });
  }
}
