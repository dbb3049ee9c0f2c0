/**
 * Windows over one another, on workspaces: which there are, where, and which has the keyboard. The last one is on top.
 * Draws nothing; who does is told that something has changed.
 */
import { type ArrangedMonitor, monitorAt } from "./monitors.ts";
import {
  clamp,
  contains,
  EDGE,
  isSame,
  type Placement,
  placeOf,
  type Rectangle,
  type Size,
  whollyIn,
} from "./place.ts";

export interface ArrangedWindow {
  readonly id: string;
  title: string;
  /** Where it lies when it is free. */
  free: Rectangle;
  /** Where it would: monitors that were made smaller may be larger again. */
  wanted: Rectangle;
  /** All of it was to be seen where it was put. */
  isWhole: boolean;
  placement: Placement;
  isMinimized: boolean;
  workspace: number;
  /** ArrangedMonitor.id */
  monitor: number;
  min: Size;
}

/** What a window begins as. */
export interface NewWindow {
  readonly id: string;
  readonly title: string;
  readonly size: Size;
  readonly min?: Size;
  readonly placement?: Placement;
  /** Where it was before; absent: in the middle, beside the others. */
  readonly free?: Rectangle;
  readonly workspace?: number;
  readonly isMinimized?: boolean;
  /** Those that lay over it before; absent: it comes to the top. */
  readonly below?: readonly string[];
  /** It gets the keyboard if it can be seen; absent: it does. */
  readonly isActive?: boolean;
}

const MIN: Size = { width: 160, height: 80 };
const CASCADE_PIXELS = 28;
const CASCADE_STEPS = 8;

export class Arrangement {
  #monitors: readonly ArrangedMonitor[];
  workspace = 0;
  workspaceCount: number;
  readonly #windows: ArrangedWindow[] = [];
  #active: string | null = null;
  #opened = 0;
  readonly #onChange: () => void;

  /** @param monitors  at least one: the first is where windows are that nothing else says a place of */
  constructor(monitors: readonly ArrangedMonitor[], workspaceCount: number, onChange: () => void) {
    this.#monitors = monitors;
    this.workspaceCount = workspaceCount;
    this.#onChange = onChange;
  }

  /** From the bottom. */
  get windows(): readonly ArrangedWindow[] {
    return this.#windows;
  }

  /** Which has the keyboard; null: none, or the panel. */
  get active(): string | null {
    return this.#active;
  }

  find(id: string): ArrangedWindow | undefined {
    return this.#windows.find((each) => each.id === id);
  }

  isShown(window: ArrangedWindow): boolean {
    return !window.isMinimized && window.workspace === this.workspace;
  }

  place(window: ArrangedWindow): Rectangle {
    const { area, screen } = this.monitorOf(window);
    return placeOf(window.placement, window.free, area, screen);
  }

  get monitors(): readonly ArrangedMonitor[] {
    return this.#monitors;
  }

  monitorOf({ monitor }: ArrangedWindow): ArrangedMonitor {
    return this.#monitors.find(({ id }) => id === monitor) ?? this.#monitors[0]!;
  }

  /** On which a point lies, or the nearest. */
  monitorAt(x: number, y: number): ArrangedMonitor {
    return monitorAt(this.#monitors, x, y);
  }

  #monitorBelow({ x, y, width, height }: Rectangle): ArrangedMonitor {
    return this.monitorAt(x + width / 2, y + height / 2);
  }

