/**
 * The screen: which windows there are, in which order and where, and which of them has the keyboard. The last one is on
 * top.
 */
import type { Resource } from "../core/resource.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import type { Surface } from "../surface/surface.ts";
import type { Popup } from "./popup.ts";
import type { Toplevel } from "./toplevel.ts";
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
  beginDrag(window: Toplevel, seat: Resource, edges: number): void;
}

/** A surface of the scene, and where its left upper corner is on the screen. */
export interface SceneNode {
  readonly surface: Surface;
  readonly x: number;
  readonly y: number;
}

export class Screen {
  readonly area: Rectangle;
  readonly #owner: ScreenOwner;
  readonly #windows: Toplevel[] = [];
  #opened = 0;

  constructor(size: { readonly width: number; readonly height: number }, owner: ScreenOwner) {
    this.area = { x: 0, y: 0, width: size.width, height: size.height };
    this.#owner = owner;
  }

  get windows(): readonly Toplevel[] {
    return this.#windows;
  }

  get active(): Toplevel | null {
    return this.#windows.at(-1) ?? null;
  }

  nextSerial(): number {
    return this.#owner.nextSerial();
  }

  /** In the middle, and each further one beside. */
  open(window: Toplevel): void {
    const { width, height } = window.xdgSurface.geometry;
    const step = (this.#opened++ % 8) * CASCADE_PIXELS;
    const middle = (room: number, length: number): number => Math.max(0, Math.floor((room - length) / 2));
    if (!window.isFilling) {
      window.x = Math.min(middle(this.area.width, width) + step, Math.max(0, this.area.width - width));
      window.y = Math.min(middle(this.area.height, height) + step, Math.max(0, this.area.height - height));
    }
    const before = this.active;
    this.#windows.push(window);
    this.#activeChanged(before);
  }

  close(window: Toplevel): void {
    this.#owner.windowGoes();
    const before = this.active;
    this.#windows.splice(this.#windows.indexOf(window), 1);
    if (this.#windows.length === 0) this.#opened = 0;
    this.#activeChanged(before);
  }

  /** To the top. */
  raise(window: Toplevel): void {
    const before = this.active;
    if (before === window) return;
    this.#windows.splice(this.#windows.indexOf(window), 1);
    this.#windows.push(window);
    this.#activeChanged(before);
  }

  #activeChanged(before: Toplevel | null): void {
    const { active } = this;
    if (before !== active) {
      if (before?.xdgSurface.isMapped === true) before.xdgSurface.configure();
      active?.xdgSurface.configure();
    }
    this.changed();
  }

  changed(): void {
    this.#owner.screenChanged();
  }

  beginDrag(window: Toplevel, seat: Resource, edges: number): void {
    this.#owner.beginDrag(window, seat, edges);
  }

  /** Who has the keyboard: the last popup that asked for it, else the window on top. */
  get keyboardFocus(): Surface | null {
    return (this.grabbingPopups().at(-1)?.xdgSurface ?? this.active?.xdgSurface)?.surface ?? null;
  }

  /** Those that a press beside them closes, from the bottom. */
  grabbingPopups(): Popup[] {
    const found: Popup[] = [];
    const visit = ({ popups }: XdgSurface): void => {
      for (const popup of popups) {
        if (popup.hasGrab && popup.xdgSurface.isMapped) found.push(popup);
        visit(popup.xdgSurface);
      }
    };
    for (const window of this.#windows) visit(window.xdgSurface);
    return found;
  }

  /** What is shown, from the bottom. */
  scene(): SceneNode[] {
    const nodes: SceneNode[] = [];
    for (const window of this.#windows) addXdgSurface(nodes, window.xdgSurface, window.x, window.y);
    return nodes;
  }
}

/** @param x  where its window geometry begins */
function addXdgSurface(nodes: SceneNode[], { geometry, surface, popups }: XdgSurface, x: number, y: number): void {
  addTree(nodes, surface, x - geometry.x, y - geometry.y);
  for (const popup of popups)
    if (popup.xdgSurface.isMapped) addXdgSurface(nodes, popup.xdgSurface, x + popup.place.x, y + popup.place.y);
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
