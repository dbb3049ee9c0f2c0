/**
 * Services of the host for programs of the guest, over a Unix socket of its file system: a display, an agent. What the
 * kernel tells in the midst of a system call is taken up in the host's event loop, between the machine's turns.
 */
import { AT_FDCWD, EAGAIN, EEXIST, ERRNO_NAMES } from "@stratos/abi";
import { byteStringToUtf8 } from "@stratos/base";
import type { EventLoop } from "@stratos/host";
import {
  changeMode,
  changeOwner,
  HostConnection,
  HostFile,
  type HostSocketOwner,
  type Kernel,
  lookupPath,
  makeDirectory,
  type OpenFile,
  openHostListener,
  type Task,
} from "@stratos/kernel";
import { SessionError } from "./session-error.ts";

/** Bytes taken from a connection at a time; then others have their turn. */
const PIECE = 1 << 16;
/** Bytes that may wait for a program that does not read; then its connection is reset. */
const OUTGOING_MAX = 1 << 22;

/** What a service does with a connection. Called between the machine's turns. */
export interface HostService {
  /** The bytes hold until the call returns; each file is given back by `release`. */
  onData(bytes: Uint8Array, files: readonly HostFile[]): void;
  /** The program has ended the connection, or it was reset; not after `close` or `reset`. */
  onEnd(): void;
}

/** The host's end of a connection to a program. */
export class GuestClient {
  readonly #connection: HostConnection;
  readonly #loop: EventLoop;
  readonly #buffer = new Uint8Array(PIECE);
  #service: HostService | null = null;
  #outgoing: { bytes: Uint8Array; files: readonly HostFile[] }[] = [];
  #outgoingBytes = 0;
  #isDue = false;
  #isClosing = false;

  constructor(connection: HostConnection, loop: EventLoop) {
    this.#connection = connection;
    this.#loop = loop;
    connection.onReady(() => this.#soon());
  }

  /** Who connected: number of the process, as the machine's first namespace counts, and ids. */
  get peer(): { readonly pid: number; readonly uid: number; readonly gid: number } | null {
    return this.#connection.peer;
  }

  serve(service: HostService): void {
    this.#service = service;
    this.#soon();
  }

  /** In order, whatever room there is now. The files go with the first of the bytes, and stay the sender's. */
  send(bytes: Uint8Array, files: readonly HostFile[] = []): void {
    if (this.#connection.isClosed || bytes.length === 0) return;
    // The sender may let go of its files before there is room for them.
    this.#outgoing.push({ bytes, files: files.map((file) => file.again()) });
    this.#outgoingBytes += bytes.length;
    this.#flush();
    if (this.#outgoingBytes > OUTGOING_MAX) this.#over();
  }

  /** A file that came is not needed any more. */
  release(file: HostFile): void {
    this.#connection.release(file);
  }

  /** Ends it; the program reads what was sent, as far as there is room. */
  close(): void {
    this.#flush();
    this.#dropOutgoing();
    this.#isClosing = true;
    this.#connection.close();
  }

  #soon(): void {
    if (this.#isDue || this.#isClosing) return;
    this.#isDue = true;
    this.#loop.callSoon(() => {
      this.#isDue = false;
      if (this.#isClosing) return;
      this.#flush();
      this.#receive();
    });
  }

  #receive(): void {
    if (this.#service === null || this.#isClosing) return;
    const files: HostFile[] = [];
    const count = this.#connection.receive(this.#buffer, files);
    if (count === -EAGAIN) return;
    if (count <= 0) return this.#over();
    this.#service.onData(this.#buffer.subarray(0, count), files);
    this.#soon();
  }

  #flush(): void {
    while (this.#outgoing.length > 0 && !this.#connection.isClosed) {
      const first = this.#outgoing[0]!;
      const sent = this.#connection.send(first.bytes, first.files);
      if (sent < 0) {
        // What the program sent before it went is still to be read.
        if (sent !== -EAGAIN) this.#dropOutgoing();
        return;
      }
      this.#outgoingBytes -= sent;
      for (const file of first.files) file.release();
      if (sent === first.bytes.length) this.#outgoing.shift();
      else this.#outgoing[0] = { bytes: first.bytes.subarray(sent), files: [] };
    }
  }

  #dropOutgoing(): void {
    for (const { files } of this.#outgoing) for (const file of files) file.release();
    this.#outgoing = [];
    this.#outgoingBytes = 0;
  }

  #over(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#dropOutgoing();
    // Files that came are there until the service has ended its side.
    this.#service?.onEnd();
    this.#connection.reset();
  }
}

export interface GuestListener {
  /** Nobody can connect any more; the socket's file is removed. Connections stay. */
  close(): void;
}

