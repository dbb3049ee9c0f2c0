/** A connection of a program to a service of the host, with what it passes beside bytes. */
import { EAGAIN, EPIPE, SOCK_STREAM } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { BytesCursor } from "../ground/io-cursor.ts";
import type { Waiter } from "../ground/wait-queue.ts";
import { type Ancillary, IncomingMessage, type PeerCredentials } from "../socket/message.ts";
import { UnixConnectionSocket } from "../socket/unix/unix-connection.ts";
import { HostFile } from "./host-file.ts";
import type { HostServiceCaller } from "./host-service-caller.ts";

/**
 * The host's end. It belongs to this machine alone: in a fork, and where a saved machine goes on, the program reads
 * ECONNRESET, and files that the host held are given back.
 */
export class HostConnection implements Waiter {
  #task: HostServiceCaller;
  #socket: UnixConnectionSocket;
  #isClosed = false;
  /** Files that came and were not taken yet, and those that the host has. */
  #held = new Set<HostFile>();
  #onReady: (() => void) | null = null;

  /** Takes over the reference of `socket`, which is connected. */
  constructor(task: HostServiceCaller, socket: UnixConnectionSocket) {
    this.#task = task;
    this.#socket = socket;
    socket.readiness.add(this);
  }

  /** Both ends of a new one: the host's, and a file for a program (socketpair(2)). */
  static pair(task: HostServiceCaller): { readonly connection: HostConnection; readonly file: HostFile } {
    task.kernel.work.begin();
    const [socket, other] = UnixConnectionSocket.pair(task, SOCK_STREAM, 0);
    return { connection: new HostConnection(task, socket), file: new HostFile(task, other) };
  }

  /** The program that connected (SO_PEERCRED). */
  get peer(): Omit<PeerCredentials, "process"> | null {
    const peer = this.#socket.peerCredentials;
    return peer === null ? null : { pid: peer.pid, uid: peer.uid, gid: peer.gid };
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /**
   * @param callback  called in the midst of a system call when there may be something to receive, or room to send: it
   *   may only ask to be called later
   */
  onReady(callback: () => void): void {
    this.#onReady = callback;
  }

  wake(): void {
    this.#onReady?.();
  }

  /**
   * Moves what has come into `into`; a program's files come with the first of the bytes that it sent them with.
   *
   * @returns bytes, 0 when the program has ended the connection, −EAGAIN when there is nothing now, −ECONNRESET
   */
  receive(into: Uint8Array, files: HostFile[]): number {
    if (this.#isClosed) return 0;
    this.#task.kernel.work.begin();
    const message = new IncomingMessage();
    const count = this.#socket.receive(this.#task, new BytesCursor(into), message, 0);
    for (const right of message.rights ?? []) {
      const file = new HostFile(this.#task, right);
      this.#held.add(file);
      files.push(file);
    }
    return count;
  }

  /**
   * Sends bytes, with files at the first of them, which the sender keeps.
   *
   * @returns bytes taken (the files have gone once that is above 0), −EAGAIN when there is no room now, −EPIPE
   */
  send(bytes: Uint8Array, files: readonly HostFile[] = []): number {
    if (this.#isClosed) return -EPIPE;
    if (bytes.length === 0) return 0;
    this.#task.kernel.work.begin();
    const rights = files.map((file) => file.share());
    const ancillary: Ancillary | null =
      rights.length === 0
        ? null
        : { rights, credentials: null, hopLimit: null, trafficClass: null, sender: null, extensions: null };
    const count = this.#socket.send(this.#task, new BytesCursor(bytes), { address: null, ancillary }, 0);
    if (count <= 0) for (const file of rights) file.release();
    return count === 0 ? -EAGAIN : count;
  }

  /** A file that came is not needed any more. */
  release(file: HostFile): void {
    this.#held.delete(file);
    file.release();
  }

  /** Ends it: the program reads what was sent, then its end. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.readiness.remove(this);
    for (const file of this.#held) file.release();
    this.#held.clear();
    this.#socket.release();
  }

  /** Ends it: the program reads ECONNRESET after what was sent. */
  reset(): void {
    if (!this.#isClosed) this.#socket.resetPeer();
    this.close();
  }

  static {
    stateClass(
      "HostConnection",
      this,
      {
        save: (it) => ({ task: it.#task, socket: it.#socket, isClosed: it.#isClosed, held: it.#held }),
        load: (it, from) => ({ task: it.#task, socket: it.#socket, isClosed: it.#isClosed, held: it.#held } = from),
      },
      { keeps: ["#onReady"], loaded: (it) => it.reset() },
    );
  }
}
