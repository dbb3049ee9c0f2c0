/**
 * The window manager of X11 programs, as a client of Xwayland (rootless): windows of the root become windows of the
 * screen. Read ICCCM §4 (Client to Window Manager Communication) and Extended Window Manager Hints 1.5 first.
 *
 *     MapRequest ──► properties are read ──► placed, mapped ──► the server draws into a surface, and says which
 *     (WL_SURFACE_SERIAL, x11/xwayland-shell.ts) ──► with its first buffer it is a window of the screen
 *
 * Windows are not reparented: their frames are drawn by the compositor. Requests about windows that are gone are errors
 * of the server, which nobody waits for.
 */
import { byteString, byteStringToUtf8, utf8Of } from "@stratos/base";
import { list, maybe, oneOf, record, uint32, whole } from "@stratos/base/value-check";
import { a } from "../saved/saved-class.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import type { Screen } from "../shell/screen.ts";
import type { ScreenWindow } from "../shell/screen-window.ts";
import { isSavedXConnection, type SavedXConnection, XConnection, type XRequest } from "./x-connection.ts";
import type { XLink } from "./x-link.ts";
import * as x from "./x-protocol.ts";
import { ATOM, type AtomName, CONFIGURE, EVENT, MASK, type PropertyValue, wordsOf } from "./x-protocol.ts";
import { type SizeHints, NO_HINTS, XWindow, type XWindowOwner } from "./x-window.ts";
import { isSavedXSelection, type XSelection } from "./x-selection.ts";
import { isSavedXwaylandShell, type XwaylandShell } from "./xwayland-shell.ts";

/** Windows of the root; further ones are not shown. */
const WINDOWS_MAX = 4096;
/** Words of a property that says something about a window. */
const PROPERTY_WORDS = 512;
const TITLE_MAX = 1024;
/** WM_STATE (ICCCM §4.1.3.1). */
const WITHDRAWN = 0,
  NORMAL = 1;
const MAPPED_EVENTS = MASK.propertyChange | MASK.focusChange;

interface Extension {
  readonly major: number;
  readonly firstEvent: number;
}

interface SavedWindowManager {
  readonly connection: SavedXConnection;
  readonly windows: readonly XWindow[];
  readonly atoms: readonly (readonly [AtomName, number])[];
  readonly root: number;
  readonly ownWindow: number;
  readonly composite: Extension;
  readonly fixes: Extension;
  readonly focus: XWindow | null;
  readonly shell: ReturnType<XwaylandShell["save"]>;
  /** In the order in which they were given. */
  readonly selections: readonly ReturnType<XSelection["save"]>[];
}

const isExtension = record({ major: whole(0, 255), firstEvent: whole(0, 255) });
const isAtomName = oneOf(...x.ATOM_NAMES);
export const isSavedWindowManager = record({
  connection: isSavedXConnection,
  windows: list(a("XWindow"), WINDOWS_MAX),
  atoms: list(
    (pair) => Array.isArray(pair) && pair.length === 2 && isAtomName(pair[0]) && uint32(pair[1]),
    x.ATOM_NAMES.length,
  ),
  root: uint32,
  ownWindow: uint32,
  composite: isExtension,
  fixes: isExtension,
  focus: maybe(a("XWindow")),
  shell: isSavedXwaylandShell,
  selections: (value) => Array.isArray(value) && value.length === 2 && value.every(isSavedXSelection),
});

const ABSENT: Extension = { major: 0, firstEvent: 0 };

/** Of an X server that has been started: pages load what it takes only then. */
export function manageWindows(...given: ConstructorParameters<typeof WindowManager>): WindowManager {
  return new WindowManager(...given);
}

export class WindowManager implements XWindowOwner {
  readonly screen: Screen;
  readonly #shell: XwaylandShell;
  readonly #additions: readonly XSelection[];
  readonly #connection: XConnection;
  readonly #windows = new Map<number, XWindow>();
  readonly #atoms = new Map<AtomName, number>();
  #root = 0;
  #ownWindow = 0;
  #composite = ABSENT;
  #fixes = ABSENT;
  #hasBegun = false;
  #focus: XWindow | null = null;
  #isFailed = false;

