/**
 * Windows over one another, on workspaces: which there are, where, and which has the keyboard. The last one is on top.
 * Draws nothing; who does is told that something has changed.
 */
import { clamp, EDGE, type Placement, placeOf, type Rectangle, type Size } from "./place.ts";

export interface ArrangedWindow {
  readonly id: string;
  title: string;
  /** Where it lies when it is free. */
  free: Rectangle;
  placement: Placement;
  isMinimized: boolean;
  workspace: number;
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
  area: Rectangle;
  /** All that there is, with the panel's part. */
  screen: Rectangle;
  workspace = 0;
  workspaceCount: number;
  readonly #windows: ArrangedWindow[] = [];
  #active: string | null = null;
  #opened = 0;
  readonly #onChange: () => void;

  constructor(area: Rectangle, workspaceCount: number, onChange: () => void) {
    this.area = area;
    this.screen = area;
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
    return placeOf(window.placement, window.free, this.area, this.screen);
  }

  open(opened: NewWindow): void {
    const { id, title, size, min = MIN, placement = "free", free, workspace, isMinimized = false } = opened;
    const { below = [], isActive = true } = opened;
    if (this.find(id) !== undefined) return this.focus(id);
    const window: ArrangedWindow = {
      id,
      title,
      free: clamp(free ?? this.#beside(size), this.area, min),
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

  #beside({ width, height }: Size): Rectangle {
    const step = (this.#opened++ % CASCADE_STEPS) * CASCADE_PIXELS;
    const { area } = this;
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

  /** It is free from here on, and lies there. */
  moveTo(id: string, place: Rectangle): void {
    const window = this.find(id);
    if (window === undefined) return;
    window.placement = "free";
    window.free = clamp(place, this.area, window.min);
    this.#onChange();
  }

  /** Its program has drawn itself in that size. @param edges  that are pulled: those on the other side stay */
  sizeIs(id: string, { width, height }: Size, edges = 0): void {
    const window = this.find(id);
    if (window === undefined) return;
    const { free } = window;
    if (free.width === width && free.height === height) return;
    window.free = {
      x: edges & EDGE.left ? free.x + free.width - width : free.x,
      y: edges & EDGE.top ? free.y + free.height - height : free.y,
      width,
      height,
    };
    this.#onChange();
  }

  retitle(id: string, title: string): void {
    const window = this.find(id);
    if (window === undefined || window.title === title) return;
    window.title = title;
    this.#onChange();
  }

  /** The place for windows is another one: they stay in sight. */
  setArea(area: Rectangle, screen: Rectangle = area): void {
    this.area = area;
    this.screen = screen;
    for (const window of this.#windows) window.free = clamp(window.free, area, window.min);
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