/** @throws SessionError of kind "mount" */
export function listenInGuest(
  kernel: Kernel,
  loop: EventLoop,
  path: string,
  owner: HostSocketOwner,
  onConnection: (client: GuestClient) => void,
): GuestListener {
  let isDue = false;
  const take = (): void => {
    isDue = false;
    for (;;) {
      const connection = listener.accept();
      if (connection === null) return;
      onConnection(new GuestClient(connection, loop));
    }
  };
  const listener = ok(
    path,
    openHostListener(initOf(kernel), path, owner, () => {
      if (isDue) return;
      isDue = true;
      loop.callSoon(take);
    }),
  );
  return listener;
}

/** A socket at which nobody listens until somebody connects; then a program is started, which is handed the socket. */
export interface AwaitedSocket {
  /** For the program: it is to call accept(2) on it. The host keeps the socket, so that another one can follow. */
  share(): OpenFile;
  /** The program has ended: the next connection is told again, and one that waits already at once. */
  await(): void;
  close(): void;
}

/**
 * @param onWanted  called between the machine's turns, once after each `await`: somebody waits
 * @throws SessionError of kind "mount"
 */
export function awaitInGuest(
  kernel: Kernel,
  loop: EventLoop,
  path: string,
  owner: HostSocketOwner,
  onWanted: () => void,
): AwaitedSocket {
  let isAwaited = true;
  const listener = ok(
    path,
    openHostListener(initOf(kernel), path, owner, () => {
      if (!isAwaited) return;
      isAwaited = false;
      loop.callSoon(onWanted);
    }),
  );
  return {
    share: () => listener.share(),
    await: () => {
      isAwaited = !listener.isWaitedFor;
      if (!isAwaited) loop.callSoon(onWanted);
    },
    close: () => {
      isAwaited = false;
      listener.close();
    },
  };
}

/** Both ends of a new connection: the file is for a program, which is sent it or starts with it. */
export function pairInGuest(
  kernel: Kernel,
  loop: EventLoop,
): { readonly client: GuestClient; readonly file: HostFile } {
  const { connection, file } = HostConnection.pair(initOf(kernel));
  return { client: new GuestClient(connection, loop), file };
}

/**
 * Writes all of `bytes` into the pipe that a program passed, as it makes room.
 *
 * @param done  called once, when all is written or nobody reads it any more: the file may be released then
 */
export function writeInGuest(loop: EventLoop, file: HostFile, bytes: Uint8Array, done: () => void): void {
  let at = 0;
  let isDue = false;
  const soon = (): void => {
    if (isDue) return;
    isDue = true;
    loop.callSoon(step);
  };
  const step = (): void => {
    isDue = false;
    while (at < bytes.length) {
      const written = file.write(bytes.subarray(at));
      if (written === -EAGAIN) return;
      if (written < 0) break;
      at += written;
    }
    at = bytes.length;
    isDue = true;
    done();
  };
  file.onRoom(soon);
  soon();
}

/**
 * Where X11 programs look for display 0 (X(7), "DISPLAY NAMES"). A folder as /tmp is: everybody's, with the sticky bit.
 * @returns the socket's path @throws SessionError of kind "mount"
 */
export function makeX11Folder(kernel: Kernel): string {
  const init = initOf(kernel);
  const folder = "/tmp/.X11-unix";
  const made = makeDirectory(init, AT_FDCWD, folder, 0o1777);
  if (made < 0 && made !== -EEXIST) ok(folder, made);
  if (made >= 0) ok(folder, changeMode(init, ok(folder, lookupPath(init, AT_FDCWD, folder, 0)), 0o1777));
  return `${folder}/X0`;
}

/**
 * The folder for the sockets and pipes of a user (XDG Base Directory Specification, $XDG_RUNTIME_DIR): the user's own,
 * and nobody else's. @returns its path @throws SessionError of kind "mount"
 */
export function makeRuntimeFolder(kernel: Kernel, user: { readonly uid: number; readonly gid: number }): string {
  const init = initOf(kernel);
  const path = `/run/user/${user.uid}`;
  for (const folder of ["/run", "/run/user", path]) {
    const made = makeDirectory(init, AT_FDCWD, folder, 0o755);
    if (made < 0 && made !== -EEXIST) ok(folder, made);
  }
  const place = ok(path, lookupPath(init, AT_FDCWD, path, 0));
  ok(path, changeOwner(init, place, user.uid, user.gid));
  ok(path, changeMode(init, place, 0o700));
  return path;
}

function ok<T>(place: string, result: T | number): Exclude<T, number> {
  if (typeof result !== "number" || result >= 0) return result as Exclude<T, number>;
  const why = ERRNO_NAMES[-result] ?? String(-result);
  throw new SessionError("mount", byteStringToUtf8(place), `no service of the host can be there: ${why}`, -result);
}

/** A file of memory with these bytes, which programs can read and nobody can change. @throws SessionError */
export function makeGuestFile(kernel: Kernel, name: string, bytes: Uint8Array): HostFile {
  return ok(name, HostFile.ofBytes(initOf(kernel), name, bytes));
}

function initOf(kernel: Kernel): Task {
  // The work of calls is counted anew for each.
  kernel.work.begin();
  return kernel.tasks.tasks.get(1)!;
}
