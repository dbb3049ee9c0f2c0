/** xdg_toplevel: a window. */
import { coordinate, flag, maybe, oneOf, record, text, whole } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { a, point, savedClass } from "../saved/saved-class.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import type { Surface } from "../surface/surface.ts";
import type { Filling, WindowState } from "./arranger.ts";
import type { Popup } from "./popup.ts";
import type { ScreenWindow } from "./screen-window.ts";
import type { Shown, XdgSurface } from "./xdg-surface.ts";

const { error, state: STATE, resize_edge: EDGE } = enums.xdg_toplevel;
/** Characters of a title that are kept. */
const TITLE_MAX = 1024;

export function toplevelOf(resource: Resource): Toplevel {
  return resource.part as Toplevel;
}

/** zxdg_toplevel_decoration_v1 */
export interface Decorated {
  /** Tells again who draws the frame, before each configure. */
  configure(): void;
}

export class Toplevel implements Shown, ScreenWindow {
  readonly roleName = "xdg_toplevel";
  /** Its program draws its frame, and does not know where it lies. */
  readonly frame = null;
  readonly isPlaced = false;
  readonly resource: Resource;
  readonly xdgSurface: XdgSurface;
  number = 0;
  title = "";
  appId = "";
  /** Where its window geometry begins on the screen. */
  x = 0;
  y = 0;
  #isMaximized = false;
  #isFullscreen = false;
  /** By the edges that a person pulls; null: the client chooses. */
  #wanted: { width: number; height: number } | null = null;
  #restore = { x: 0, y: 0 };
  /** The monitor that it wants to fill, by its name; null: that on which it lies. */
  #monitor: number | null = null;
  isResizing = false;
  /** As zxdg_toplevel_decoration_v1 has settled it; null: the program does not speak of it. */
  decoration: "program" | "desktop" | null = null;
  decorated: Decorated | null = null;

  constructor(resource: Resource, xdgSurface: XdgSurface) {
    this.resource = resource;
    this.xdgSurface = xdgSurface;
  }

  serve(): void {
    const { resource, xdgSurface } = this;
    const { screen } = xdgSurface;
    const size = (width: number, height: number): void => {
      if (width < 0 || height < 0) resource.fail(error.invalid_size, `a size of ${width} × ${height}`);
    };
    implement(resource, "xdg_toplevel", {
      destroy: () => {},
      set_parent: (parent) => {
        if (parent === resource) resource.fail(error.invalid_parent, "a window as its own parent");
      },
      set_title: (title) => {
        this.title = title.slice(0, TITLE_MAX);
        if (this.isMapped) screen.changed();
      },
      set_app_id: (appId) => void (this.appId = appId.slice(0, TITLE_MAX)),
      show_window_menu: () => {},
      move: () => screen.beginDrag(this, EDGE.none),
      resize: (_seat, _serial, edges) => {
        if (!Object.values<number>(EDGE).includes(edges)) resource.fail(error.invalid_resize_edge, `edge ${edges}`);
        screen.beginDrag(this, edges);
      },
      set_max_size: size,
      set_min_size: size,
      set_maximized: () => this.#wishFill({ isMaximized: true }),
      unset_maximized: () => this.#wishFill({ isMaximized: false }),
      set_fullscreen: (output) => this.#wishFill({ isFullscreen: true, output }),
      unset_fullscreen: () => this.#wishFill({ isFullscreen: false }),
      // Without a desktop there is no place to bring it back from.
      set_minimized: () => {
        if (this.isMapped) screen.arranger?.wished(this, { kind: "minimize" });
      },
    });
    resource.onDestroy(() => xdgSurface.hide());
  }

  get surface(): Surface {
    return this.xdgSurface.surface;
  }

  get popups(): readonly Popup[] {
    return this.xdgSurface.popups;
  }

  get geometry(): Rectangle {
    return this.xdgSurface.geometry;
  }

  get isMapped(): boolean {
    return this.xdgSurface.isMapped;
  }

  reconfigure(): void {
    this.xdgSurface.configure();
  }

  close(): void {
    events.xdg_toplevel.close(this.resource);
  }

  get isFilling(): boolean {
    return this.#isMaximized || this.#isFullscreen;
  }

  get filling(): Filling {
    return this.#isFullscreen ? "fullscreen" : this.#isMaximized ? "maximized" : "";
  }

  /** A program that says nothing of decorations draws a frame when its window is only a part of its surface. */
  get drawsFrame(): boolean {
    return this.decoration === null ? this.xdgSurface.hasOwnGeometry : this.decoration === "program";
  }

