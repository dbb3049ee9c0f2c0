/** A Unix socket of the guest's file system at which the host listens. */
import {
  AT_FDCWD,
  AT_SYMLINK_NOFOLLOW,
  EADDRINUSE,
  isErrno,
  POLLIN,
  S_IFMT,
  S_IFSOCK,
  SOCK_STREAM,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { Waiter } from "../ground/wait-queue.ts";
import { unixAddressBytes } from "../socket/unix/unix-address.ts";
import { UnixConnectionSocket } from "../socket/unix/unix-connection.ts";
import { changeMode, changeOwner } from "../vfs/attributes.ts";
import { removeFile } from "../vfs/name-changes.ts";
import type { OpenFile } from "../vfs/open-file.ts";
import { lookupPath } from "../vfs/path-walk.ts";
import { type ConnectionOwner, HostConnection } from "./host-connection.ts";
import type { HostFile } from "./host-file.ts";
import type { HostServiceCaller } from "./host-service-caller.ts";

export interface HostSocketOwner {
  readonly uid: number;
  readonly gid: number;
  /** Permission bits of the socket's file: who may write to it may connect. */
  readonly mode: number;
}

/** Connections that wait to be taken; a program that finds no room waits, or reads EAGAIN (connect(2)). */
const BACKLOG = 128;

/**
 * Listens at `path`, an absolute byte string. A socket's file that nobody listens at any more (of a machine that was
 * saved) gives way.
 *
 * @param task  init
 * @param onReady  called in the midst of a system call when somebody has connected: it may only ask to be called later
 * @param service  by which one that goes on with a saved machine finds it again (HostServices); null: none does
 * @returns −EADDRINUSE (somebody listens there, or it is no socket), −EINVAL (longer than sun_path), −ENOENT …
 */
export function openHostListener(
  task: HostServiceCaller,
  path: string,
  owner: HostSocketOwner,
  onReady: () => void,
  service: string | null = null,
): HostListener | number {
  task.kernel.work.begin();
  const stale = removeStale(task, path);
  if (stale < 0) return stale;
  const { fsuid, fsgid } = task.credentials;
  const socket = new UnixConnectionSocket(task.network, SOCK_STREAM, 0, { fsuid, fsgid });
  const failed = bindAs(task, socket, path, owner);
  if (failed >= 0) return new HostListener(task, socket, path, onReady, service);
  socket.release();
  return failed;
}

function removeStale(task: HostServiceCaller, path: string): number {
  const place = lookupPath(task, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  if (isErrno(place)) return 0;
  const inode = place.dentry.inode!;
  if ((inode.mode & S_IFMT) !== S_IFSOCK || task.network.boundInodes.has(inode)) return -EADDRINUSE;
  return removeFile(task, AT_FDCWD, path);
}

function bindAs(task: HostServiceCaller, socket: UnixConnectionSocket, path: string, owner: HostSocketOwner): number {
  const bound = socket.bind(task, unixAddressBytes({ kind: "path", name: path }));
  if (bound < 0) return bound;
  const place = lookupPath(task, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW);
  if (isErrno(place)) return place;
  const failed = changeOwner(task, place, owner.uid, owner.gid);
  if (failed < 0) return failed;
  const refused = changeMode(task, place, owner.mode);
  return refused < 0 ? refused : socket.listen(task, BACKLOG);
}

/**
 * Where the host waits for programs. In a fork, and where a saved machine goes on, it is there as it was if its service
 * was kept; else nobody listens until the host does so again (ECONNREFUSED).
 */
export class HostListener implements Waiter, ConnectionOwner {
  #task: HostServiceCaller;
  #socket: UnixConnectionSocket;
  #path: string;
  #isClosed = false;
  #onReady: (() => void) | null;
  #service: string | null;
  #connections = new Set<HostConnection>();
  #last = 0;

  constructor(
    task: HostServiceCaller,
    socket: UnixConnectionSocket,
    path: string,
    onReady: () => void,
    service: string | null,
  ) {
    this.#service = service;
    if (service !== null) task.kernel.hostServices.listeners.set(service, this);
    this.#task = task;
    this.#socket = socket;
    this.#path = path;
    this.#onReady = onReady;
    socket.readiness.add(this);
  }

  wake(): void {
    this.#onReady?.();
  }

  /** The next program that has connected; null: none now. */
  accept(): HostConnection | null {
    if (this.#isClosed) return null;
    const socket = this.#socket.accept(this.#task, 0);
    if (isErrno(socket)) return null;
    const connection = new HostConnection(this.#task, socket as UnixConnectionSocket, this, ++this.#last);
    if (this.#service !== null) this.#connections.add(connection);
    return connection;
  }

  /** A new connection, which goes on as those do that were accepted: its other end is for a program (socketpair(2)). */
  pair(): { readonly connection: HostConnection; readonly file: HostFile } {
    const made = HostConnection.pair(this.#task, this, ++this.#last);
    if (this.#service !== null) this.#connections.add(made.connection);
    return made;
  }

  forget(connection: HostConnection): void {
    this.#connections.delete(connection);
  }

  get isLeft(): boolean {
    return this.#service !== null && this.#task.kernel.hostServices.records.has(this.#service);
  }

  /** The service goes on. @returns the connections that it had */
  goOn(onReady: () => void): readonly HostConnection[] {
    this.#onReady = onReady;
    return [...this.#connections];
  }

  /** The socket itself, for a program that is to take connections in the host's place. The host keeps it as well. */
  share(): OpenFile {
    return this.#socket.retain();
  }

  /** Somebody has connected, and nobody has taken that yet. */
  get isWaitedFor(): boolean {
    return !this.#isClosed && (this.#socket.poll() & POLLIN) !== 0;
  }

  /** Those who wait are reset, and the socket's file is removed. */
  close(): void {
    if (this.#isClosed) return;
    this.#task.kernel.work.begin();
    removeFile(this.#task, AT_FDCWD, this.#path);
    this.#stop();
  }

  /** Nobody serves it any more: its connections are reset. */
  end(): void {
    for (const connection of [...this.#connections]) connection.reset();
    this.#stop();
  }

  #stop(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.readiness.remove(this);
    this.#socket.release();
    const { listeners } = this.#task.kernel.hostServices;
    if (this.#service !== null && listeners.get(this.#service) === this) listeners.delete(this.#service);
  }

  static {
    stateClass(
      "HostServiceListener",
      this,
      {
        save: (it) => ({
          task: it.#task,
          socket: it.#socket,
          path: it.#path,
          isClosed: it.#isClosed,
          service: it.#service,
          connections: it.#connections,
          last: it.#last,
        }),
        load: (it, from) =>
          ({
            task: it.#task,
            socket: it.#socket,
            path: it.#path,
            isClosed: it.#isClosed,
            service: it.#service,
            connections: it.#connections,
            last: it.#last,
          } = from),
      },
      {
        keeps: ["#onReady"],
        loaded: (it) => {
          if (!it.isLeft) it.#stop();
        },
      },
    );
  }
}
