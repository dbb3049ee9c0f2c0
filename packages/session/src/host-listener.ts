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

/**
 * While a machine is saved in pieces, what services of the host would do to it waits: what is saved of them and of it
 * belongs together.
 */
export class ServiceHold {
  #waiting: (() => void)[] | null = null;
  /** Something waits: whoever saves may give it up. */
  readonly #onWait: () => void;

  constructor(onWait: () => void) {
    this.#onWait = onWait;
  }

  get isHeld(): boolean {
    return this.#waiting !== null;
  }

  begin(): void {
    this.#waiting ??= [];
  }

  end(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    try {
      while (waiting.length > 0) waiting.shift()!();
    } finally {
      // A defect of one is none of the others'.
      if (waiting.length > 0) {
        this.#waiting = waiting;
        this.end();
      }
    }
  }

  /** Does it, now or in its turn. */
  run(work: () => void): void {
    if (this.#waiting === null) return work();
    this.#waiting.push(work);
    this.#onWait();
  }
}

/** A machine, and when services of the host may act on it. */
export interface ServicePlace {
  readonly kernel: Kernel;
  readonly loop: EventLoop;
  readonly hold: ServiceHold;
}

/** Between the machine's turns. */
export function actSoon({ kernel, loop, hold }: ServicePlace, act: () => void): void {
  const { hostServices } = kernel;
  hostServices.dueCount++;
  loop.callSoon(() =>
    hold.run(() => {
      hostServices.dueCount--;
      act();
    }),
  );
}

/** The host's end of a connection to a program. */
export class GuestClient {
  readonly #connection: HostConnection;
  readonly #place: ServicePlace;
  readonly #hold: ServiceHold;
  readonly #buffer = new Uint8Array(PIECE);
  #service: HostService | null = null;
  #isDue = false;
  #isClosing = false;

  constructor(connection: HostConnection, place: ServicePlace) {
    this.#connection = connection;
    this.#place = place;
    this.#hold = place.hold;
    connection.onReady(() => this.#soon());
  }

  /** Who connected: number of the process, as the machine's first namespace counts, and ids. */
  get peer(): { readonly pid: number; readonly uid: number; readonly gid: number } | null {
    return this.#connection.peer;
  }

  /** Of its service's connections; a service that goes on with a saved machine finds it again by that. */
  get number(): number {
    return this.#connection.number;
  }

  /** Those that came and were not released, by numbers that are theirs for good. */
  get files(): ReadonlyMap<number, HostFile> {
    return this.#connection.files;
  }

  serve(service: HostService): void {
    this.#service = service;
    this.#soon();
  }

  /** In order, whatever room there is now. The files go with the first of the bytes, and stay the sender's. */
  send(bytes: Uint8Array, files: readonly HostFile[] = []): void {
    this.#hold.run(() => {
      this.#connection.post(bytes, files);
      if (this.#connection.outgoingBytes > OUTGOING_MAX) this.#over();
    });
  }

  /** A file that came is not needed any more. */
  release(file: HostFile): void {
    this.#hold.run(() => this.#connection.release(file));
  }

  /** Ends it; the program reads what was sent, as far as there is room. */
  close(): void {
    this.#isClosing = true;
    this.#hold.run(() => {
      this.#connection.flush();
      this.#connection.close();
    });
  }

  /** Ends it: the program reads ECONNRESET. */
  reset(): void {
    this.#isClosing = true;
    this.#hold.run(() => this.#connection.reset());
  }

  #soon(): void {
    if (this.#isDue || this.#isClosing) return;
    this.#isDue = true;
    actSoon(this.#place, () => this.#look());
  }

  #look(): void {
    this.#isDue = false;
    if (this.#isClosing) return;
    this.#connection.flush();
    this.#receive();
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

  #over(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#connection.dropOutgoing();
    // Files that came are there until the service has ended its side.
    this.#service?.onEnd();
    this.#connection.reset();
  }
}

export interface GuestListener {
  /** Nobody can connect any more; the socket's file is removed. Connections stay. */
  close(): void;
}

/** A service of the host that may go on where its machine does. */
export interface GuestService {
  /** By which it is found again. */
  readonly name: string;
  readonly path: string;
  readonly owner: HostSocketOwner;
  readonly onConnection: (client: GuestClient) => void;
  /** Sends what it has not sent yet: its machine is about to be saved, and nothing that is sent then is in that. */
  settle?(): void;
  /** All that it needs to go on, but its connections. Between the pieces nothing is asked of it. @throws StateError */
  save(): Generator<void, Uint8Array>;
}

/** A service of a program's, which the host starts when it is wanted. */
export interface AwaitedService extends Omit<GuestService, "onConnection"> {
  readonly onWanted: () => void;
}

/** What the machine that it went on from had of a service. */
export interface LeftService {
  readonly record: Uint8Array;
  /** Each is to be served, or reset. */
  readonly clients: readonly GuestClient[];
}

/** @throws SessionError of kind "mount" */
export function listenInGuest(
  place: ServicePlace,
  service: Omit<GuestService, "save" | "name"> & { readonly name: string | null },
): { readonly listener: GuestListener; readonly left: LeftService | null } {
  const { kernel } = place;
  const { name, path, owner, onConnection } = service;
  let isDue = false;
  const clientOf = (connection: HostConnection): GuestClient => new GuestClient(connection, place);
  const take = (): void => {
    isDue = false;
    for (;;) {
      const connection = listener.accept();
      if (connection === null) return;
      onConnection(clientOf(connection));
    }
  };
  const soon = (): void => {
    if (isDue) return;
    isDue = true;
    actSoon(place, take);
  };
  const found = name === null ? null : kernel.hostServices.take(name);
  const listener = found?.listener ?? ok(path, openHostListener(initOf(kernel), path, owner, soon, name));
  if (found === null) return { listener, left: null };
  const clients = found.listener.goOn(soon).map(clientOf);
  soon();
  return { listener, left: { record: found.record, clients } };
}