  arrange({ width, height, filling, isResizing }: WindowState): void {
    this.#isMaximized = filling === "maximized";
    this.#isFullscreen = filling === "fullscreen";
    this.#wanted = { width, height };
    this.isResizing = isResizing;
    if (this.xdgSurface.hasConfigured) this.xdgSurface.configure();
  }

  #wishFill(change: {
    readonly isMaximized?: boolean;
    readonly isFullscreen?: boolean;
    readonly output?: Resource | null;
  }): void {
    const { arranger, outputs } = this.xdgSurface.screen;
    const wanted = change.output == null ? null : outputs.of(change.output);
    this.#monitor = wanted?.name ?? null;
    if (arranger === null || !this.isMapped) return this.#fill(change);
    const { isMaximized = this.#isMaximized, isFullscreen = this.#isFullscreen } = change;
    const filling = isFullscreen ? "fullscreen" : isMaximized ? "maximized" : "";
    arranger.wished(this, { kind: "fill", filling, monitor: wanted?.monitor.id ?? null });
  }

  #fill({ isMaximized = this.#isMaximized, isFullscreen = this.#isFullscreen }): void {
    const wasFilling = this.isFilling;
    this.#isMaximized = isMaximized;
    this.#isFullscreen = isFullscreen;
    if (this.isFilling) {
      if (!wasFilling) this.#restore = { x: this.x, y: this.y };
      const { x, y } = this.#filled;
      this.moveTo(x, y);
    } else if (!this.isFilling && wasFilling) this.moveTo(this.#restore.x, this.#restore.y);
    if (this.xdgSurface.hasConfigured) this.xdgSurface.configure();
  }

  /** What it has when it has a whole monitor. */
  get #filled(): Rectangle {
    const { screen } = this.xdgSurface;
    const wanted = screen.outputs.all.find(({ name }) => name === this.#monitor);
    return (wanted ?? screen.outputOf(this)).monitor;
  }

  fillAgain(): void {
    this.#fill({});
  }

  moveTo(x: number, y: number): void {
    this.x = x;
    this.y = y;
    this.xdgSurface.screen.changed();
  }

  /** The client is asked for another size. */
  resizeTo(width: number, height: number): void {
    this.#wanted = { width, height };
    this.xdgSurface.configure();
  }

  configure(): void {
    const { active, arranger } = this.xdgSurface.screen;
    const area = this.#filled;
    const isActive = active === this || !this.xdgSurface.isMapped;
    const states: number[] = [
      ...(this.#isMaximized ? [STATE.maximized] : []),
      ...(this.#isFullscreen ? [STATE.fullscreen] : []),
      ...(this.isResizing ? [STATE.resizing] : []),
      ...(isActive ? [STATE.activated] : []),
    ];
    const isByScreen = this.isFilling && (arranger === null || this.#wanted === null);
    const size = isByScreen ? area : (this.#wanted ?? { width: 0, height: 0 });
    const { maximize, fullscreen, minimize } = enums.xdg_toplevel.wm_capabilities;
    events.xdg_toplevel.wm_capabilities(
      this.resource,
      words([maximize, fullscreen, ...(arranger === null ? [] : [minimize])]),
    );
    events.xdg_toplevel.configure_bounds(this.resource, area.width, area.height);
    this.decorated?.configure();
    events.xdg_toplevel.configure(this.resource, size.width, size.height, words(states));
  }

  mapped(): void {
    this.xdgSurface.screen.open(this);
  }

  unmapped(): void {
    this.xdgSurface.screen.close(this);
  }

  static {
    savedClass(
      "Toplevel",
      this,
      {
        roleName: oneOf("xdg_toplevel"),
        frame: oneOf(null),
        isPlaced: oneOf(false),
        resource: a("Resource"),
        xdgSurface: a("XdgSurface"),
        number: whole(0, 2 ** 48),
        title: text(TITLE_MAX),
        appId: text(TITLE_MAX),
        x: coordinate,
        y: coordinate,
        isResizing: flag,
        decoration: oneOf("program", "desktop", null),
        decorated: maybe(a("Decoration")),
        "#isMaximized": flag,
        "#isFullscreen": flag,
        "#wanted": maybe(record({ width: coordinate, height: coordinate })),
        "#restore": point,
        "#monitor": maybe(whole(0, 2 ** 31)),
      },
      {
        save: (it) => ({
          isMaximized: it.#isMaximized,
          isFullscreen: it.#isFullscreen,
          wanted: it.#wanted,
          restore: it.#restore,
          monitor: it.#monitor,
        }),
        load: (it, from) =>
          ({
            isMaximized: it.#isMaximized,
            isFullscreen: it.#isFullscreen,
            wanted: it.#wanted,
            restore: it.#restore,
            monitor: it.#monitor,
          } = from),
      },
    );
  }
}

function words(values: readonly number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}
