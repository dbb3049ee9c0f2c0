/** A display for the programs of a machine: a Wayland socket in the guest, and a screen that is drawn here. */
import { byteStringToUtf8, concatBytes, StateError } from "@stratos/base";
import type { HostFile } from "@stratos/kernel";
import {
  type EnvironmentSetting,
  type GuestClient,
  type GuestListener,
  type GuestUser,
  type LeftService,
  type MachineSession,
  makeGuestFile,
  makeRuntimeFolder,
} from "@stratos/session";
import { type Arranger, type ClientEnd, Compositor, type Connection, type Rectangle } from "@stratos/wayland";
import { GuestXwayland } from "./guest-xwayland.ts";

const SOCKET = "wayland-0";
const REFRESH_HZ = 60;
/** How long a program may take to hand over what it has copied. */
const COPY_PATIENCE_MS = 10_000;
const NANOSECONDS_PER_MS = 1e6;

interface DisplayOptions {
  readonly width: number;
  readonly height: number;
  /** After each frame. @param changed  where it differs from the one before; nothing: programs only waited for it */
  onFrame(changed: readonly Rectangle[]): void;
  /** A desktop that arranges windows. */
  readonly arranger?: Arranger;
  /** The keyboard's, as setxkbmap(1) takes it; absent: `us`. */
  readonly layout?: string;
  /** The number that X11 programs find theirs by; absent: 0. Displays of one machine have one each. */
  readonly xDisplay?: number;
  /** A program has copied something. */
  onCopied?(): void;
  /** What goes wrong, in words for people. */
  tell(problem: string): void;
}

export class GuestDisplay {
  readonly compositor: Compositor;
  /** What programs need to find it; what the user says otherwise goes before. */
  readonly environment: readonly EnvironmentSetting[];
  readonly #session: MachineSession;
  readonly #listener: GuestListener;
  readonly #xwayland: GuestXwayland;
  readonly #onFrame: (changed: readonly Rectangle[]) => void;
  #frameTimer: ReturnType<typeof setTimeout> | null = null;
  #lastFrameMs = 0;
  #refreshHz = REFRESH_HZ;

