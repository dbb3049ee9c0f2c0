/** One screen with its programs: the composition root of this package. */
import { assert, byteString, byteStringToUtf8, utf8Of } from "@stratos/base";
import type { Client } from "./core/client.ts";
import { type ClientEnd, Display, type Global } from "./core/display.ts";
import type { CompositorPorts, Connection } from "./core/ports.ts";
import { DataDevices } from "./data/data-device.ts";
import { Selection, TEXT_BYTES_MAX } from "./data/selection.ts";
import { intersection, type Rectangle } from "./geometry/rectangle.ts";
import type { Monitor } from "./output/output.ts";
import { MONITORS_MAX, Outputs } from "./output/outputs.ts";
import { enums, INTERFACES } from "./protocol/protocol.ts";
import { type Canvas, compose } from "./render/compose.ts";
import { damageBetween, type ShownNode } from "./render/scene-damage.ts";
import { type FingerPhase, Pointing } from "./pointing.ts";
import { type Picture, Pictures, subjectsOf } from "./pictures.ts";
import { tellFrame } from "./frame-waiters.ts";
import { CONTROL, keymapBytes, SHIFT } from "./seat/keyboard.ts";
import type { Cursor } from "./seat/pointer.ts";
import { Seat } from "./seat/seat.ts";
import { TextInputs } from "./seat/text-input.ts";
import { Activation } from "./shell/activation.ts";
import { XdgSurface } from "./shell/xdg-surface.ts";
import type { Arranger, WindowState } from "./shell/arranger.ts";
import { type Drawn, type SceneNode, Screen } from "./shell/screen.ts";
import type { ScreenWindow } from "./shell/screen-window.ts";
import { globalsOf, handlersOf } from "./globals.ts";
import {
  type HeldInput,
  type CompositorParts,
  goOnParts,
  isSavedCompositor,
  namedParts,
  type SavedCompositor,
  savedParts,
  x11Parts,
} from "./saved-compositor.ts";
import { loadDisplay, saveDisplay } from "./saved-display.ts";
import { keptSurface } from "./surface/kept.ts";
import { Surface } from "./surface/surface.ts";
import { leaveOutputs, tellBound, tellPlaces } from "./surface-places.ts";
import { manageWindows, type WindowManager } from "./x11/window-manager.ts";
import { XSelection } from "./x11/x-selection.ts";
import { XwaylandShell } from "./x11/xwayland-shell.ts";

/** To the X server of X11 programs. */
export interface XwaylandConnections {
  /** As a program with windows. */
  readonly wayland: Connection;
  /** As the server whose window manager we are. */
  readonly x11: Connection;
}

export interface CompositorOptions extends Pick<Monitor, "width" | "height" | "refreshHz" | "scale"> {
  /** The keyboard's layout, as setxkbmap(1) takes it. */
  readonly layout: string;
  /** 0xAARRGGBB, behind all windows. */
  readonly background: number;
  /** A desktop: windows are pictures of their own (`Compositor.pictures`), and nothing is drawn on the canvas. */
  readonly arranger?: Arranger;
  /** What windows of all programs may take of the host, beside the limit of the guest's memory; else 512 MiB. */
  readonly pixelBytesMax?: number;
}

const PIXEL_BYTES_MAX = 1 << 29;

/** Monitor.id of the one that there is from the beginning. */
export const FIRST_MONITOR = 1;

/** input-event-codes.h */
const KEY_ESC = 1;

/** More than that does not wait for text. */
const HELD_MAX = 256;

