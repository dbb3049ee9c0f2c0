/** A window of an X11 program: what the server and the program say of it, and how the screen has it. */
import { coordinate, flag, list, maybe, oneOf, record, text, uint32, whole } from "@stratos/base/value-check";
import { a, rectangle, savedClass } from "../saved/saved-class.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import type { Filling, WindowState } from "../shell/arranger.ts";
import type { Screen } from "../shell/screen.ts";
import type { ScreenWindow } from "../shell/screen-window.ts";
import { TITLE_PIXELS, WindowFrame } from "../shell/window-frame.ts";
import type { Surface } from "../surface/surface.ts";

/** Sizes of X are of 16 bits, and places have a sign. */
const LENGTH_MAX = 0x7fff;

/** WM_NORMAL_HINTS (Inter-Client Communication Conventions Manual, §4.1.2.3). */
export interface SizeHints {
  /** It says where it is to lie: the user's wish, or the program's. */
  readonly isPlaced: boolean;
  readonly min: Size;
  readonly max: Size;
  /** Sizes are `base` and a multiple of `step`. */
  readonly base: Size;
  readonly step: Size;
}

interface Size {
  readonly width: number;
  readonly height: number;
}

export const NO_HINTS: SizeHints = {
  isPlaced: false,
  min: { width: 1, height: 1 },
  max: { width: LENGTH_MAX, height: LENGTH_MAX },
  base: { width: 0, height: 0 },
  step: { width: 1, height: 1 },
};

/** What a window asks of the window manager. */
export interface XWindowOwner {
  readonly screen: Screen;
  /** The server is to have it there, and that large; it says what became of that. */
  place(window: XWindow, place: Rectangle): void;
  raise(window: XWindow): void;
  close(window: XWindow): void;
  /** It has the screen, or is as it was. */
  tellState(window: XWindow): void;
}

export class XWindow implements ScreenWindow {
  readonly id: number;
  /** Menus and hints: the window manager leaves them alone. */
  isOverrideRedirect: boolean;
  number = 0;
  readonly popups = [];
  #owner: XWindowOwner;
  readonly #frame = new WindowFrame();
  x: number;
  y: number;
  width: number;
  height: number;
  title = "";
  appId = "";
  /** The title came by _NET_WM_NAME. */
  hasUtf8Title = false;
  hints = NO_HINTS;
  takesFocus = true;
  /** Atoms of WM_PROTOCOLS. */
  protocols: ReadonlySet<number> = new Set();
  transientFor = 0;
  hasOwnFrame = false;
  /** The program has it mapped. */
  isWanted = false;
  isResizing = false;
  filling: Filling = "";
  #restore: Rectangle | null = null;
  #surface: Surface | null = null;
  #isMapped = false;

  constructor(id: number, place: Rectangle, isOverrideRedirect: boolean, owner: XWindowOwner) {
    this.id = id;
    this.x = place.x;
    this.y = place.y;
    this.width = place.width;
    this.height = place.height;
    this.isOverrideRedirect = isOverrideRedirect;
    this.#owner = owner;
  }

  get surface(): Surface {
    return this.#surface!;
  }

  get hasSurface(): boolean {
    return this.#surface !== null;
  }

