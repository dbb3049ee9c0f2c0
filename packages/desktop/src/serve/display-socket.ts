/**
 * Windows of programs, for one page at a time: which there are, what they wish, what they look like; and what the
 * person does with them. A later page takes the earlier one's place, and is told all anew.
 *
 *     server                                              page
 *     { present: { windows, notifications } }: all that
 *       there are; the page may know of others
 *     { window: { id, title, appId, width, height, … } }  { token }, { monitors: [{ id, x, … }] }
 *     { closed }, { wish: { id, kind, … } }               { focus }, { place }, { arrange }, { hide }, { close }
 *     { picture: { id, window, role, x, y, … } }          what `PageInput` takes: keys, pointer, text
 *     bytes: u32 picture, then for each rectangle that
 *       changed u16 x, y, width, height, its pixels as
 *       red, green, blue, alpha
 *     { dropped }, { frame: true }                        { shown: true }: the next frame may come
 *     { cursor }, { text }, { locked }, { copied }
 *     { notification: { id, summary, … } }, { withdrawn }
 *     { tray: [{ id, title, … }] }: all that there are
 */
import type { ProgramNotification } from "@stratos/dbus";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import type { ShownTrayItem } from "../machine/guest-bus.ts";
import {
  type Arranger,
  cursorName,
  type Monitor,
  MONITORS_MAX,
  type Picture,
  type Rectangle,
  type ScreenWindow,
  type WindowWish,
} from "@stratos/wayland";
import { CopiedText, GuestDisplay, type Message, PageInput } from "@stratos/display";
import type { PageSocket } from "./page-socket.ts";
import { parse } from "./terminal-socket.ts";

const SIZE = { width: 1280, height: 800 };
/** Frames in a second while a page shows them, and while none does: programs that wait for one must not stand still. */
const SHOWN_HZ = 60,
  UNSEEN_HZ = 1;
/** Bytes that wait for a page which does not read them; then its connection ends. */
const BUFFERED_MAX = 1 << 26;
/** Pixels of an area, and of a window. */
const LENGTH_MAX = 8192;
/** Pixels of a monitor for one of windows: what browsers have, with the person's own. */
const SCALE_MIN = 0.25,
  SCALE_MAX = 8;
const FILLINGS = ["", "maximized", "fullscreen"] as const;

interface Viewer {
  readonly socket: PageSocket;
  readonly input: PageInput;
  isWaiting: boolean;
  /** As they were told last: windows and pictures by number, the rest by name. */
  readonly told: Map<string, string>;
}

interface DisplaySocketOptions {
  readonly layout: string;
  /** Of X11 programs. */
  readonly xDisplay: number;
  /** What goes wrong, in words for people. */
  readonly tell: (problem: string) => void;
  /** Those that are open. */
  readonly notifications: () => readonly ProgramNotification[];
  /** Signs in the panel. */
  readonly tray: () => readonly ShownTrayItem[];
}

export class DisplaySocket implements Arranger {
  readonly #notifications: () => readonly ProgramNotification[];
  readonly #tray: () => readonly ShownTrayItem[];
  readonly #display: GuestDisplay;
  readonly #session: NonNullable<DesktopMachine["session"]>;
  /** By which the page knows them: a page that goes on has their places. */
  readonly #ids = new Map<ScreenWindow, number>();
  #viewer: Viewer | null = null;
  readonly #copied: CopiedText<Viewer>;

