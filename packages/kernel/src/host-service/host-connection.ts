/** A connection of a program to a service of the host, with what it passes beside bytes. */
import { EAGAIN, EPIPE, SOCK_STREAM } from "@stratos/abi";
import { BytesCursor, stateClass } from "@stratos/base";
import type { Waiter } from "../ground/wait-queue.ts";
import { type Ancillary, IncomingMessage, type PeerCredentials } from "../socket/message.ts";
import { UnixConnectionSocket } from "../socket/unix/unix-connection.ts";
import { HostFile } from "./host-file.ts";
import type { HostServiceCaller } from "./host-service-caller.ts";

/** Whose connections may go on where a saved machine does. */
export interface ConnectionOwner {
  /** Its service was kept with the machine that goes on. */
  readonly isLeft: boolean;
  /** The connection is no more. */
  forget(connection: HostConnection): void;
}

/**
 * The host's end. In a fork, and where a saved machine goes on, it is there as it was, with what is on its way and the
 * files that the host held, until its service takes it up or says that it does not (HostServices.end). Of a service
 * that was not kept, or that has no name, the program reads ECONNRESET there, and files are given back.
 */
interface Outgoing {
  readonly bytes: Uint8Array;
  readonly files: readonly HostFile[];
}

export class HostConnection implements Waiter {
  #task: HostServiceCaller;
  #socket: UnixConnectionSocket;
  #isClosed = false;
  #owner: ConnectionOwner | null;
  readonly number: number;
  /** Files that came and were not taken yet, and those that the host has, by numbers. */
  #held = new Map<number, HostFile>();
  #lastFile = 0;
  /** What there is no room for yet. */
  #outgoing: Outgoing[] = [];
  #outgoingBytes = 0;
  #onReady: (() => void) | null = null;

  /** Takes over the reference of `socket`, which is connected. */
  constructor(task: HostServiceCaller, socket: UnixConnectionSocket, owner: ConnectionOwner | null = null, number = 0) {
    this.#task = task;
    this.#owner = owner;
    this.number = number;
    this.#socket = socket;
    socket.readiness.add(this);
  }

  /** Both ends of a new one: the host's, and a file for a program (socketpair(2)). */
  static pair(
    task: HostServiceCaller,
    owner: ConnectionOwner | null = null,
    number = 0,
  ): { readonly connection: HostConnection; readonly file: HostFile } {
    task.kernel.work.begin();
    const [socket, other] = UnixConnectionSocket.pair(task, SOCK_STREAM, 0);
    return { connection: new HostConnection(task, socket, owner, number), file: new HostFile(task, other) };
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
      file.number = ++this.#lastFile;
      this.#held.set(file.number, file);
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

  /** As `send`, whatever room there is now: the rest waits for `flush`. */
  post(bytes: Uint8Array, files: readonly HostFile[]): void {
    if (this.#isClosed || bytes.length === 0) return;
    // The sender may let go of its files before there is room for them.
    this.#outgoing.push({ bytes, files: files.map((file) => file.again()) });
    this.#outgoingBytes += bytes.length;
    this.flush();
  }

  /** Sends what waits, as far as there is room. */
  flush(): void {
    while (this.#outgoing.length > 0 && !this.#isClosed) {
      const first = this.#outgoing[0]!;
      const sent = this.send(first.bytes, first.files);
      if (sent < 0) {
        // What the program sent before it went is still to be read.
        if (sent !== -EAGAIN) this.dropOutgoing();
        return;
      }
      this.#outgoingBytes -= sent;
      for (const file of first.files) file.release();
      if (sent === first.bytes.length) this.#outgoing.shift();
      else this.#outgoing[0] = { bytes: first.bytes.subarray(sent), files: [] };
    }
  }

  /** Bytes that wait. */
  get outgoingBytes(): number {
    return this.#outgoingBytes;
  }

  dropOutgoing(): void {
    for (const { files } of this.#outgoing) for (const file of files) file.release();
    this.#outgoing = [];
    this.#outgoingBytes = 0;
  }

  /** Those that came and were not released. */
  get files(): ReadonlyMap<number, HostFile> {
    return this.#held;
  }

  /** A file that came is not needed any more. */
  release(file: HostFile): void {
    if (this.#held.get(file.number) === file) this.#held.delete(file.number);
    file.release();
  }

  /** Ends it: the program reads what was sent, then its end. */
  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.readiness.remove(this);
    this.dropOutgoing();
    for (const file of this.#held.values()) file.release();
    this.#held.clear();
    this.#socket.release();
    this.#owner?.forget(this);
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
        save: (it) => ({
          task: it.#task,
          socket: it.#socket,
          isClosed: it.#isClosed,
          owner: it.#owner,
          held: it.#held,
          lastFile: it.#lastFile,
          outgoing: it.#outgoing,
          outgoingBytes: it.#outgoingBytes,
        }),
        load: (it, from) =>
          ({
            task: it.#task,
            socket: it.#socket,
            isClosed: it.#isClosed,
            owner: it.#owner,
            held: it.#held,
            lastFile: it.#lastFile,
            outgoing: it.#outgoing,
            outgoingBytes: it.#outgoingBytes,
          } = from),
      },
      {
        keeps: ["#onReady"],
        loaded: (it) => {
          if (it.#owner?.isLeft !== true) it.reset();
        },
      },
    );
  }
}