  /** `begin` or `goOn` is to follow. */
  constructor(
    send: (bytes: Uint8Array) => void,
    screen: Screen,
    shell: XwaylandShell,
    additions: readonly XSelection[],
  ) {
    this.screen = screen;
    this.#shell = shell;
    this.#additions = additions;
    this.#connection = new XConnection(send, {
      ready: ({ root }) => this.#ready(root),
      event: (code, event) => this.#event(code, event),
    });
  }

  begin(): void {
    this.#connection.begin();
  }

  /** All that it knows can be saved. */
  get isAtRest(): boolean {
    return this.#hasBegun && !this.#isFailed && this.#connection.isAtRest;
  }

  save(): SavedWindowManager {
    return {
      connection: this.#connection.save(),
      windows: [...this.#windows.values()],
      atoms: [...this.#atoms],
      root: this.#root,
      ownWindow: this.#ownWindow,
      composite: this.#composite,
      fixes: this.#fixes,
      focus: this.#focus,
      shell: this.#shell.save(),
      selections: this.#additions.map((addition) => addition.save()),
    };
  }

  goOn(saved: SavedWindowManager): void {
    const { connection, windows, atoms, root, ownWindow, composite, fixes, focus, shell, selections } = saved;
    this.#connection.goOn(connection);
    for (const window of windows) this.#windows.set(window.id, window);
    for (const [name, atom] of atoms) this.#atoms.set(name, atom);
    this.#root = root;
    this.#ownWindow = ownWindow;
    this.#composite = composite;
    this.#fixes = fixes;
    this.#focus = focus;
    this.#shell.goOn(shell);
    this.#hasBegun = true;
    const link = this.#link;
    for (const [at, addition] of this.#additions.entries()) addition.goOn(link, selections[at]!);
    for (const window of windows) window.reframe();
  }

  /** @returns false: what came is none of the protocol's, and the connection is over */
  receive(bytes: Uint8Array): boolean {
    return this.#connection.receive(bytes) && !this.#isFailed;
  }

  /** The server is gone. */
  end(): void {
    this.#connection.end();
    for (const addition of this.#additions) addition.end();
    for (const window of [...this.#windows.values()]) this.#forget(window);
  }

  #ready(root: number): void {
    this.#root = root;
    this.#ownWindow = this.#connection.newId();
    for (const name of x.ATOM_NAMES)
      this.#connection.ask(
        x.internAtom(name),
        (reply) => void this.#atoms.set(name, reply?.getUint32(8, true) ?? ATOM.none),
      );
    this.#extension("Composite", (found) => void (this.#composite = found));
    this.#extension("XFIXES", (found) => {
      this.#fixes = found;
      this.#begin();
    });
  }

  #extension(name: string, onFound: (found: Extension) => void): void {
    this.#connection.ask(x.queryExtension(name), (reply) => {
      const isPresent = reply?.getUint8(8) === 1;
      onFound(isPresent ? { major: reply.getUint8(9), firstEvent: reply.getUint8(10) } : ABSENT);
    });
  }

  #atom(name: AtomName): number {
    return this.#atoms.get(name) ?? ATOM.none;
  }

  #request(request: XRequest): void {
    this.#connection.request(request);
  }

  #begin(): void {
    // Without it nothing could be shown but the root.
    if (this.#composite.major === 0) return void (this.#isFailed = true);
    const root = this.#root,
      own = this.#ownWindow;
    this.#connection.ask(x.queryVersion(this.#composite.major, 0, 4), () => {});
    if (this.#fixes.major !== 0) this.#connection.ask(x.queryVersion(this.#fixes.major, 5, 0), () => {});
    this.#request(x.selectEvents(root, MASK.substructureNotify | MASK.substructureRedirect | MASK.propertyChange));
    this.#request(x.redirectSubwindows(this.#composite.major, root));
    this.#request(x.createHiddenWindow(own, root));
    const supported: readonly AtomName[] = [
      "_NET_ACTIVE_WINDOW",
      "_NET_CLOSE_WINDOW",
      "_NET_SUPPORTED",
      "_NET_SUPPORTING_WM_CHECK",
      "_NET_WM_MOVERESIZE",
      "_NET_WM_NAME",
      "_NET_WM_STATE",
      "_NET_WM_STATE_FULLSCREEN",
      "_NET_WM_STATE_MAXIMIZED_HORZ",
      "_NET_WM_STATE_MAXIMIZED_VERT",
    ];
    const names = supported.map((name) => this.#atom(name));
    this.#request(x.setProperty(root, this.#atom("_NET_SUPPORTED"), ATOM.atom, names));
    for (const window of [root, own])
      this.#request(x.setProperty(window, this.#atom("_NET_SUPPORTING_WM_CHECK"), ATOM.window, [own]));
    const name = utf8Of("Stratos");
    this.#request(x.setPropertyBytes(own, this.#atom("_NET_WM_NAME"), this.#atom("UTF8_STRING"), { bytes: name }));
    const link = this.#link;
    for (const addition of this.#additions) addition.begin(link);
    // Only now does Xwayland take programs.
    this.#request(x.setSelectionOwner(own, this.#atom("WM_S0")));
    this.#hasBegun = true;
    this.#tellFocus();
  }

  get #link(): XLink {
    const isAtRest = (): boolean => this.isAtRest;
    return {
      ownWindow: this.#ownWindow,
      fixesEvent: this.#fixes.firstEvent,
      fixesMajor: this.#fixes.major,
      atom: (each) => this.#atom(each),
      request: (request) => this.#request(request),
      ask: (request, onReply) => this.#connection.ask(request, onReply),
      get isAtRest() {
        return isAtRest();
      },
    };
  }

  #event(code: number, event: DataView): void {
    if (this.#additions.some((addition) => addition.event(code, event))) return;
    const window = this.#windows.get(event.getUint32(code === EVENT.propertyNotify ? 4 : 8, true));
    switch (code) {
      case EVENT.createNotify:
        return this.#created(event);
      case EVENT.destroyNotify:
        return window === undefined ? undefined : this.#forget(window);
      case EVENT.reparentNotify:
        return this.#reparented(event);
      case EVENT.mapNotify:
        return window === undefined || window.isMapped ? undefined : this.#mapped(window, event.getUint8(12) !== 0);
      case EVENT.mapRequest:
        return window === undefined ? undefined : this.#mapWanted(window);
      case EVENT.unmapNotify:
        return window === undefined ? undefined : this.#unmapped(window);
      case EVENT.configureNotify:
        return this.#configured(event);
      case EVENT.configureRequest:
        return window === undefined ? undefined : this.#configureWanted(window, event);
      case EVENT.propertyNotify:
        return window?.isWanted === true ? this.#readProperty(window, event.getUint32(8, true)) : undefined;
      case EVENT.clientMessage:
        return this.#told(event);
      default:
    }
  }

  #created(event: DataView): void {
    if (event.getUint32(4, true) !== this.#root) return;
    this.#add(event.getUint32(8, true), placeIn(event, 12), event.getUint8(22) !== 0);
  }

  #add(id: number, place: Rectangle, isOverrideRedirect: boolean): void {
    if (id === this.#ownWindow || this.#windows.has(id) || this.#windows.size >= WINDOWS_MAX) return;
    this.#windows.set(id, new XWindow(id, place, isOverrideRedirect, this));
  }

  #forget(window: XWindow): void {
    this.#windows.delete(window.id);
    window.isWanted = false;
    this.#shell.forget(window);
    if (this.#focus === window) this.#focus = null;
  }

  /** Into another window, as a panel's, or back. */
  #reparented(event: DataView): void {
    const id = event.getUint32(8, true);
    const window = this.#windows.get(id);
    if (event.getUint32(12, true) === this.#root)
      this.#add(
        id,
        { x: event.getInt16(16, true), y: event.getInt16(18, true), width: 1, height: 1 },
        event.getUint8(20) !== 0,
      );
    else if (window !== undefined) this.#forget(window);
  }

  /** Programs say whether it is a menu until it is mapped. */
  #mapped(window: XWindow, isOverrideRedirect: boolean): void {
    window.isOverrideRedirect = isOverrideRedirect;
    window.update();
  }

  /** What it says about itself is read first: where it lies depends on it. */
  #mapWanted(window: XWindow): void {
    this.#request(x.selectEvents(window.id, MAPPED_EVENTS));
    for (const property of this.#properties.keys()) this.#readProperty(window, property);
    // Answers come in order: all are there with the last.
    this.#read(window, this.#atom("_NET_WM_STATE"), (value) => {
      if (this.#windows.get(window.id) === window) this.#map(window, wordsOf(value));
    });
  }

  #map(window: XWindow, states: readonly number[]): void {
    window.isWanted = true;
    if (!window.hints.isPlaced || window.transientFor !== 0) this.#putBeside(window);
    else window.moveTo(window.x, window.y);
    this.#request(x.setProperty(window.id, this.#atom("WM_STATE"), this.#atom("WM_STATE"), [NORMAL, 0]));
    this.#request(x.mapWindow(window.id));
    if (states.includes(this.#atom("_NET_WM_STATE_FULLSCREEN"))) window.fill("fullscreen");
    else if (states.includes(this.#atom("_NET_WM_STATE_MAXIMIZED_VERT"))) window.fill("maximized");
    window.update();
  }

  /** In the middle of the window that it is for, or of the screen. */
  #putBeside(window: XWindow): void {
    const over = this.#windows.get(window.transientFor);
    const { x: left, y: top } =
      over?.isMapped === true
        ? { x: over.x + ((over.width - window.width) >> 1), y: over.y + ((over.height - window.height) >> 1) }
        : this.screen.placeFor(window, window.titlePixels);
    window.moveTo(left, top);
  }

  #unmapped(window: XWindow): void {
    if (!window.isWanted) return;
    window.isWanted = false;
    window.update();
    window.filling = "";
    this.#request(x.setProperty(window.id, this.#atom("WM_STATE"), this.#atom("WM_STATE"), [WITHDRAWN, 0]));
  }

  #configured(event: DataView): void {
    const window = this.#windows.get(event.getUint32(8, true));
    if (window === undefined || event.getUint32(4, true) !== this.#root) return;
    window.configured(placeIn(event, 16));
  }

  #configureWanted(window: XWindow, event: DataView): void {
    const mask = event.getUint16(26, true);
    const wanted = placeIn(event, 16);
    // While it has the whole screen it stays so: it is told how it is (ICCCM §4.1.5).
    const of = (bit: number, value: number, now: number): number => (!window.isFilling && mask & bit ? value : now);
    const place = {
      x: of(CONFIGURE.x, wanted.x, window.x),
      y: of(CONFIGURE.y, wanted.y, window.y),
      width: Math.max(1, of(CONFIGURE.width, wanted.width, window.width)),
      height: Math.max(1, of(CONFIGURE.height, wanted.height, window.height)),
    };
    if (window.isWanted) place.y = Math.max(window.titlePixels, place.y);
    window.configured(place);
    this.place(window, place);
  }

  place(window: XWindow, { x: left, y: top, width, height }: Rectangle): void {
    const { x: X, y: Y, width: WIDTH, height: HEIGHT, borderWidth } = CONFIGURE;
    this.#request(x.configureWindow(window.id, X | Y | WIDTH | HEIGHT | borderWidth, [left, top, width, height, 0]));
    if (!window.isWanted) return;
    // The server says nothing where nothing changes, and the program may wait for it (ICCCM §4.1.5).
    const told = new DataView(new ArrayBuffer(32));
    told.setUint8(0, EVENT.configureNotify);
    told.setUint32(4, window.id, true);
    told.setUint32(8, window.id, true);
    for (const [index, value] of [left, top, width, height].entries()) told.setInt16(16 + 2 * index, value, true);
    this.#request(x.sendEvent(window.id, MASK.structureNotify, new Uint8Array(told.buffer)));
  }

  raise(window: XWindow): void {
    this.#request(x.configureWindow(window.id, CONFIGURE.stackMode, [x.STACK_ABOVE]));
  }

  close(window: XWindow): void {
    const wish = this.#atom("WM_DELETE_WINDOW");
    if (window.protocols.has(wish)) this.#tellProtocol(window, wish);
    else this.#request(x.killClient(window.id));
  }

  #tellProtocol(window: XWindow, protocol: number): void {
    const message = x.clientMessage(window.id, this.#atom("WM_PROTOCOLS"), [protocol, 0]);
    this.#request(x.sendEvent(window.id, 0, message));
  }

  tellState(window: XWindow): void {
    const names: Readonly<Record<string, readonly AtomName[]>> = {
      fullscreen: ["_NET_WM_STATE_FULLSCREEN"],
      maximized: ["_NET_WM_STATE_MAXIMIZED_HORZ", "_NET_WM_STATE_MAXIMIZED_VERT"],
    };
    const atoms = (names[window.filling] ?? []).map((name) => this.#atom(name));
    this.#request(x.setProperty(window.id, this.#atom("_NET_WM_STATE"), ATOM.atom, atoms));
  }

  /** The window on top of the screen, which may be none of X11. */
  setActive(active: ScreenWindow | null): void {
    const focus = active instanceof XWindow ? active : null;
    if (focus === this.#focus) return;
    this.#focus = focus;
    if (this.#hasBegun) this.#tellFocus();
  }

  #tellFocus(): void {
    const window = this.#focus;
    if (window === null || window.takesFocus) this.#request(x.setInputFocus(window?.id ?? 0));
    const wish = this.#atom("WM_TAKE_FOCUS");
    if (window?.protocols.has(wish) === true) this.#tellProtocol(window, wish);
    this.#request(x.setProperty(this.#root, this.#atom("_NET_ACTIVE_WINDOW"), ATOM.window, [window?.id ?? 0]));
  }

  /** Properties that say something about a window, by their atoms. */
  get #properties(): Map<number, (window: XWindow, value: PropertyValue | null) => void> {
    return new Map([
      [x.WM_NAME, (window, value) => this.#nameIs(window, value)],
      [this.#atom("_NET_WM_NAME"), (window, value) => this.#nameIs(window, value)],
      [x.WM_NORMAL_HINTS, (window, value) => void (window.hints = sizeHintsOf(wordsOf(value)))],
      [x.WM_HINTS, (window, value) => void (window.takesFocus = takesFocus(wordsOf(value)))],
      [x.WM_TRANSIENT_FOR, (window, value) => void (window.transientFor = wordsOf(value)[0] ?? 0)],
      [this.#atom("WM_PROTOCOLS"), (window, value) => void (window.protocols = new Set(wordsOf(value)))],
      [this.#atom("_MOTIF_WM_HINTS"), (window, value) => void (window.hasOwnFrame = hasOwnFrame(wordsOf(value)))],
    ]);
  }

  #readProperty(window: XWindow, property: number): void {
    const take = this.#properties.get(property);
    if (take !== undefined) this.#read(window, property, (value) => take(window, value));
  }

  #read(window: XWindow, property: number, take: (value: PropertyValue | null) => void): void {
    this.#connection.ask(x.getProperty(window.id, property, PROPERTY_WORDS), (reply) => take(x.propertyOf(reply)));
  }

  #nameIs(window: XWindow, value: PropertyValue | null): void {
    if (value?.format !== 8) return;
    const text = byteString(value.bytes);
    const isUtf8 = value.type === this.#atom("UTF8_STRING");
    // The newer of both names is the one that programs keep up to date.
    if (window.hasUtf8Title && !isUtf8) return;
    window.hasUtf8Title = isUtf8;
    window.setTitle((isUtf8 ? byteStringToUtf8(text) : text).replaceAll(/[\0-\x1f\x7f]/g, " ").slice(0, TITLE_MAX));
  }

  #told(event: DataView): void {
    const window = this.#windows.get(event.getUint32(4, true));
    if (window === undefined || event.getUint8(1) !== 32) return;
    const [first, second, third] = [12, 16, 20].map((at) => event.getUint32(at, true)) as [number, number, number];
    switch (event.getUint32(8, true)) {
      case this.#atom("WL_SURFACE_SERIAL"):
        return this.#shell.windowSays(second * 2 ** 32 + first, window);
      case this.#atom("_NET_ACTIVE_WINDOW"):
        return window.isMapped && !window.isOverrideRedirect ? this.screen.raise(window) : undefined;
      case this.#atom("_NET_CLOSE_WINDOW"):
        return this.close(window);
      case this.#atom("_NET_WM_STATE"):
        return this.#stateWanted(window, first, [second, third]);
      case this.#atom("_NET_WM_MOVERESIZE"):
        return window.isMapped && !window.isOverrideRedirect && third in DRAG_EDGES
          ? this.screen.beginDrag(window, DRAG_EDGES[third]!)
          : undefined;
      default:
    }
  }

  /** @param action  0: take it away, 1: set it, 2: the other way round (EWMH, _NET_WM_STATE) */
  #stateWanted(window: XWindow, action: number, atoms: readonly number[]): void {
    const isMaximizing =
      atoms.includes(this.#atom("_NET_WM_STATE_MAXIMIZED_VERT")) ||
      atoms.includes(this.#atom("_NET_WM_STATE_MAXIMIZED_HORZ"));
    const state = atoms.includes(this.#atom("_NET_WM_STATE_FULLSCREEN"))
      ? "fullscreen"
      : isMaximizing
        ? "maximized"
        : null;
    if (state === null || !window.isWanted) return;
    const isSet = action === 2 ? window.filling !== state : action === 1;
    if (isSet) window.fill(state);
    else if (window.filling === state) window.fill("");
  }
}

/** xdg_toplevel.resize_edge by direction of _NET_WM_MOVERESIZE; 8: it is moved. */
const DRAG_EDGES: Readonly<Record<number, number>> = { 0: 5, 1: 1, 2: 9, 3: 8, 4: 10, 5: 2, 6: 6, 7: 4, 8: 0 };

/** x, y, width, height from a byte of an event on. */
function placeIn(event: DataView, at: number): Rectangle {
  return {
    x: event.getInt16(at, true),
    y: event.getInt16(at + 2, true),
    width: event.getUint16(at + 4, true),
    height: event.getUint16(at + 6, true),
  };
}

function sizeHintsOf(words: readonly number[]): SizeHints {
  const POSITION = 1 | 4,
    MIN = 16,
    MAX = 32,
    STEP = 64,
    BASE = 256;
  const flags = words[0] ?? 0;
  const size = (flag: number, at: number, absent: { readonly width: number; readonly height: number }) => {
    const width = words[at] ?? 0,
      height = words[at + 1] ?? 0;
    const isSaid = (flags & flag) !== 0 && width <= 0x7fff && height <= 0x7fff;
    return isSaid ? { width, height } : absent;
  };
  const min = size(MIN, 5, size(BASE, 15, NO_HINTS.min));
  const step = size(STEP, 9, NO_HINTS.step);
  const max = size(MAX, 7, NO_HINTS.max);
  return {
    isPlaced: (flags & POSITION) !== 0,
    min,
    max: { width: Math.max(1, max.width), height: Math.max(1, max.height) },
    base: size(BASE, 15, size(MIN, 5, NO_HINTS.base)),
    step: { width: Math.max(1, step.width), height: Math.max(1, step.height) },
  };
}

/** WM_HINTS, input (ICCCM §4.1.7); who says nothing takes it. */
function takesFocus([flags = 0, input = 1]: readonly number[]): boolean {
  return (flags & 1) === 0 || input !== 0;
}

/** _MOTIF_WM_HINTS: decorations are spoken of, and there are to be none. */
function hasOwnFrame([flags = 0, , decorations = 1]: readonly number[]): boolean {
  return (flags & 2) !== 0 && decorations === 0;
}