  /** @throws SessionError when the socket cannot be made */
  constructor(session: MachineSession, user: GuestUser, options: DisplayOptions) {
    const { width, height, onFrame, onCopied, tell, arranger, layout = "us", xDisplay = 0 } = options;
    const { kernel } = session.machine;
    this.#onFrame = onFrame;
    this.#session = session;
    const makeCompositor = (): Compositor =>
      new Compositor(
        {
          nowMs: () => kernel.now() / NANOSECONDS_PER_MS,
          onFrameNeeded: () => this.#frameSoon(),
          makeFile: (name, bytes) => makeGuestFile(kernel, name, bytes),
          write: (file, bytes, done) => session.writePipe(file as HostFile, bytes, done),
          collect: (bytesMax, onEnd) => collect(session, bytesMax, onEnd),
          onCopied: () => onCopied?.(),
          onDefect: (error) => tell((error as Error).stack ?? String(error)),
        },
        {
          ...{ width, height, refreshHz: REFRESH_HZ, scale: 1, layout, background: 0xff2e3440 },
          ...(arranger === undefined ? {} : { arranger }),
        },
      );
    let compositor = makeCompositor();
    const folder = makeRuntimeFolder(kernel, user);
    this.environment = [
      { name: "XDG_RUNTIME_DIR", value: byteStringToUtf8(folder) },
      { name: "WAYLAND_DISPLAY", value: SOCKET },
      { name: "DISPLAY", value: `:${xDisplay}` },
      // Without a graphics processor the other renderers of GTK 4 draw by programs that are translated first.
      { name: "GSK_RENDERER", value: "cairo" },
    ];
    const runtimeFolder = byteStringToUtf8(folder);
    const owner = { uid: user.uid, gid: user.gid, mode: 0o700 };
    const { listener, left } = session.hostService({
      name: "display",
      path: `${folder}/${SOCKET}`,
      owner,
      onConnection: (client) => client.serve(this.compositor.connect(connectionTo(client))),
      settle: () => this.compositor.flush(),
      save: () => this.compositor.saveInPieces(),
    });
    this.#listener = listener;
    this.#xwayland = new GuestXwayland(session, user, () => this.compositor, {
      ...{ runtimeFolder, display: xDisplay, connectionTo, tell },
    });
    let goesOn = false;
    let ends: ReadonlyMap<Connection, ClientEnd> = new Map();
    if (left !== null)
      try {
        ends = goOn(compositor, left, this.#xwayland);
        goesOn = true;
      } catch (error) {
        if (!(error instanceof StateError)) throw error;
        tell(`windows of programs cannot go on: ${error.message}`);
        for (const client of left.clients) client.reset();
        compositor = makeCompositor();
      }
    this.compositor = compositor;
    this.#xwayland.goOn(ends);
    // Whoever had keys and buttons down sat before another page.
    if (goesOn) compositor.letGo();
  }

  /** All programs would go on where the machine is saved now. */
  get isAtRest(): boolean {
    return this.compositor.isAtRest;
  }

  /** Asks the host's loop for one. */
  #frameSoon(): void {
    if (this.#frameTimer !== null) return;
    const sinceMs = performance.now() - this.#lastFrameMs;
    this.#frameTimer = setTimeout(
      () => this.#session.whenFree(() => this.#frame()),
      Math.max(0, 1000 / this.#refreshHz - sinceMs),
    );
  }

  #frame(): void {
    this.#frameTimer = null;
    this.#lastFrameMs = performance.now();
    this.#onFrame(this.compositor.frame());
  }

  /** What it shows, for a page. */
  get screen(): Compositor {
    return this.compositor;
  }

  /** How many frames there are in a second, at most. */
  setRefresh(refreshHz: number): void {
    this.#refreshHz = refreshHz;
    if (this.#frameTimer === null) return;
    clearTimeout(this.#frameTimer);
    this.#frameTimer = null;
    this.#frameSoon();
  }

  /** Nobody looks at it any more. */
  close(): void {
    if (this.#frameTimer !== null) clearTimeout(this.#frameTimer);
    this.#frameTimer = null;
    this.#listener.close();
    this.#xwayland.close();
  }
}

/** All files that the compositor has are of this machine: programs sent them, or `makeFile` made them. */
function connectionTo(client: GuestClient, key = client.number): Connection {
  return {
    key,
    get files() {
      return client.files;
    },
    send: (bytes, files) => client.send(bytes, files as readonly HostFile[]),
    release: (file) => client.release(file as HostFile),
    close: () => client.close(),
  };
}

/** @throws StateError */
function goOn(
  compositor: Compositor,
  { record, clients }: LeftService,
  xwayland: GuestXwayland,
): ReadonlyMap<Connection, ClientEnd> {
  const connections = clients.map((client) => ({ client, connection: connectionTo(client) }));
  const ends = compositor.goOn(
    record,
    connections.map(({ connection }) => connection),
    xwayland.connections,
  );
  for (const { client, connection } of connections) {
    const end = ends.get(connection);
    if (end === undefined) client.reset();
    else client.serve(end);
  }
  return ends;
}

/** What a program writes into a file that is made for it (Compositor's port). */
function collect(
  session: MachineSession,
  bytesMax: number,
  onEnd: (bytes: Uint8Array | null) => void,
): { readonly file: HostFile; readonly release: () => void } {
  const { client, file } = session.connectedPair();
  const pieces: Uint8Array[] = [];
  let count = 0;
  const end = (bytes: Uint8Array | null): void => {
    clearTimeout(timer);
    client.close();
    onEnd(bytes);
  };
  const timer = setTimeout(() => end(null), COPY_PATIENCE_MS);
  // A program that never writes is not to keep the run from its end.
  keepsNobody(timer);
  client.serve({
    onData: (bytes, files) => {
      for (const each of files) client.release(each);
      count += bytes.length;
      if (count > bytesMax) end(null);
      else pieces.push(bytes.slice());
    },
    onEnd: () => end(concatBytes(pieces)),
  });
  return { file, release: () => file.release() };
}

/** Timers of browsers are numbers, and keep nothing from its end. */
function keepsNobody(timer: ReturnType<typeof setTimeout>): void {
  if (typeof timer === "object") timer.unref();
}