  get geometry(): Rectangle {
    return { x: 0, y: 0, width: this.#surface?.width ?? this.width, height: this.#surface?.height ?? this.height };
  }

  get isMapped(): boolean {
    return this.#isMapped;
  }

  get isFilling(): boolean {
    return this.filling !== "";
  }

  get isPlaced(): boolean {
    return true;
  }

  get drawsFrame(): boolean {
    return this.hasOwnFrame;
  }

  get frame(): WindowFrame | null {
    if (this.#owner.screen.arranger !== null) return null;
    return this.isOverrideRedirect || this.hasOwnFrame || this.filling === "fullscreen" ? null : this.#frame;
  }

  get titlePixels(): number {
    return this.frame === null ? 0 : TITLE_PIXELS;
  }

  /** The surface that shows it; null: none does any more. */
  setSurface(surface: Surface | null): void {
    if (this.#surface === surface) return;
    this.#hide();
    this.#surface = surface;
    this.update();
  }

  /** It is shown when the program wants it, and has drawn it. */
  update(): void {
    if (this.#surface?.hasBuffer !== true || (!this.isWanted && !this.isOverrideRedirect)) return this.#hide();
    this.#updateFrame();
    if (this.#isMapped) return;
    this.#isMapped = true;
    const { screen } = this.#owner;
    if (this.isOverrideRedirect) screen.addOverlay(this);
    else screen.open(this);
  }

  #hide(): void {
    if (!this.#isMapped) return;
    this.#isMapped = false;
    const { screen } = this.#owner;
    if (this.isOverrideRedirect) screen.removeOverlay(this);
    else screen.close(this);
  }

  #updateFrame(): void {
    this.frame?.update(this.geometry, this.title, this.#owner.screen.active === this);
  }

  setTitle(title: string): void {
    this.title = title;
    this.#updateFrame();
    if (this.#isMapped) this.#owner.screen.changed();
  }

  /** The server has it so now. */
  configured({ x, y, width, height }: Rectangle): void {
    const isMoved = x !== this.x || y !== this.y;
    this.x = x;
    this.y = y;
    this.width = width;
    this.height = height;
    if (isMoved && this.#isMapped) this.#owner.screen.changed();
  }

  moveTo(x: number, y: number): void {
    // The bar with its title must not leave the screen, or nobody could take it again.
    const { area } = this.#owner.screen;
    this.#place(x, Math.max(this.titlePixels, Math.min(area.y + area.height, y)), this.width, this.height);
  }

  resizeTo(width: number, height: number): void {
    const { hints } = this;
    const fit = (wanted: number, of: (size: Size) => number): number => {
      const base = of(hints.base),
        step = of(hints.step);
      const stepped = base + Math.max(0, Math.floor((wanted - base) / step)) * step;
      return Math.max(of(hints.min), Math.min(of(hints.max), stepped), 1);
    };
    this.#place(
      this.x,
      this.y,
      fit(width, (size) => size.width),
      fit(height, (size) => size.height),
    );
  }

  #place(x: number, y: number, width: number, height: number): void {
    const clamp = (value: number, least: number): number => Math.max(least, Math.min(LENGTH_MAX, Math.round(value)));
    const place = {
      x: clamp(x, -LENGTH_MAX),
      y: clamp(y, -LENGTH_MAX),
      width: clamp(width, 1),
      height: clamp(height, 1),
    };
    this.configured(place);
    this.#owner.place(this, place);
  }

  arrange({ width, height, filling, isResizing }: WindowState): void {
    const isOther = filling !== this.filling;
    this.filling = filling;
    this.isResizing = isResizing;
    if (filling !== "") this.#place(this.x, this.y, width, height);
    else if (width > 0 && height > 0) this.resizeTo(width, height);
    if (isOther) this.#owner.tellState(this);
  }

  /** All of its monitor but the bar with its title, or as it was. */
  fill(filling: Filling): void {
    if (filling === this.filling) return;
    const { arranger } = this.#owner.screen;
    if (arranger !== null && this.#isMapped) return arranger.wished(this, { kind: "fill", filling, monitor: null });
    if (this.filling === "") this.#restore = { x: this.x, y: this.y, width: this.width, height: this.height };
    this.filling = filling;
    const { x, y, width, height } = filling === "" ? this.#restore! : this.#filled;
    this.#place(x, y, width, height);
    this.#owner.tellState(this);
    if (this.#isMapped) this.#owner.screen.changed();
  }

  get #filled(): Rectangle {
    const { outputs } = this.#owner.screen;
    const { x, y, width, height } = outputs.at({
      x: this.x,
      y: this.y,
      width: this.width,
      height: this.height,
    }).monitor;
    const top = this.titlePixels;
    return { x, y: y + top, width, height: height - top };
  }

  fillAgain(): void {
    const { x, y, width, height } = this.#filled;
    this.#place(x, y, width, height);
  }

  reconfigure(): void {
    if (this.#owner.screen.active === this) this.#owner.raise(this);
    this.#updateFrame();
  }

  close(): void {
    this.#owner.close(this);
  }

  /** Of one that was loaded: its frame is drawn anew. */
  reframe(): void {
    this.#updateFrame();
  }

  static {
    const size = record({ width: whole(0, LENGTH_MAX), height: whole(0, LENGTH_MAX) });
    savedClass(
      "XWindow",
      this,
      {
        id: uint32,
        isOverrideRedirect: flag,
        number: whole(0, 2 ** 48),
        popups: list(oneOf(), 0),
        x: coordinate,
        y: coordinate,
        width: coordinate,
        height: coordinate,
        title: text(1024),
        appId: text(1024),
        hasUtf8Title: flag,
        hints: record({ isPlaced: flag, min: size, max: size, base: size, step: size }),
        takesFocus: flag,
        protocols: (value) => value instanceof Set && value.size <= 512 && [...value].every(uint32),
        transientFor: uint32,
        hasOwnFrame: flag,
        isWanted: flag,
        isResizing: flag,
        filling: oneOf("", "maximized", "fullscreen"),
        "#owner": (value) => typeof value === "object" && value !== null && "tellState" in value,
        "#restore": maybe(rectangle),
        "#surface": maybe(a("Surface")),
        "#isMapped": flag,
      },
      {
        save: (it) => ({
          owner: it.#owner,
          restore: it.#restore,
          surface: it.#surface,
          isMapped: it.#isMapped,
        }),
        load: (it, from) =>
          ({ owner: it.#owner, restore: it.#restore, surface: it.#surface, isMapped: it.#isMapped } = from),
      },
      { keeps: ["#frame"] },
    );
  }
}
