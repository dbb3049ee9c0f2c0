/**
 * X11 programs on a display: Debian's Xwayland, rootless, started in the guest when the first of them connects. It gets
 * what it needs as files that it starts with: the socket of display 0, our window manager's connection, and its own to
 * the compositor, by which we know it.
 */
import type { HostFile } from "@stratos/kernel";
import {
  type AwaitedSocket,
  type GuestClient,
  guestEnvironment,
  type GuestUser,
  makeGuestFile,
  makeX11Folder,
  type MachineSession,
  SessionError,
} from "@stratos/session";
import type { Compositor, Connection } from "@stratos/wayland";

export const X_DISPLAY = ":0";
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
  connectionTo(client: GuestClient): Connection;
  /** What goes wrong, in words for people. */
  tell(problem: string): void;
}

export class GuestXwayland {
  readonly #session: MachineSession;
  readonly #user: GuestUser;
  readonly #compositor: Compositor;
  readonly #connectionTo: (client: GuestClient) => Connection;
  readonly #runtimeFolder: string;
  readonly #tell: (problem: string) => void;
  readonly #socket: AwaitedSocket;
  #starts = 0;
  #isClosed = false;

  /** @throws SessionError when the socket cannot be made */
  constructor(
    session: MachineSession,
    user: GuestUser,
    compositor: Compositor,
    { runtimeFolder, connectionTo, tell }: XwaylandOptions,
  ) {
    this.#session = session;
    this.#user = user;
    this.#compositor = compositor;
    this.#runtimeFolder = runtimeFolder;
    this.#connectionTo = connectionTo;
    this.#tell = tell;
    const owner = { uid: user.uid, gid: user.gid, mode: 0o700 };
    this.#socket = session.awaitedSocket("x11", makeX11Folder(session.machine.kernel), owner, () => this.#start());
  }

  #start(): void {
    if (this.#isClosed) return;
    if (this.#starts++ >= STARTS_MAX) return this.#refuse("Xwayland has ended too often");
    const { kernel } = this.#session.machine;
    const wayland = this.#session.connectedPair();
    const x11 = this.#session.connectedPair();
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
    const argv = [X_DISPLAY, "-rootless", "-shm", "-listenfd", String(LISTEN_FD), "-wm", String(MANAGER_FD)];
    try {
      this.#session.start(
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
    const ends = this.#compositor.connectXwayland(this.#connectionTo(wayland.client), this.#connectionTo(x11.client));
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

function lastWords(output: HostFile): string {
  const bytes = new Uint8Array(WORDS_MAX);
  const count = output.read(bytes, Math.max(0, output.sizeBytes - WORDS_MAX));
  return new TextDecoder().decode(bytes.subarray(0, Math.max(0, count)));
}
