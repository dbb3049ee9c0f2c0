/**
 * The screen: which windows there are, in which order and where, and which of them has the keyboard. The last one is on
 * top.
 */
import { list, maybe, record, whole } from "@stratos/base/value-check";
import { a } from "../saved/saved-class.ts";
import type { Client } from "../core/client.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import type { Output } from "../output/output.ts";
import type { Outputs } from "../output/outputs.ts";
import type { Surface } from "../surface/surface.ts";
import type { Arranger } from "./arranger.ts";
import type { Popup } from "./popup.ts";
import type { ScreenWindow } from "./screen-window.ts";
import type { Toplevel } from "./toplevel.ts";
import { TITLE_PIXELS, type WindowFrame } from "./window-frame.ts";
import type { XdgSurface } from "./xdg-surface.ts";

/** By how much a window lies beside the one that was opened before it. */
const CASCADE_PIXELS = 32;

interface ScreenOwner {
  nextSerial(): number;
  /** Windows came, went or were moved. */
  screenChanged(): void;
  /** A window is about to go, and still shows what it shows. */
  windowGoes(): void;
  /** The client wants its window moved (no edge) or resized by the pointer, as long as that is pressed. */
  beginDrag(window: ScreenWindow, edges: number): void;
  /** A program has read what it was sent before it was asked (xdg_wm_base.ping). */
  answered(client: Client, serial: number): void;
}

/** What is over all windows, by its own will: menus and hints of X11 programs. */
interface Overlay {
  readonly surface: Surface;
  readonly x: number;
  readonly y: number;
}

/** What is drawn at a place: a program's surface, or what we draw around it. */
export type Drawn = Surface | WindowFrame;

/** A part of the scene, and where its left upper corner is on the screen. */
export interface SceneNode {
  readonly surface: Drawn;
  readonly x: number;
  readonly y: number;
}

interface Point {
  readonly x: number;
  readonly y: number;
}

interface SavedScreen {
  readonly windows: readonly ScreenWindow[];
  readonly overlays: readonly Overlay[];
  readonly focused: ScreenWindow | null;
  readonly hidden: readonly ScreenWindow[];
  readonly opened: number;
  readonly last: number;
}

const isWindow = a("Toplevel", "XWindow");
const windows = list(isWindow, 1 << 18);
export const isSavedScreen = record({
  windows,
  overlays: list(a("XWindow"), 1 << 18),
  focused: maybe(isWindow),
  hidden: windows,
  opened: whole(0, 2 ** 48),
  last: whole(0, 2 ** 48),
});

export class Screen {
  readonly outputs: Outputs;
  /** Null: the screen's own rules hold, and the window on top has the keyboard. */
  readonly arranger: Arranger | null;
  #focused: ScreenWindow | null = null;
  readonly #hidden = new Set<ScreenWindow>();
  readonly #owner: ScreenOwner;
  readonly #windows: ScreenWindow[] = [];
  readonly #overlays: Overlay[] = [];
  #opened = 0;
  #last = 0;

  constructor(outputs: Outputs, owner: ScreenOwner, arranger: Arranger | null = null) {
    this.arranger = arranger;
    this.outputs = outputs;
    this.#owner = owner;
  }

  get windows(): readonly ScreenWindow[] {
    return this.#windows;
  }

