import { stateClass } from "@stratos/base";
import type { OpenFile } from "../../vfs/open-file.ts";
import type { FilesInFlight } from "../files-in-flight.ts";
import type { SocketMemory } from "../socket-memory.ts";
import { UnixSocket } from "./unix-socket.ts";

/** A collection for each sixteenth of the sockets on their way, at least for each loss. */
const SHARED_SHIFT = 4;

/**
 * Files that are on their way in SCM_RIGHTS messages (unix(7)). A socket that lies in its own queue, or in a ring of
 * queues that no descriptor leads to, would never be closed: such sockets are found and emptied. Bound: the
 * sender's RLIMIT_NOFILE at the time of sending.
 */
export class InFlightFiles implements FilesInFlight {
  readonly memory: SocketMemory;
  /** References that messages hold, by file. */
  #counts = new Map<OpenFile, number>();
  #total = 0;
  #sockets = 0;
  #isCollecting = false;
  /** Sockets that may have become unreachable since the last collection. */
  #lost = 0;

  constructor(memory: SocketMemory) {
    this.memory = memory;
  }

  get total(): number {
    return this.#total;
  }

  add(files: readonly OpenFile[]): void {
    for (const file of files) {
      this.#counts.set(file, (this.#counts.get(file) ?? 0) + 1);
      this.#total++;
      if (file instanceof UnixSocket) this.#sockets++;
    }
  }

  remove(files: readonly OpenFile[]): void {
    for (const file of files) {
      const count = this.#counts.get(file)!;
      if (count === 1) this.#counts.delete(file);
      else this.#counts.set(file, count - 1);
      this.#total--;
      if (file instanceof UnixSocket) this.#sockets--;
    }
  }

  /**
   * What becomes unreachable with a socket leads back to it: so it has others in its queue, and messages alone hold it.
   * A collection looks at all sockets; where there are many, several losses share one.
   */
  lostReference(socket: UnixSocket): void {
    const count = this.#counts.get(socket);
    if (count === undefined || socket.references !== count || this.#isCollecting) return;
    if (!socket.queuedFiles().some((file) => file instanceof UnixSocket)) return;
    if (++this.#lost < this.#sockets >> SHARED_SHIFT) return;
    this.#lost = 0;
    this.#collect();
  }

  /** Empties sockets that only messages hold and that no living socket's queue leads to. */
  #collect(): void {
    const suspects = new Set<UnixSocket>();
    for (const [file, count] of this.#counts)
      if (file instanceof UnixSocket && file.references === count) suspects.add(file);
    if (suspects.size === 0) return;
    // Whatever a living socket's queue holds lives; queues of suspects only count once the suspect is known to live.
    const living: UnixSocket[] = [];
    const holders = new Map<UnixSocket, UnixSocket[]>();
    for (const [file] of this.#counts) if (file instanceof UnixSocket && suspects.has(file)) holders.set(file, []);
    for (const socket of suspects) {
      for (const held of socket.queuedFiles())
        if (held instanceof UnixSocket && suspects.has(held)) holders.get(held)!.push(socket);
    }
    for (const suspect of suspects) {
      let fromSuspects = 0;
      for (const holder of holders.get(suspect)!) if (holder !== null) fromSuspects++;
      if (fromSuspects < this.#counts.get(suspect)!) living.push(suspect);
    }
    while (living.length > 0) {
      const socket = living.pop()!;
      if (!suspects.delete(socket)) continue;
      for (const held of socket.queuedFiles()) if (held instanceof UnixSocket && suspects.has(held)) living.push(held);
    }
    this.#isCollecting = true;
    for (const socket of suspects) socket.dropQueue();
    this.#isCollecting = false;
  }

  static {
    stateClass("InFlightFiles", this, {
      save: (it) => ({
        counts: it.#counts,
        total: it.#total,
        sockets: it.#sockets,
        isCollecting: it.#isCollecting,
        lost: it.#lost,
      }),
      load: (it, from) =>
        ({
          counts: it.#counts,
          total: it.#total,
          sockets: it.#sockets,
          isCollecting: it.#isCollecting,
          lost: it.#lost,
        } = from),
    });
  }
}