/** A socket at which nobody listens until somebody connects; then a program is started, which is handed the socket. */
export interface AwaitedSocket {
  /** What the machine that it goes on from had of it; null: it begins. */
  readonly left: LeftService | null;
  /** For the program: it is to call accept(2) on it. The host keeps the socket, so that another one can follow. */
  share(): OpenFile;
  /** A new connection that goes on with the socket: the file is for the program. */
  pair(): { readonly client: GuestClient; readonly file: HostFile };
  /** The program has ended: the next connection is told again, and one that waits already at once. */
  await(): void;
  close(): void;
}

/**
 * @param service  `onWanted` is called between the machine's turns, once after each `await`: somebody waits. One that
 *   goes on awaits nobody, as its program may be there
 * @throws SessionError of kind "mount"
 */
export function awaitInGuest(
  place: ServicePlace,
  { name, path, owner, onWanted }: Omit<AwaitedService, "save">,
): AwaitedSocket {
  const { kernel } = place;
  const wanted = (): void => {
    if (!isAwaited) return;
    isAwaited = false;
    actSoon(place, onWanted);
  };
  const found = kernel.hostServices.take(name);
  let isAwaited = found === null;
  const clientOf = (connection: HostConnection): GuestClient => new GuestClient(connection, place);
  const clients = found?.listener.goOn(wanted).map(clientOf) ?? [];
  const listener = found?.listener ?? ok(path, openHostListener(initOf(kernel), path, owner, wanted, name));
  return {
    left: found === null ? null : { record: found.record, clients },
    share: () => listener.share(),
    pair: () => {
      initOf(kernel);
      const { connection, file } = listener.pair();
      return { client: clientOf(connection), file };
    },
    await: () => {
      isAwaited = !listener.isWaitedFor;
      if (!isAwaited) actSoon(place, onWanted);
    },
    close: () => {
      isAwaited = false;
      listener.close();
    },
  };
}

/** Both ends of a new connection: the file is for a program, which is sent it or starts with it. */
export function pairInGuest(place: ServicePlace): { readonly client: GuestClient; readonly file: HostFile } {
  const { connection, file } = HostConnection.pair(initOf(place.kernel));
  return { client: new GuestClient(connection, place), file };
}

/**
 * Writes all of `bytes` into the pipe that a program passed, as it makes room.
 *
 * @param done  called once, when all is written or nobody reads it any more: the file may be released then
 */
export function writeInGuest(place: ServicePlace, file: HostFile, bytes: Uint8Array, done: () => void): void {
  let at = 0;
  let isDue = false;
  const soon = (): void => {
    if (isDue) return;
    isDue = true;
    actSoon(place, step);
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
export function makeX11Folder(kernel: Kernel, display = 0): string {
  const init = initOf(kernel);
  const folder = "/tmp/.X11-unix";
  const made = makeDirectory(init, AT_FDCWD, folder, 0o1777);
  if (made < 0 && made !== -EEXIST) ok(folder, made);
  if (made >= 0) ok(folder, changeMode(init, ok(folder, lookupPath(init, AT_FDCWD, folder, 0)), 0o1777));
  return `${folder}/X${display}`;
}

/**
 * The folder for the sockets and pipes of a user (XDG Base Directory Specification, $XDG_RUNTIME_DIR), or one in it:
 * the user's own, and nobody else's. @returns its path @throws SessionError of kind "mount"
 */
export function makeRuntimeFolder(
  kernel: Kernel,
  user: { readonly uid: number; readonly gid: number },
  within: string | null = null,
): string {
  const init = initOf(kernel);
  const make = (folder: string): void => {
    const made = makeDirectory(init, AT_FDCWD, folder, 0o755);
    if (made < 0 && made !== -EEXIST) ok(folder, made);
  };
  const makeOwn = (folder: string): string => {
    make(folder);
    const place = ok(folder, lookupPath(init, AT_FDCWD, folder, 0));
    ok(folder, changeOwner(init, place, user.uid, user.gid));
    ok(folder, changeMode(init, place, 0o700));
    return folder;
  };
  make("/run");
  make("/run/user");
  const path = makeOwn(`/run/user/${user.uid}`);
  return within === null ? path : makeOwn(`${path}/${within}`);
}

function ok<T>(place: string, result: T | number): Exclude<T, number> {
  if (typeof result !== "number" || result >= 0) return result as Exclude<T, number>;
  const why = ERRNO_NAMES[-result] ?? String(-result);
  throw new SessionError("mount", byteStringToUtf8(place), `no service of the host can be there: ${why}`, -result);
}

/** A file of memory with these bytes, for programs, which may change it or not. @throws SessionError */
export function makeGuestFile(
  kernel: Kernel,
  name: string,
  bytes: Uint8Array,
  { isWritable = false }: { readonly isWritable?: boolean } = {},
): HostFile {
  return ok(name, HostFile.ofBytes(initOf(kernel), name, bytes, isWritable));
}

function initOf(kernel: Kernel): Task {
  // The work of calls is counted anew for each.
  kernel.work.begin();
  return kernel.tasks.tasks.get(1)!;
}
