/**
 * X11 programs on a display: Debian's Xwayland, rootless, started in the guest when the first of them connects. It gets
 * what it needs as files that it starts with: the socket of display 0, our window manager's connection, and its own to
 * the compositor, by which we know it.
 */
import { byteString, byteStringToUtf8, utf8Of } from "@stratos/base";
import { record, whole } from "@stratos/base/value-check";
import type { HostFile } from "@stratos/kernel";
import {
  type AwaitedSocket,
  type GuestClient,
  guestEnvironment,
  type GuestUser,
  type LeftService,
  makeGuestFile,
  makeX11Folder,
  type MachineSession,
  SessionError,
} from "@stratos/session";
import type { ClientEnd, Compositor, Connection, XwaylandConnections } from "@stratos/wayland";

const PROGRAM = "Xwayland";
/** Descriptors of the program, beside 0 to 2. */
const LISTEN_FD = 3,
  MANAGER_FD = 4,
  WAYLAND_FD = 5;
/** How often it is started in a run: one that ends each time would be started for ever. */
const STARTS_MAX = 8;
/** Of what it says, for who asks why it ended. */
const WORDS_MAX = 4096;

interface XwaylandOptions {
  /** XDG_RUNTIME_DIR */
  readonly runtimeFolder: string;
  /** The number of its display: users have one each. */
  readonly display: number;
  /** @param key  of a connection that goes on with the display */
  connectionTo(client: GuestClient, key: number): Connection;
  /** What goes wrong, in words for people. */
  tell(problem: string): void;
}

/** One that has been started. */
interface Running {
  readonly pid: number;
  readonly wayland: Connected;
  readonly x11: Connected;
}

interface Connected {
  readonly client: GuestClient;
  readonly connection: Connection;
}

const isRecord = record({ pid: whole(1, 2 ** 31), wayland: whole(1, 2 ** 48), x11: whole(1, 2 ** 48) });

export class GuestXwayland {
  readonly #session: MachineSession;
  readonly #user: GuestUser;
  readonly #compositor: () => Compositor;
  readonly #connectionTo: XwaylandOptions["connectionTo"];
  readonly #runtimeFolder: string;
  readonly #display: number;
  readonly #tell: (problem: string) => void;
  readonly #socket: AwaitedSocket;
  #running: Running | null = null;
  #starts = 0;
  #isClosed = false;