export class Compositor {
  readonly #ports: CompositorPorts;
  readonly #options: CompositorOptions;
  readonly #display: Display;
  readonly #outputs: Outputs;
  readonly #seat: Seat;
  readonly #screen: Screen;
  readonly #textInputs: TextInputs;
  /** Keys that were pressed after text that its program has not read yet, and what was typed after them, in order. */
  readonly #held: HeldInput[] = [];
  readonly #activation: Activation;
  readonly #clipboard: Selection;
  readonly #primary: Selection;
  readonly #data: DataDevices;
  readonly #xSelections: readonly XSelection[];
  #canvas: Canvas;
  readonly #pictures: Pictures | null;
  #shown: ShownNode<Drawn>[] = [];
  #lastPicture: Uint32Array | null = null;
  /** Frames that were composed, as presentation feedback counts them. */
  #frames = 0;
  #isFrameWanted = false;
  readonly #pointing: Pointing;
  readonly #surfaceOwner = {
    surfaceChanged: (): void => this.#wantFrame(),
    surfaceGone: (surface: Surface): void => this.#surfaceGone(surface),
  };
  #layout: string;
  /** Nothing is on the canvas: all of it is to be drawn. */
  #isCanvasLost = false;
  /** Of X11 programs, once there are any. */
  #windowManager: WindowManager | null = null;
  #xwaylandShell: XwaylandShell | null = null;

  constructor(ports: CompositorPorts, options: CompositorOptions) {
    const { width, height, layout, background, pixelBytesMax = PIXEL_BYTES_MAX } = options;
    this.#ports = ports;
    this.#options = options;
    this.#layout = layout;
    this.#clipboard = new Selection(ports);
    this.#primary = new Selection(ports);
    const primary = this.#primary;
    this.#data = new DataDevices(this.#clipboard, primary, {
      nextSerial: () => this.#display.nextSerial(),
      takePress: (client) => this.#pointing.takePress(client),
      ended: () => this.#pointing.dragEnded(),
      wantedAction: () => this.#wantedAction,
    });
    const nowMs = (): number => ports.nowMs();
    this.#xSelections = [
      new XSelection("CLIPBOARD", this.#clipboard, nowMs),
      new XSelection("PRIMARY", primary, nowMs),
    ];
    this.#clipboard.watch(() => {
      if (!this.#clipboard.isOfHost) ports.onCopied();
    });
    this.#pictures = options.arranger === undefined ? null : new Pictures();
    const pixels = new Uint32Array(this.#pictures === null ? width * height : 0).fill(background);
    this.#canvas = { width, height, pixels };
    const drawsFrames = this.#pictures !== null;
    const served = { parts: () => this.#parts, surfaces: this.#surfaceOwner, drawsFrames };
    this.#outputs = new Outputs(
      { id: FIRST_MONITOR, x: 0, y: 0, width, height, refreshHz: options.refreshHz, scale: options.scale },
      {
        appeared: (name, global) => this.#display.appeared(name, global),
        vanished: (name) => this.#display.vanished(name),
        bound: (output, resource) => tellBound(this.#shown, output, resource),
      },
    );
    this.#display = new Display(
      INTERFACES,
      globalsOf(served),
      this.#outputs,
      (error) => ports.onDefect(error),
      pixelBytesMax,
      handlersOf(served),
    );
    const nextSerial = (): number => this.#display.nextSerial();
    this.#screen = new Screen(
      this.#outputs,
      {
        nextSerial,
        screenChanged: () => this.#screenChanged(),
        windowGoes: () => this.#windowGoes(),
        beginDrag: (window, edges) => this.#pointing.dragByProgram(window, edges),
        answered: (client, serial) => this.#textInputs.answered(client, serial),
      },
      options.arranger ?? null,
    );
    this.#activation = new Activation({
      focusedClient: () => this.#screen.keyboardFocus?.client ?? null,
      activate: (surface) => {
        const window = this.#screen.windows.find((each) => each.surface === surface);
        if (window !== undefined) this.#screen.raise(window);
      },
    });
    this.#textInputs = new TextInputs({
      changed: () => {
        this.#giveHeld();
        this.#wantFrame();
      },
      ask: ({ role }) => (role instanceof XdgSurface ? role.ask() : null),
      nowMs,
    });
    const keymap = keymapBytes(layout);
    const file = ports.makeFile("keymap", keymap);
    this.#seat = new Seat({ file, sizeBytes: keymap.length }, nextSerial, (cursor) => {
      this.#pointing.cursor = cursor;
      this.#wantFrame();
    });
    this.#pointing = new Pointing({
      screen: this.#screen,
      seat: this.#seat,
      drags: this.#data.drags,
      timeMs: () => this.#timeMs,
      nowMs: () => ports.nowMs(),
      wantFrame: () => this.#wantFrame(),
    });
  }

  /** A program has connected. */
  connect(connection: Connection): ClientEnd {
    return this.#display.connect(connection);
  }

  /**
   * The X server of X11 programs (Xwayland, rootless) has been started with both of these connections: as a program
   * with windows, and as the server whose window manager we are.
   */
  connectXwayland({ wayland, x11 }: XwaylandConnections): { readonly wayland: ClientEnd; readonly x11: ClientEnd } {
    const { manager, shell } = this.#prepareXwayland({ wayland, x11 });
    this.#xwaylandShell = shell;
    this.#windowManager = manager;
    manager.begin();
    return { wayland: this.#display.connect(wayland), x11: this.#serverEnd(manager, x11) };
  }

  #prepareXwayland({ wayland, x11 }: XwaylandConnections): {
    readonly manager: WindowManager;
    readonly shell: XwaylandShell;
  } {
    const shell = new XwaylandShell();
    const global: Global = {
      interface: INTERFACES.get("xwayland_shell_v1")!,
      version: 1,
      bind: (resource) => shell.bind(resource),
    };
    this.#display.special = { connection: wayland, globals: [global] };
    const send = (bytes: Uint8Array): void => x11.send(bytes, []);
    return { manager: manageWindows(send, this.#screen, shell, this.#xSelections), shell };
  }

  #serverEnd(manager: WindowManager, x11: Connection): ClientEnd {
    const end = (): void => {
      manager.end();
      if (this.#windowManager === manager) this.#windowManager = null;
      this.#display.flush();
    };
    return {
      onData: (bytes, files) => {
        for (const file of files) x11.release(file);
        if (!this.#guard(() => manager.receive(bytes))) {
          end();
          x11.close();
        }
        this.#display.flush();
      },
      onEnd: end,
    };
  }

  /** @returns what `work` does; false when it failed, which is a defect of ours */
  #guard(work: () => boolean): boolean {
    try {
      return work();
    } catch (error) {
      this.#ports.onDefect(error);
      return false;
    }
  }

  /** What the person has copied elsewhere can be pasted here. @returns false: it is too much */
  copyText(text: string): boolean {
    const bytes = utf8Of(text);
    if (bytes.length > TEXT_BYTES_MAX) return false;
    this.#clipboard.setText(bytes);
    this.#display.flush();
    return true;
  }

  /** What a program has copied. @param onText  null: nothing that is text, or too much, or it never came */
  readCopied(onText: (text: string | null) => void): void {
    this.#clipboard.readText((bytes) => onText(bytes === null ? null : byteStringToUtf8(byteString(bytes))));
    this.#display.flush();
  }

  /** The screen as the last frame left it. The array is used again. */
  get canvas(): Canvas {
    return this.#canvas;
  }

  get windows(): readonly ScreenWindow[] {
    return this.#screen.windows;
  }

  /** What the screen showed before its last window went; null: none has. */
  get lastPicture(): Uint32Array | null {
    return this.#lastPicture;
  }

  get cursor(): Cursor | null {
    return this.#pointing.cursor;
  }

  #wantFrame(): void {
    if (this.#isFrameWanted) return;
    this.#isFrameWanted = true;
    this.#ports.onFrameNeeded();
  }

  #screenChanged(): void {
    const focus = this.#screen.keyboardFocus;
    // What was pressed for one program is not for the next one.
    if (!this.#textInputs.isFor(focus)) this.#giveHeld(true);
    this.#seat.keyboard.setFocus(focus);
    this.#textInputs.setFocus(focus);
    this.#windowManager?.setActive(this.#screen.active);
    this.#data.setFocus(focus?.client ?? null);
    this.#wantFrame();
  }

  #windowGoes(): void {
    if (this.#pictures !== null) return;
    if (this.#screen.windows.length > 1) return;
    this.#compose();
    this.#lastPicture = this.#canvas.pixels.slice();
  }

  #surfaceGone(surface: Surface): void {
    this.#pointing.surfaceGone(surface);
    this.#wantFrame();
  }

  /**
   * Shows what has changed since the last frame, and tells those who wait that they may draw the next one.
   *
   * @returns what differs from the last frame
   */
  frame(): readonly Rectangle[] {
    this.#isFrameWanted = false;
    const changed = this.#compose();
    this.#frames++;
    const shown = { nowMs: this.#ports.nowMs(), frames: this.#frames, outputs: this.#outputs };
    for (const { surface } of this.#shown) if (surface instanceof Surface) tellFrame(surface, shown);
    this.#textInputs.frame();
    this.#display.flush();
    return changed;
  }

  #compose(): readonly Rectangle[] {
    for (const { surface } of this.#scene()) if (surface instanceof Surface) refresh(surface.client, surface);
    // A client whose memory was gone is gone now, too.
    if (this.#pictures !== null) return this.#picture(this.#pictures);
    const layers = this.#scene();
    const shown = layers.map(({ surface, x, y }) => {
      const { width, height } = surface;
      return { surface, place: { x, y, width, height } };
    });
    const { width, height } = this.#canvas;
    const damage = damageBetween(this.#shown, shown);
    if (this.#isCanvasLost) damage.add({ x: 0, y: 0, width, height });
    this.#isCanvasLost = false;
    damage.clip({ x: 0, y: 0, width, height });
    this.#tellOutputs(shown);
    this.#shown = shown;
    const parts = damage.take();
    compose(this.#canvas, parts, layers, this.#options.background);
    return parts;
  }

  /** Each window by itself. */
  #picture(pictures: Pictures): readonly Rectangle[] {
    const { cursor, place } = this.#pointing;
    pictures.update(subjectsOf(this.#screen, { cursor, icon: this.#data.drags.icon, place }), this.#screen);
    const shown = pictures.all.flatMap((picture) => picture.shown);
    this.#tellOutputs(shown);
    this.#shown = shown;
    return [];
  }

  /** Of an arranger's windows, as the last frame left them. */
  get pictures(): readonly Picture[] {
    return this.#pictures?.all ?? [];
  }

  /** Whose picture it is; null: of something over all windows, or the pointer. */
  windowOf({ key }: Picture): ScreenWindow | null {
    return this.#screen.windows.find((window) => window === key) ?? null;
  }

  /** It is how a program has the pointer look. */
  isCursor({ key }: Picture): boolean {
    return this.#pointing.cursor?.surface === key;
  }

  /** It is what is dragged from one program to another. */
  isDragged({ key }: Picture): boolean {
    return this.#data.drags.icon === key;
  }

  get monitors(): readonly Monitor[] {
    return this.#outputs.all.map(({ monitor }) => monitor);
  }

  /**
   * There are these from here on: at least one, at most MONITORS_MAX, and the least x and y are 0. A window that would
   * be out of reach comes to the nearest one; of an arranger's that is the arranger's to do.
   */
  setMonitors(monitors: readonly Monitor[]): void {
    assert(monitors.length > 0 && monitors.length <= MONITORS_MAX, `a screen of ${monitors.length} monitors`);
    const gone = this.#outputs.all.filter(({ monitor }) => !monitors.some(({ id }) => id === monitor.id));
    for (const surface of surfacesOf(this.#shown)) leaveOutputs(surface, gone);
    this.#outputs.set(monitors);
    const { width, height } = this.#outputs.area;
    if (this.#pictures !== null) this.#canvas = { width, height, pixels: this.#canvas.pixels };
    else if (width !== this.#canvas.width || height !== this.#canvas.height) {
      this.#canvas = { width, height, pixels: new Uint32Array(width * height) };
      this.#isCanvasLost = true;
    }
    this.#screen.monitorsChanged();
    this.#display.flush();
  }

  /** An arranger's: the program is told. */
  arrange(window: ScreenWindow, state: WindowState): void {
    window.surface.client.guard(() => window.arrange(state));
    this.#wantFrame();
    this.#display.flush();
  }

  /** An arranger's. @param x  where the window's geometry begins, in pixels of the screen */
  place(window: ScreenWindow, x: number, y: number): void {
    window.moveTo(x, y);
    this.#display.flush();
  }

  /** An arranger's: who has the keyboard. */
  focus(window: ScreenWindow | null): void {
    this.#screen.focus(window);
    this.#display.flush();
  }

  /** An arranger's. */
  hide(window: ScreenWindow, isHidden: boolean): void {
    this.#screen.hide(window, isHidden);
    this.#display.flush();
  }

  /** The program is asked to. */
  close(window: ScreenWindow): void {
    window.close();
    this.#display.flush();
  }

  /** The keyboard's layout from here on, as setxkbmap(1) takes it. */
  setLayout(layout: string): void {
    const keymap = keymapBytes(layout);
    this.#layout = layout;
    this.#seat.keyboard.setKeymap({ file: this.#ports.makeFile("keymap", keymap), sizeBytes: keymap.length });
    this.#display.flush();
  }

  get #parts(): CompositorParts {
    return {
      display: this.#display,
      outputs: this.#outputs,
      seat: this.#seat,
      screen: this.#screen,
      textInputs: this.#textInputs,
      activation: this.#activation,
      clipboard: this.#clipboard,
      primary: this.#primary,
      data: this.#data,
      pointing: this.#pointing,
    };
  }

  /** Events that were sent meanwhile go out. */
  flush(): void {
    this.#display.flush();
  }

  /** All programs would go on where it is saved now: those of X11 do not in the midst of a question to their server. */
  get isAtRest(): boolean {
    return this.#windowManager?.isAtRest !== false;
  }

  /**
   * All that it needs to go on, but what it is lent (saved-display.ts). Between the pieces nothing may be asked of it.
   * Whoever holds back meanwhile what it sends calls `flush` before.
   *
   * @throws StateError
   */
  *saveInPieces(): Generator<void, Uint8Array> {
    this.flush();
    const parts = this.#parts;
    const manager = this.#windowManager?.isAtRest === true ? this.#windowManager : null;
    const special = this.#display.special === null ? null : this.#display.clientOf(this.#display.special.connection);
    // In the midst of a question it would not know what the answer is to.
    if (special !== null) special.isKeepable = manager !== null;
    const clients = [...this.#display.clients].filter(({ isKept }) => isKept);
    const shown = this.#shown.flatMap(({ surface, place }) =>
      surface instanceof Surface && keptSurface(surface) !== null ? [{ surface, place }] : [],
    );
    const own = { clients, shown, frames: this.#frames, layout: this.#layout, held: this.#held };
    const connections = clients.map(({ connection }) => connection);
    const names = namedParts(
      parts,
      this.#surfaceOwner,
      x11Parts(this.#xSelections, this.#windowManager, this.#xwaylandShell),
    );
    const windowManager = manager?.save() ?? null;
    return yield* saveDisplay({ ...own, ...savedParts(parts), windowManager }, names, connections);
  }

  /**
   * Goes on where another one was saved, instead of beginning with nothing. Programs are told nothing of it.
   *
   * @param connections  to programs that it knows, by their keys
   * @param xwayland  both of it
   * @returns who their bytes go to; those that it does not know have none, and are to be ended
   * @throws StateError: nothing was loaded, and it can be used for nothing any more
   */
  goOn(
    bytes: Uint8Array,
    connections: readonly Connection[],
    xwayland: XwaylandConnections | null = null,
  ): ReadonlyMap<Connection, ClientEnd> {
    const parts = this.#parts;
    const prepared = xwayland === null ? null : this.#prepareXwayland(xwayland);
    const { manager = null, shell = null } = prepared ?? {};
    const names = namedParts(parts, this.#surfaceOwner, x11Parts(this.#xSelections, manager, shell));
    const all = xwayland === null ? connections : [...connections, xwayland.wayland];
    const state: SavedCompositor = loadDisplay(bytes, isSavedCompositor, names, all);
    goOnParts(parts, state);
    const { width, height } = this.#outputs.area;
    this.#frames = state.frames;
    this.#held.push(...state.held);
    const pixels = new Uint32Array(this.#pictures === null ? width * height : 0).fill(this.#options.background);
    this.#canvas = { width, height, pixels };
    this.#isCanvasLost = true;
    this.#shown = [...state.shown];
    const ends = new Map(state.clients.map((client) => [client.connection, this.#display.goOn(client)]));
    if (manager !== null && state.windowManager !== null) {
      manager.goOn(state.windowManager);
      this.#windowManager = manager;
      this.#xwaylandShell = shell;
      ends.set(xwayland!.x11, this.#serverEnd(manager, xwayland!.x11));
    }
    this.#pointing.settle();
    const wanted = this.#layout;
    this.#layout = state.layout;
    if (wanted !== state.layout) this.setLayout(wanted);
    this.#wantFrame();
    return ends;
  }

  /** Who had keys, buttons or fingers down is not there any more. */
  letGo(): void {
    this.#giveHeld(true);
    this.#seat.keyboard.letGo(this.#timeMs);
    this.#pointing.letGo();
    this.#display.flush();
  }

  #scene(): SceneNode[] {
    const nodes = this.#screen.scene();
    this.#pointing.addCursor(nodes);
    return nodes;
  }

  #tellOutputs(shown: readonly ShownNode<Drawn>[]): void {
    tellPlaces(this.#outputs, surfacesOf(this.#shown), shown);
  }

  /** A key of input-event-codes.h. */
  key(key: number, isDown: boolean): void {
    const { drags } = this.#data;
    if (key === KEY_ESC && isDown && drags.isActive) {
      drags.cancel();
      this.#display.flush();
    } else this.#hold({ key, isDown });
  }

  /** What a person says by keys while something is dragged. */
  get #wantedAction(): number {
    const { none, copy, move, ask } = enums.wl_data_device_manager.dnd_action;
    const held = this.#seat.keyboard.held & (CONTROL | SHIFT);
    return held === (CONTROL | SHIFT) ? ask : held === CONTROL ? copy : held === SHIFT ? move : none;
  }

  #hold(input: HeldInput): void {
    this.#held.push(input);
    this.#giveHeld(this.#held.length > HELD_MAX);
    this.#display.flush();
  }

  /** @param isDue  all of it, whether the program has read what came before or not; else as much as does not wait */
  #giveHeld(isDue = false): void {
    while (this.#held.length > 0 && (isDue || !this.#textInputs.isBehind)) {
      const next = this.#held.shift()!;
      if ("key" in next) {
        this.#seat.keyboard.press(next.key, next.isDown, this.#timeMs);
        this.#data.drags.keysChanged();
      } else if (next.isComposed) this.#textInputs.compose(next.text);
      else this.#textInputs.commit(next.text);
    }
  }

  /** @returns false: nobody takes text */
  #type(text: string, isComposed: boolean): boolean {
    if (this.#textInputs.place === null) return false;
    // Text waits for text where it is told, and comes as one; what waits behind keys stays behind them.
    if (this.#held.length > 0) this.#hold({ text, isComposed });
    else if (isComposed) this.#textInputs.compose(text);
    else this.#textInputs.commit(text);
    this.#display.flush();
    return true;
  }

  get #timeMs(): number {
    return Math.floor(this.#ports.nowMs()) >>> 0;
  }
  /** The pointer is there now, in pixels of the screen. */
  movePointer(x: number, y: number): void {
    this.#pointing.movePointer(x, y);
    this.#display.flush();
  }

  /** It went so far, in pixels, while the page keeps it for a program that has locked it. */
  movePointerBy(dx: number, dy: number): void {
    this.#pointing.movePointerBy(dx, dy);
    this.#display.flush();
  }

  /** The program below the pointer wants it to stay, and to be told how far it goes. */
  get isPointerLocked(): boolean {
    return this.#seat.constraints.isLocked;
  }

  /** The person wants it back. */
  unlockPointer(): void {
    this.#seat.constraints.release();
    this.#display.flush();
  }

  /** A button of input-event-codes.h: BTN_LEFT is 0x110. */
  button(button: number, isDown: boolean): void {
    this.#pointing.button(button, isDown);
    this.#display.flush();
  }

  /** @param dx  in pixels, as `dy`: to the right and down */
  scroll(dx: number, dy: number): void {
    this.#pointing.scroll(dx, dy);
    this.#display.flush();
  }

  /**
   * A finger, by a number of its own as long as it is down.
   *
   * @param x  in pixels of the screen, as `y`; of no meaning for "up" and "cancel"
   */
  touch(id: number, phase: FingerPhase, x: number, y: number): void {
    this.#pointing.touch(id, phase, { x, y });
    this.#display.flush();
  }

  /** Text that is being composed for the program that has the keyboard. @returns false: it takes keys only */
  composeText(text: string): boolean {
    return this.#type(text, true);
  }

  /** Text for the program that has the keyboard. @returns false: it takes keys only */
  commitText(text: string): boolean {
    return this.#type(text, false);
  }

  /** Where on the screen text goes; null: the program that has the keyboard takes keys only. */
  get textPlace(): Rectangle | null {
    const { place } = this.#textInputs;
    const node = place === null ? undefined : this.#screen.scene().find(({ surface }) => surface === place.surface);
    if (place === null || node === undefined) return null;
    const { x, y, width, height } = place.cursor;
    const { area } = this.#screen;
    const cursor = { x: node.x + x, y: node.y + y, width: Math.max(1, width), height: Math.max(1, height) };
    return intersection(cursor, area) ?? { x: 0, y: 0, width: 1, height: 1 };
  }
}

function refresh(client: Client, surface: Surface): void {
  if (!client.isGone) return client.guard(() => surface.refresh());
  try {
    surface.refresh();
  } catch {
    // Its last picture is asked for as it goes: what it has taken away with it is not there.
  }
}

function surfacesOf(nodes: readonly ShownNode<Drawn>[]): Surface[] {
  return nodes.map(({ surface }) => surface).filter((surface) => surface instanceof Surface);
}