  /** @throws SessionError */
  constructor(
    session: NonNullable<DesktopMachine["session"]>,
    user: DesktopMachine["user"],
    { layout, xDisplay, tell, notifications, tray }: DisplaySocketOptions,
  ) {
    this.#notifications = notifications;
    this.#tray = tray;
    this.#session = session;
    this.#display = new GuestDisplay(session, user, {
      ...SIZE,
      arranger: this,
      layout,
      xDisplay,
      tell,
      onFrame: () => this.#frame(),
      onCopied: () => this.#copied.copied(),
    });
    this.#copied = new CopiedText(
      this.#display.compositor,
      () => this.#viewer,
      (_viewer, copied) => this.send({ copied }),
    );
    this.#display.setRefresh(UNSEEN_HZ);
    for (const window of this.#display.compositor.windows) this.#ids.set(window, window.number);
  }

  get environment(): Record<string, string> {
    return Object.fromEntries(this.#display.environment.map(({ name, value }) => [name, value]));
  }

  /** All programs with windows would go on where the machine is saved now. */
  get isAtRest(): boolean {
    return this.#display.isAtRest;
  }

  setLayout(layout: string): void {
    this.#session.whenFree(() => this.#display.compositor.setLayout(layout));
  }

  close(): void {
    this.disconnect();
    this.#display.close();
  }

  /** The page is told nothing more. */
  disconnect(): void {
    this.#viewer?.socket.close();
  }

  opened(window: ScreenWindow): void {
    this.#ids.set(window, window.number);
    // The page says soon where it lies; nobody is to see it elsewhere before.
    this.#tellWindows();
  }

  closed(window: ScreenWindow): void {
    const id = this.#ids.get(window);
    this.#ids.delete(window);
    if (id === undefined) return;
    this.#viewer?.told.delete(`window ${id}`);
    this.send({ closed: id });
  }

  wished(window: ScreenWindow, wish: WindowWish): void {
    const id = this.#ids.get(window);
    if (id !== undefined) this.send({ wish: { id, ...wish } });
  }

  serve(socket: PageSocket): void {
    const before = this.#viewer;
    if (before !== null) this.#leave(before);
    before?.socket.close();
    const { compositor } = this.#display;
    const viewer: Viewer = { socket, input: new PageInput(compositor), isWaiting: false, told: new Map() };
    this.#viewer = viewer;
    socket.onMessage((message) => {
      const take = (text: string): void => {
        if (this.#viewer === viewer) this.#take(viewer, parse(text));
      };
      if (typeof message === "string") this.#session.whenFree(() => take(message));
    });
    socket.onClose(() => this.#leave(viewer));
    for (const picture of compositor.pictures) picture.changeAll();
    this.#display.setRefresh(SHOWN_HZ);
    this.send({ present: { windows: [...this.#ids.values()], notifications: this.#notifications() } });
    this.send({ tray: this.#tray() });
    this.#tellWindows();
    this.#frame();
  }

  #leave(viewer: Viewer): void {
    if (this.#viewer !== viewer) return;
    this.#viewer = null;
    this.#session.whenFree(() => viewer.input.letGo());
    this.#display.setRefresh(UNSEEN_HZ);
  }

  /** To the page that there is, if there is one. */
  send(message: object | Uint8Array): void {
    const { socket } = this.#viewer ?? {};
    if (socket?.isOpen !== true) return;
    if (socket.bufferedAmount > BUFFERED_MAX) return socket.terminate();
    socket.send(message instanceof Uint8Array ? message : JSON.stringify(message));
  }

  /** Of something with that name, when it is not as it was told. */
  #tell(name: string, message: object): void {
    const viewer = this.#viewer;
    const text = JSON.stringify(message);
    if (viewer === null || viewer.told.get(name) === text) return;
    viewer.told.set(name, text);
    this.send(message);
  }

  #tellWindows(): void {
    for (const [window, id] of this.#ids) {
      const { title, appId, geometry, drawsFrame, filling } = window;
      const { width, height } = geometry;
      this.#tell(`window ${id}`, { window: { id, title, appId, width, height, drawsFrame, filling } });
    }
  }

  #frame(): void {
    const viewer = this.#viewer;
    if (viewer === null) return;
    const { compositor } = this.#display;
    this.#tellWindows();
    const present = new Set<string>();
    for (const picture of compositor.pictures) {
      present.add(`picture ${picture.id}`);
      this.#tellPicture(picture);
    }
    for (const name of [...viewer.told.keys()])
      if (name.startsWith("picture ") && !present.has(name)) {
        viewer.told.delete(name);
        this.send({ dropped: Number(name.slice("picture ".length)) });
      }
    this.#tell("cursor", { cursor: cursorName(compositor.cursor) });
    this.#tell("text", { text: compositor.textPlace });
    this.#tell("locked", { locked: compositor.isPointerLocked });
    this.#showPixels(viewer);
  }

  #tellPicture(picture: Picture): void {
    const { compositor } = this.#display;
    const window = compositor.windowOf(picture);
    const role =
      window !== null
        ? "window"
        : compositor.isCursor(picture)
          ? "cursor"
          : compositor.isDragged(picture)
            ? "dragged"
            : "overlay";
    const id = window === null ? null : (this.#ids.get(window) ?? null);
    const { x, y, width, height } = picture.place;
    this.#tell(`picture ${picture.id}`, {
      picture: { id: picture.id, window: id, role, x, y, width, height, scale: picture.scale },
    });
  }

  #showPixels(viewer: Viewer): void {
    if (viewer.isWaiting) return;
    for (const picture of this.#display.compositor.pictures) {
      const changed = picture.takeChanged();
      if (changed.length === 0) continue;
      viewer.isWaiting = true;
      this.send(encodePicture(picture, changed));
    }
    if (viewer.isWaiting) this.send({ frame: true });
  }

  #take(viewer: Viewer, message: Message): void {
    const { compositor } = this.#display;
    const { monitors, focus, place, arrange, hide, close, shown } = message;
    if (shown === true) {
      viewer.isWaiting = false;
      this.#showPixels(viewer);
    }
    const known = monitorsOf(monitors);
    if (known !== null) compositor.setMonitors(known);
    if (focus !== undefined) compositor.focus(this.#windowAt(focus));
    const placed = this.#of(place);
    if (placed !== null && isPlace(placed.of["x"]) && isPlace(placed.of["y"]))
      compositor.place(placed.window, placed.of["x"], placed.of["y"]);
    const arranged = this.#of(arrange);
    if (arranged !== null) this.#arrange(arranged.window, arranged.of);
    const hidden = this.#of(hide);
    if (hidden !== null) compositor.hide(hidden.window, hidden.of["hidden"] === true);
    const closed = this.#windowAt(close);
    if (closed !== null) compositor.close(closed);
    viewer.input.take(message);
    this.#tell("text", { text: compositor.textPlace });
  }

  #arrange(window: ScreenWindow, { width, height, filling, resizing }: Message): void {
    const known = FILLINGS.find((each) => each === filling);
    if (!isLength(width) || !isLength(height) || known === undefined) return;
    this.#display.compositor.arrange(window, { width, height, filling: known, isResizing: resizing === true });
  }

  #windowAt(id: unknown): ScreenWindow | null {
    for (const [window, each] of this.#ids) if (each === id) return window;
    return null;
  }

  #of(value: unknown): { readonly window: ScreenWindow; readonly of: Message } | null {
    if (!isRecord(value)) return null;
    const window = this.#windowAt(value["id"]);
    return window === null ? null : { window, of: value };
  }
}