  /**
   * In a machine that goes on, `goOn` is to follow.
   *
   * @param compositor  when somebody has connected. @throws SessionError when the socket cannot be made
   */
  constructor(
    session: MachineSession,
    user: GuestUser,
    compositor: () => Compositor,
    { runtimeFolder, display, connectionTo, tell }: XwaylandOptions,
  ) {
    this.#session = session;
    this.#user = user;
    this.#compositor = compositor;
    this.#runtimeFolder = runtimeFolder;
    this.#display = display;
    this.#connectionTo = connectionTo;
    this.#tell = tell;
    this.#socket = session.awaitedSocket({
      name: "x11",
      path: makeX11Folder(session.machine.kernel, display),
      owner: { uid: user.uid, gid: user.gid, mode: 0o700 },
      onWanted: () => this.#start(),
      save: () => this.#save(),
    });
    const { left } = this.#socket;
    if (left !== null) this.#running = this.#runningIn(left);
  }

  *#save(): Generator<void, Uint8Array> {
    const running = this.#running;
    const said =
      running === null
        ? {}
        : { pid: running.pid, wayland: running.wayland.client.number, x11: running.x11.client.number };
    return utf8Of(JSON.stringify(said));
  }

  #runningIn({ record: said, clients }: LeftService): Running | null {
    const its = parsed(said);
    const find = (number: number): Connected | null => {
      const client = clients.find((each) => each.number === number);
      return client === undefined ? null : this.#connected(client);
    };
    const wayland = its === null ? null : find(its.wayland);
    const x11 = its === null ? null : find(its.x11);
    for (const client of clients) if (client !== wayland?.client && client !== x11?.client) client.reset();
    if (its === null || wayland === null || x11 === null || wayland.client === x11.client) {
      wayland?.client.reset();
      x11?.client.reset();
      this.#socket.await();
      return null;
    }
    this.#session.onEnd(its.pid, () => this.#ended(""));
    return { pid: its.pid, wayland, x11 };
  }

  /** Others of the display are above 0. */
  #connected(client: GuestClient): Connected {
    return { client, connection: this.#connectionTo(client, -client.number) };
  }

  /** For a compositor that goes on; null: there is none. */
  get connections(): XwaylandConnections | null {
    const running = this.#running;
    return running === null ? null : { wayland: running.wayland.connection, x11: running.x11.connection };
  }

  /** @param ends  of the compositor; those that are missing are ended, and so is Xwayland */
  goOn(ends: ReadonlyMap<Connection, ClientEnd>): void {
    if (this.#running === null) return;
    const { wayland, x11 } = this.#running;
    const [waylandEnd, x11End] = [ends.get(wayland.connection), ends.get(x11.connection)];
    if (waylandEnd === undefined || x11End === undefined) {
      // It ends by itself then, and is started anew for the next who connects.
      wayland.client.reset();
      x11.client.reset();
      return;
    }
    wayland.client.serve(waylandEnd);
    x11.client.serve(x11End);
  }

  #start(): void {
    if (this.#isClosed) return;
    if (this.#starts++ >= STARTS_MAX) return this.#refuse("Xwayland has ended too often");
    const { kernel } = this.#session.machine;
    const wayland = this.#socket.pair();
    const x11 = this.#socket.pair();
    // Of the guest's: a machine that is saved has it.
    const output = makeGuestFile(kernel, "Xwayland", new Uint8Array(0), { isWritable: true });
    const files = [
      output.share(),
      output.share(),
      output.share(),
      this.#socket.share(),
      x11.file.share(),
      wayland.file.share(),
    ];
    const settings = [
      { name: "XDG_RUNTIME_DIR", value: this.#runtimeFolder },
      { name: "WAYLAND_SOCKET", value: String(WAYLAND_FD) },
    ];
    const argv = [`:${this.#display}`, "-rootless", "-shm", "-listenfd", String(LISTEN_FD), "-wm", String(MANAGER_FD)];
    let pid = 0;
    try {
      pid = this.#session.start(
        {
          program: PROGRAM,
          argv: [PROGRAM, ...argv],
          environment: guestEnvironment(this.#user, settings, { isTerminal: false, host: {} }),
          workingDirectory: "/",
          user: this.#user,
        },
        files,
        () => {
          this.#ended(lastWords(output));
          output.release();
        },
      );
    } catch (error) {
      if (!(error instanceof SessionError)) throw error;
      for (const { client } of [wayland, x11]) client.close();
      output.release();
      const isAbsent = error.kind === "program-not-found";
      return this.#refuse(isAbsent ? "the image has no Xwayland (Debian's package xwayland)" : error.message);
    } finally {
      for (const file of [wayland.file, x11.file]) file.release();
    }
    this.#running = { pid, wayland: this.#connected(wayland.client), x11: this.#connected(x11.client) };
    const ends = this.#compositor().connectXwayland(this.connections!);
    wayland.client.serve(ends.wayland);
    x11.client.serve(ends.x11);
  }

  /** It waits for nobody any more: who has connected is refused. */
  #refuse(why: string): void {
    this.#tell(`no window for X11 programs: ${why}`);
    this.close();
  }

  #ended(words: string): void {
    if (this.#isClosed) return;
    this.#running = null;
    const last = words.trim().split("\n").at(-1) ?? "";
    this.#tell(`Xwayland has ended${last === "" ? "" : `: ${last}`}`);
    this.#socket.await();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#socket.close();
  }
}

function parsed(said: Uint8Array): { readonly pid: number; readonly wayland: number; readonly x11: number } | null {
  try {
    const value: unknown = JSON.parse(byteStringToUtf8(byteString(said)));
    return isRecord(value) ? (value as ReturnType<typeof parsed>) : null;
  } catch {
    return null;
  }
}

function lastWords(output: HostFile): string {
  const bytes = new Uint8Array(WORDS_MAX);
  const count = output.read(bytes, Math.max(0, output.sizeBytes - WORDS_MAX));
  return new TextDecoder().decode(bytes.subarray(0, Math.max(0, count)));
}