  get active(): ScreenWindow | null {
    return this.arranger === null ? (this.#windows.at(-1) ?? null) : this.#focused;
  }

  /** An arranger's: that window has the keyboard, or none has. It is over the others. */
  focus(window: ScreenWindow | null): void {
    const before = this.active;
    this.#focused = window;
    if (window !== null) this.#toTop(window);
    this.#activeChanged(before);
  }

  /** An arranger's: it is shown no more, and draws no frames, until it is again. */
  hide(window: ScreenWindow, isHidden: boolean): void {
    if (isHidden) this.#hidden.add(window);
    else this.#hidden.delete(window);
    this.changed();
  }

  save(): SavedScreen {
    const isKept = (window: ScreenWindow): boolean => window.surface.client.isKept;
    const focused = this.#focused;
    return {
      windows: this.#windows.filter(isKept),
      overlays: this.#overlays.filter(({ surface }) => surface.client.isKept),
      focused: focused !== null && isKept(focused) ? focused : null,
      hidden: [...this.#hidden].filter(isKept),
      opened: this.#opened,
      last: this.#last,
    };
  }

  /** Nobody is told: all know of it. */
  goOn({ windows, overlays, focused, hidden, opened, last }: SavedScreen): void {
    this.#windows.push(...windows);
    this.#overlays.push(...overlays);
    this.#focused = focused;
    for (const window of hidden) this.#hidden.add(window);
    this.#opened = opened;
    this.#last = last;
  }

  nextSerial(): number {
    return this.#owner.nextSerial();
  }

  answered(client: Client, serial: number): void {
    this.#owner.answered(client, serial);
  }

  /** All monitors, and what is between them. */
  get area(): Rectangle {
    return this.outputs.area;
  }

  /** On which a window lies; of one that is not shown yet, where the person works. */
  outputOf(window: ScreenWindow): Output {
    const { active } = this;
    const shown = window.isMapped ? window : active;
    return shown === null ? this.outputs.first : this.outputs.at(placeOf(shown));
  }

  /** Monitors are others: no window is out of reach, and who fills one fills what it is now. */
  monitorsChanged(): void {
    if (this.arranger === null)
      for (const window of [...this.#windows]) window.surface.client.guard(() => this.#rescue(window));
    this.changed();
  }

  #rescue(window: ScreenWindow): void {
    if (window.isFilling) return window.fillAgain();
    const place = placeOf(window);
    if (this.outputs.over(place).length > 0) return;
    const { monitor } = this.outputs.at(place);
    const within = (at: number, length: number, from: number, room: number): number =>
      Math.max(from, Math.min(at, from + room - length));
    window.moveTo(
      within(place.x, place.width, monitor.x, monitor.width),
      within(place.y, place.height, monitor.y, monitor.height),
    );
  }

  /** Where a window of that size is put: in the middle, and each further one beside. */
  placeFor({ width, height }: { readonly width: number; readonly height: number }, titlePixels = 0): Point {
    const step = (this.#opened++ % 8) * CASCADE_PIXELS;
    const along = (room: number, length: number, first: number): number => {
      const middle = Math.max(first, Math.floor((room - length) / 2));
      return Math.min(middle + step, Math.max(first, room - length));
    };
    const { monitor } = this.active === null ? this.outputs.first : this.outputOf(this.active);
    return {
      x: monitor.x + along(monitor.width, width, 0),
      y: monitor.y + along(monitor.height, height, titlePixels),
    };
  }

  open(window: ScreenWindow): void {
    if (this.arranger === null && !window.isFilling && !window.isPlaced) {
      const { x, y } = this.placeFor(window.geometry);
      window.moveTo(x, y);
    }
    window.number = ++this.#last;
    const before = this.active;
    this.#windows.push(window);
    this.#activeChanged(before);
    this.arranger?.opened(window);
  }

  close(window: ScreenWindow): void {
    this.#owner.windowGoes();
    const before = this.active;
    this.#windows.splice(this.#windows.indexOf(window), 1);
    if (this.#windows.length === 0) this.#opened = 0;
    this.#hidden.delete(window);
    if (this.#focused === window) this.#focused = null;
    this.#activeChanged(before);
    this.arranger?.closed(window);
  }

  /** To the top. */
  raise(window: ScreenWindow): void {
    if (this.arranger !== null) return this.arranger.wished(window, { kind: "raise" });
    const before = this.active;
    if (before === window) return;
    this.#toTop(window);
    this.#activeChanged(before);
  }

  #toTop(window: ScreenWindow): void {
    const at = this.#windows.indexOf(window);
    if (at < 0) return;
    this.#windows.splice(at, 1);
    this.#windows.push(window);
  }

  #activeChanged(before: ScreenWindow | null): void {
    const { active } = this;
    if (before !== active) {
      if (before?.isMapped === true) before.reconfigure();
      active?.reconfigure();
    }
    this.changed();
  }

  changed(): void {
    this.#owner.screenChanged();
  }

  /** The program of a window that is pressed wants it moved (no edge) or resized by the pointer. */
  beginDrag(window: ScreenWindow, edges: number): void {
    this.#owner.beginDrag(window, edges);
  }

  get overlays(): readonly Overlay[] {
    return this.#overlays;
  }

  isHidden(window: ScreenWindow): boolean {
    return this.#hidden.has(window);
  }

  addOverlay(overlay: Overlay): void {
    this.#overlays.push(overlay);
    this.changed();
  }

  removeOverlay(overlay: Overlay): void {
    const at = this.#overlays.indexOf(overlay);
    if (at >= 0) this.#overlays.splice(at, 1);
    this.changed();
  }

  /** Who has the keyboard: the last popup that asked for it, else the window on top. */
  get keyboardFocus(): Surface | null {
    return (this.grabbingPopups().at(-1)?.xdgSurface ?? this.active)?.surface ?? null;
  }

  /** Those that a press beside them closes, from the bottom. */
  grabbingPopups(): Popup[] {
    const found: Popup[] = [];
    const visit = ({ popups }: { readonly popups: readonly Popup[] }): void => {
      for (const popup of popups) {
        if (popup.hasGrab && popup.xdgSurface.isMapped) found.push(popup);
        visit(popup.xdgSurface);
      }
    };
    for (const window of this.#windows) visit(window);
    return found;
  }

  /** What is shown, from the bottom. */
  scene(): SceneNode[] {
    const nodes: SceneNode[] = [];
    for (const window of this.#windows) {
      if (this.#hidden.has(window)) continue;
      if (window.frame !== null) nodes.push({ surface: window.frame, x: window.x, y: window.y - TITLE_PIXELS });
      addTreeAndPopups(nodes, window, window.x, window.y);
    }
    for (const { surface, x, y } of this.#overlays) addTree(nodes, surface, x, y);
    return nodes;
  }
}

/** Of its geometry, on the screen. */
export function placeOf({ x, y, geometry: { width, height } }: ScreenWindow): Rectangle {
  return { x, y, width, height };
}

/** @param x  where its window geometry begins */
export function addTreeAndPopups(
  nodes: SceneNode[],
  { geometry, surface, popups }: Pick<ScreenWindow, "geometry" | "surface" | "popups">,
  x: number,
  y: number,
): void {
  addTree(nodes, surface, x - geometry.x, y - geometry.y);
  for (const popup of popups)
    if (popup.xdgSurface.isMapped) addTreeAndPopups(nodes, popup.xdgSurface, x + popup.place.x, y + popup.place.y);
}

export function addTree(nodes: SceneNode[], surface: Surface, x: number, y: number): void {
  if (!surface.hasBuffer) return;
  for (const child of surface.stack) {
    if (child === surface) nodes.push({ surface, x, y });
    else addTree(nodes, child, x + child.x, y + child.y);
  }
}

/** Where the window geometry of a popup's parent begins on the screen. */
export function originOf(parent: XdgSurface): { x: number; y: number } {
  const { shown } = parent;
  if (shown === null) return { x: 0, y: 0 };
  if (isPopup(shown)) {
    const { x, y } = shown.parent === null ? { x: 0, y: 0 } : originOf(shown.parent);
    return { x: x + shown.place.x, y: y + shown.place.y };
  }
  const { x, y } = shown as Toplevel;
  return { x, y };
}

function isPopup(shown: object): shown is Popup {
  return "place" in shown;
}