/** @returns null: these are none that there can be */
function monitorsOf(value: unknown): Monitor[] | null {
  if (!Array.isArray(value) || value.length === 0 || value.length > MONITORS_MAX) return null;
  const monitors = value.flatMap((each): Monitor[] => {
    const { id, x, y, width, height, scale } = isRecord(each) ? each : {};
    const isWhole = isLength(x) && isLength(y) && isLength(width) && isLength(height) && width * height > 0;
    if (!isWhole || !isLength(id) || typeof scale !== "number" || !(scale >= SCALE_MIN && scale <= SCALE_MAX))
      return [];
    return [{ id, x, y, width, height, scale, refreshHz: SHOWN_HZ }];
  });
  const ids = new Set(monitors.map(({ id }) => id));
  const isAtCorner = (["x", "y"] as const).every((key) => Math.min(...monitors.map((each) => each[key])) === 0);
  return monitors.length === value.length && ids.size === monitors.length && isAtCorner ? monitors : null;
}

function isRecord(value: unknown): value is Message {
  return typeof value === "object" && value !== null;
}

function isLength(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) <= LENGTH_MAX;
}

function isPlace(value: unknown): value is number {
  return Number.isInteger(value) && Math.abs(value as number) <= LENGTH_MAX;
}

/** Colours are multiplied by alpha here, and are not in a page's ImageData. */
function encodePicture({ id, canvas }: Picture, parts: readonly Rectangle[]): Uint8Array {
  const sizeBytes = parts.reduce((sum, { width, height }) => sum + 8 + 4 * width * height, 4);
  const bytes = new Uint8Array(sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, id, true);
  let at = 4;
  for (const { x, y, width, height } of parts) {
    for (const [index, value] of [x, y, width, height].entries()) view.setUint16(at + 2 * index, value, true);
    at += 8;
    const pixels = new Uint32Array(bytes.buffer, at, width * height);
    let to = 0;
    for (let line = y; line < y + height; line++)
      for (let from = line * canvas.width + x, end = from + width; from < end; from++)
        pixels[to++] = straight(canvas.pixels[from]!);
    at += 4 * width * height;
  }
  return bytes;
}

function straight(pixel: number): number {
  const alpha = pixel >>> 24;
  if (alpha === 255) return (pixel & 0xff00ff00) | ((pixel & 0xff) << 16) | ((pixel >>> 16) & 0xff);
  if (alpha === 0) return 0;
  const of = (shift: number): number => Math.min(255, Math.round((((pixel >>> shift) & 0xff) * 255) / alpha));
  return (alpha << 24) | (of(0) << 16) | (of(8) << 8) | of(16);
}