  /** Where the person works. */
  get #monitorHere(): ArrangedMonitor {
    const active = this.#active === null ? undefined : this.find(this.#active);
    return active === undefined ? this.#monitors[0]! : this.monitorOf(active);
  }

  open(opened: NewWindow): void {
    const { id, title, size, min = MIN, placement = "free", free, workspace, isMinimized = false } = opened;
    const { below = [], isActive = true } = opened;
    if (this.find(id) !== undefined) return this.focus(id);
    const monitor = free === undefined ? this.#monitorHere : this.#monitorBelow(free);
    const wanted = free ?? this.#beside(size, monitor.area);
    // What a page of another size has left is brought into sight.
    const isWhole = free === undefined || !isSame(clamp(wanted, monitor.area, min), wanted);
    const window: ArrangedWindow = {
      id,
      title,
      wanted,
      isWhole: isWhole || contains(monitor.area, wanted),
      free: isWhole ? whollyIn(clamp(wanted, monitor.area, min), monitor.area) : wanted,
      monitor: monitor.id,
      placement,
      isMinimized,
      workspace: Math.min(workspace ?? this.workspace, this.workspaceCount - 1),
      min,
    };
    const over = this.#windows.findIndex((each) => below.includes(each.id));
    this.#windows.splice(over < 0 ? this.#windows.length : over, 0, window);
    if (isActive && this.isShown(window)) this.#active = id;
    this.#onChange();
  }

  #beside({ width, height }: Size, area: Rectangle): Rectangle {
    const step = (this.#opened++ % CASCADE_STEPS) * CASCADE_PIXELS;
    const along = (room: number, length: number): number =>
      Math.max(0, Math.min(Math.floor((room - length) / 2.5) + step, room - length));
    return { x: area.x + along(area.width, width), y: area.y + along(area.height, height), width, height };
  }

  close(id: string): void {
    const at = this.#windows.findIndex((each) => each.id === id);
    if (at < 0) return;
    this.#windows.splice(at, 1);
    if (this.#active === id) this.#activateTop();
    this.#onChange();
  }

  /** To the top, with the keyboard, wherever it was. */
  focus(id: string | null): void {
    if (id === null) {
      if (this.#active === null) return;
      this.#active = null;
      return this.#onChange();
    }
    const window = this.find(id);
    if (window === undefined) return;
    const isSame = this.#active === id && this.#windows.at(-1) === window && this.isShown(window);
    if (isSame) return;
    window.isMinimized = false;
    this.workspace = window.workspace;
    this.#raise(window);
    this.#active = id;
    this.#onChange();
  }

  #raise(window: ArrangedWindow): void {
    this.#windows.splice(this.#windows.indexOf(window), 1);
    this.#windows.push(window);
  }

  #activateTop(): void {
    this.#active = this.#windows.findLast((each) => this.isShown(each))?.id ?? null;
  }

  minimize(id: string): void {
    const window = this.find(id);
    if (window === undefined || window.isMinimized) return;
    window.isMinimized = true;
    if (this.#active === id) this.#activateTop();
    this.#onChange();
  }

  setPlacement(id: string, placement: Placement): void {
    const window = this.find(id);
    if (window === undefined || window.placement === placement) return;
    window.placement = placement;
    this.#onChange();
  }

  toggle(id: string, placement: "maximized" | "fullscreen"): void {
    const window = this.find(id);
    if (window !== undefined) this.setPlacement(id, window.placement === placement ? "free" : placement);
  }

  /** It is free from here on, and lies there. @param monitor  else the one below its middle */
  moveTo(id: string, place: Rectangle, monitor = this.#monitorBelow(place)): void {
    const window = this.find(id);
    if (window === undefined) return;
    window.placement = "free";
    window.monitor = monitor.id;
    window.free = window.wanted = clamp(place, monitor.area, window.min);
    window.isWhole = contains(monitor.area, window.free);
    this.#onChange();
  }

  /** It lies there as it lay on the other one. */
  toMonitor(id: string, monitorId: number): void {
    const window = this.find(id);
    const monitor = this.#monitors.find((each) => each.id === monitorId);
    if (window === undefined || monitor === undefined || window.monitor === monitorId) return;
    this.#shift(window, this.monitorOf(window), monitor);
    this.#onChange();
  }

  #shift(window: ArrangedWindow, from: ArrangedMonitor, to: ArrangedMonitor): void {
    const { wanted, min } = window;
    const place = { ...wanted, x: wanted.x - from.screen.x + to.screen.x, y: wanted.y - from.screen.y + to.screen.y };
    const free = clamp(place, to.area, min);
    window.monitor = to.id;
    window.wanted = place;
    window.free = window.isWhole ? whollyIn(free, to.area) : free;
  }

  /** Its program has drawn itself in that size. @param edges  that are pulled: those on the other side stay */
  sizeIs(id: string, { width, height }: Size, edges = 0): void {
    const window = this.find(id);
    if (window === undefined) return;
    const { free, wanted } = window;
    if (free.width === width && free.height === height) return;
    window.free = {
      x: edges & EDGE.left ? free.x + free.width - width : free.x,
      y: edges & EDGE.top ? free.y + free.height - height : free.y,
      width,
      height,
    };
    if (isSame(free, wanted)) window.wanted = window.free;
    this.#onChange();
  }

  retitle(id: string, title: string): void {
    const window = this.find(id);
    if (window === undefined || window.title === title) return;
    window.title = title;
    this.#onChange();
  }

  /** There are these, or they are larger or smaller: windows stay on theirs, or come to the first if it has gone. */
  setMonitors(monitors: readonly ArrangedMonitor[]): void {
    const before = this.#monitors;
    this.#monitors = monitors;
    for (const window of this.#windows) {
      const from = before.find(({ id }) => id === window.monitor) ?? before[0]!;
      this.#shift(window, from, monitors.find(({ id }) => id === from.id) ?? monitors[0]!);
    }
    this.#onChange();
  }

  /** What was on a workspace that is gone is on the last. */
  setWorkspaceCount(count: number): void {
    this.workspaceCount = Math.max(1, count);
    for (const window of this.#windows) window.workspace = Math.min(window.workspace, this.workspaceCount - 1);
    this.workspace = Math.min(this.workspace, this.workspaceCount - 1);
    this.#activateTop();
    this.#onChange();
  }

  goTo(workspace: number): void {
    if (workspace < 0 || workspace >= this.workspaceCount || workspace === this.workspace) return;
    this.workspace = workspace;
    this.#activateTop();
    this.#onChange();
  }

  /** The person goes with it. */
  sendTo(id: string, workspace: number): void {
    const window = this.find(id);
    if (window === undefined || workspace < 0 || workspace >= this.workspaceCount) return;
    window.workspace = workspace;
    this.workspace = workspace;
    this.#raise(window);
    this.#active = window.isMinimized ? null : id;
    this.#onChange();
  }

  /** The next of those that can be seen here, round and round; minimised ones come back. */
  cycle(isBackwards: boolean): void {
    const here = this.#windows.filter((each) => each.workspace === this.workspace);
    if (here.length === 0) return;
    // By turns all come to the top: the lowest next, or the one below the top and the top to the bottom.
    const next = isBackwards ? here.at(-2) : here[0];
    if (isBackwards && this.#active === here.at(-1)!.id && here.length > 1) {
      const top = here.at(-1)!;
      this.#windows.splice(this.#windows.indexOf(top), 1);
      this.#windows.unshift(top);
    }
    this.focus((next ?? here[0]!).id);
  }
}
