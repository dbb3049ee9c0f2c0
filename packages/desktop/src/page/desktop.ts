/**
 * The desktop: windows on the page as the arrangement has them, dragged by the pointer and driven by keys. What is in a
 * window is an application of ours, or a program's picture (guest-windows.ts); neither knows of the other.
 */
import { Arrangement, type ArrangedWindow, type NewWindow } from "../arrange/arrangement.ts";
import { type KeptLayout, type KeptWindow, withAwaited } from "../arrange/kept-layout.ts";
import type { ArrangedMonitor } from "../arrange/monitors.ts";
import { type Placement, placeOf, type Rectangle, resized, type Size, snapAt, snapByKey } from "../arrange/place.ts";
import type { DesktopSettings } from "../arrange/settings.ts";
import type { Command } from "../arrange/shortcuts.ts";
import { Monitors, type PageMonitor, type Point } from "./monitors.ts";
import { keepAtEnd } from "./service.ts";
import { create, type MenuItem } from "./widgets/containers.ts";
import { type FrameAct, type FrameOwner, WindowFrame } from "./window-frame.ts";
import { say } from "./words.ts";

/** What is in a window. */
export interface WindowContent {
  /** By which it is made again on a page that is loaded anew; null: it comes by itself. */
  readonly kept: { readonly kind: string; readonly argument: unknown } | null;
  /** It has the keyboard. */
  focus(): void;
  /** The person wants it closed; who agrees calls `Desktop.closed`. */
  close(): void;
  /** It may draw nothing while nobody sees it. */
  shown?(isShown: boolean): void;
  /** How the desktop has it now. */
  arranged?(window: ArrangedWindow, place: Rectangle, isActive: boolean): void;
  /** It is in another window of the browser now. */
  moved?(): void;
  /** It draws its frame itself. */
  readonly drawsFrame?: boolean;
}

export interface Session {
  readonly name: string;
  readonly user: string;
  /** Of the desktop, among those of the machine's users. */
  readonly number: number;
  /** They have a desktop of it, too. */
  readonly otherUsers: readonly string[];
  readonly home: string;
  readonly hasDisplay: boolean;
  /** Programs show their windows on a screen, which is a window here. */
  readonly hasScreen: boolean;
  /** What was changed outlives the machine. */
  readonly keepsFiles: boolean;
  /** What this computer keeps can be maintained here. */
  readonly hasMaintenance: boolean;
  readonly isLocked: boolean;
  readonly isSuspended: boolean;
  readonly hasPassphrase: boolean;
  readonly settings: DesktopSettings;
}

interface Drag {
  readonly id: string;
  readonly edges: number;
  readonly pointer: number;
  readonly fromX: number;
  readonly fromY: number;
  place: Rectangle;
}

const MOVE_PIXELS = 32;
const SAVE_MS = 300;

export class Desktop implements FrameOwner {
  readonly monitors: Monitors;
  readonly arrangement: Arrangement;
  settings: DesktopSettings;
  readonly session: Session;
  readonly #frames = new Map<string, WindowFrame>();
  readonly #contents = new Map<string, WindowContent>();
  readonly #snapPreview = create("div", "snap-preview");
  readonly #listeners: (() => void)[] = [];
  readonly #reservedHeight: () => number;
  #drag: Drag | null = null;
  #focused: string | null = null;
  #saving: ReturnType<typeof setTimeout> | null = null;
  #last = 0;
  /** Windows of the page before that have not come again yet. */
  #kept = new Map<string, KeptWindow>();
  /** Of the page before, from the bottom, and which had the keyboard. */
  #order: readonly string[] = [];
  #activeBefore: string | null | undefined = undefined;

  /** @param reservedHeight  of the panel */
  constructor(element: HTMLElement, session: Session, reservedHeight: () => number) {
    this.monitors = new Monitors(element);
    this.monitors.first.zoom = session.settings.zoom / 100;
    this.session = session;
    this.settings = session.settings;
    this.#reservedHeight = reservedHeight;
    this.#snapPreview.hidden = true;
    this.arrangement = new Arrangement(this.#monitorsNow, session.settings.workspaces, () => this.#render());
    addEventListener("resize", () => this.fit());
    this.monitors.onChange(() => this.fit());
    this.monitors.each(({ view }) => {
      view.addEventListener("pointermove", (event) => this.#follow(event));
      view.addEventListener("pointerup", (event) => this.#drop(event));
      view.addEventListener("pointercancel", (event) => this.#drop(event));
    });
    addEventListener("pagehide", () => void this.save());
  }

  get #monitorsNow(): ArrangedMonitor[] {
    return this.monitors.arrange(this.#reservedHeight());
  }

  /** A monitor is larger or smaller, has come or gone, or the panel is another. */
  fit(): void {
    this.arrangement.setMonitors(this.#monitorsNow);
  }

  /** On which a window is shown. */
  monitorOf(window: ArrangedWindow): PageMonitor {
    return this.monitors.find(window.monitor) ?? this.monitors.first;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  /** @returns the window's number */
  open(
    content: (id: string, frame: WindowFrame) => WindowContent,
    window: Omit<NewWindow, "id"> & { readonly id?: string },
  ): string {
    const id = window.id ?? `window-${++this.#last}`;
    const frame = new WindowFrame(id, this);
    this.monitors.first.element.append(frame.element);
    this.#frames.set(id, frame);
    const made = content(id, frame);
    this.#contents.set(id, made);
    frame.hasBar = made.drawsFrame !== true;
    const kept = this.#kept.get(id);
    this.#kept.delete(id);
    this.arrangement.open({ ...window, ...kept, id, ...(kept === undefined ? {} : this.#orderOf(id)) });
    return id;
  }

  /** Windows come again in whatever order, and lie as they did. */
  #orderOf(id: string): Pick<NewWindow, "below" | "isActive"> {
    const below = this.#order.slice(this.#order.indexOf(id) + 1);
    const { active } = this.arrangement;
    return { below, isActive: this.#activeBefore === undefined || (this.#activeBefore === id && active === null) };
  }

  /** Sizes of a window's frame, around what is in it. */
  outerSize(id: string, { width, height }: Size): Size {
    return { width, height: height + (this.#frames.get(id)?.barHeight ?? 0) };
  }

  frame(id: string): WindowFrame | undefined {
    return this.#frames.get(id);
  }

  /** Edges of a window that are pulled now. */
  edgesOf(id: string): number {
    return this.#drag?.id === id ? this.#drag.edges : 0;
  }

  isResizing(id: string): boolean {
    return this.#drag?.id === id && this.#drag.edges !== 0;
  }

  /** Its content is gone. */
  closed(id: string): void {
    const frame = this.#frames.get(id);
    this.#frames.delete(id);
    this.#contents.delete(id);
    if (this.#focused === id) this.#focused = null;
    frame?.remove();
    this.arrangement.close(id);
  }

  act(id: string, act: FrameAct, at?: { x: number; y: number }): void {
    const { arrangement } = this;
    if (act === "close") this.#contents.get(id)?.close();
    else if (act === "minimize") arrangement.minimize(id);
    else if (act === "maximize") {
      const window = arrangement.find(id);
      arrangement.setPlacement(id, window?.placement === "free" ? "maximized" : "free");
    } else this.openWindowMenu(id, at);
  }

  focus(id: string): void {
    this.arrangement.focus(id);
  }

  openWindowMenu(id: string, at?: { x: number; y: number }): void {
    const { arrangement } = this;
    const window = arrangement.find(id);
    if (window === undefined) return;
    const placements: readonly (readonly [Placement, string])[] = [
      ["maximized", say("maximize")],
      ["fullscreen", say("fullscreen")],
      ["left", say("left")],
      ["right", say("right")],
    ];
    const items: (MenuItem | "line")[] = [
      { text: say("minimize"), act: () => arrangement.minimize(id) },
      { text: say("restore"), isEnabled: window.placement !== "free", act: () => arrangement.setPlacement(id, "free") },
      ...placements.map(([placement, text]) => ({
        text,
        isChecked: window.placement === placement,
        act: () => arrangement.setPlacement(id, placement),
      })),
      "line",
      ...Array.from({ length: arrangement.workspaceCount }, (_, index) => ({
        text: say("sendTo", index + 1),
        isChecked: window.workspace === index,
        act: () => arrangement.sendTo(id, index),
      })),
      ...this.#monitorItems(window),
      "line",
      { text: say("close"), act: () => this.#contents.get(id)?.close() },
    ];
    this.#frames.get(id)?.openMenu(items, at);
  }

  #monitorItems({ id, monitor }: ArrangedWindow): (MenuItem | "line")[] {
    const { all } = this.monitors;
    if (all.length === 1) return [];
    const items = all.map((each, index) => ({
      text: say("toMonitor", index + 1),
      isChecked: each.id === monitor,
      act: () => this.arrangement.toMonitor(id, each.id),
    }));
    return ["line", ...items];
  }

  beginDrag(id: string, edges: number, event: PointerEvent): void {
    this.drag(id, edges, { pointer: event.pointerId, ...this.monitors.of(event).placeOf(event) });
    event.preventDefault();
    // The frame keeps the keyboard that it gets by the press.
    this.#contents.get(id)?.focus();
  }

  /** From a point of the desktop on. */
  drag(id: string, edges: number, { pointer, x, y }: Point & { readonly pointer: number }): void {
    const window = this.arrangement.find(id);
    if (window === undefined || window.placement === "fullscreen") return;
    this.arrangement.focus(id);
    const place = this.arrangement.place(window);
    this.#drag = { id, edges, pointer, fromX: x, fromY: y, place };
    for (const { view } of this.monitors.all) view.document.body.classList.add("dragging");
  }

  #follow(event: PointerEvent): void {
    const drag = this.#drag;
    if (drag === null || drag.pointer !== event.pointerId) return;
    const at = this.monitors.of(event).placeOf(event);
    const { arrangement } = this;
    const window = arrangement.find(drag.id);
    if (window === undefined) return this.#endDrag();
    const dx = at.x - drag.fromX,
      dy = at.y - drag.fromY;
    if (drag.edges !== 0) {
      const place = resized(drag.place, drag.edges, dx, dy, window.min);
      return arrangement.moveTo(drag.id, place, arrangement.monitorOf(window));
    }
    if (Math.abs(dx) + Math.abs(dy) < 4 && window.placement !== "free") return;
    if (window.placement !== "free") {
      // It comes off at its own size, still below the pointer.
      const { width, height } = window.free;
      const part = (drag.fromX - drag.place.x) / drag.place.width;
      drag.place = { x: drag.fromX - part * width, y: drag.place.y, width, height };
    }
    const place = { ...drag.place, x: Math.round(drag.place.x + dx), y: Math.round(drag.place.y + dy) };
    // Where the pointer is, there is the window, however much of it hangs over.
    arrangement.moveTo(drag.id, place, arrangement.monitorAt(at.x, at.y));
    this.#preview(at);
  }

  #preview({ x: atX, y: atY }: Point): void {
    const { id, area, screen } = this.arrangement.monitorAt(atX, atY);
    const placement = snapAt(atX, atY, area);
    this.#snapPreview.hidden = placement === null;
    if (placement === null) return;
    const monitor = this.monitors.find(id) ?? this.monitors.first;
    if (this.#snapPreview.parentElement !== monitor.element) monitor.element.append(this.#snapPreview);
    const { x, y, width, height } = placeOf(placement, area, area, screen);
    Object.assign(this.#snapPreview.style, {
      left: `${x - monitor.x}px`,
      top: `${y - monitor.y}px`,
      width: `${width}px`,
      height: `${height}px`,
    });
  }

  #drop(event: PointerEvent): void {
    const drag = this.#drag;
    if (drag === null || drag.pointer !== event.pointerId) return;
    this.#endDrag();
    const { x, y } = this.monitors.of(event).placeOf(event);
    const hasMoved = Math.abs(x - drag.fromX) + Math.abs(y - drag.fromY) > 4;
    const isLetGo = event.type === "pointerup" && drag.edges === 0 && hasMoved;
    const snap = isLetGo ? snapAt(x, y, this.arrangement.monitorAt(x, y).area) : null;
    if (snap !== null) this.arrangement.setPlacement(drag.id, snap);
    this.#render();
  }

  #endDrag(): void {
    this.#drag = null;
    this.#snapPreview.hidden = true;
    for (const { view } of this.monitors.all) view.document.body.classList.remove("dragging");
  }

  /** @returns false: it is not about windows */
  command(command: Command): boolean {
    const { arrangement } = this;
    const id = arrangement.active;
    const window = id === null ? undefined : arrangement.find(id);
    switch (command.do) {
      case "next":
      case "previous":
        arrangement.cycle(command.do === "previous");
        return true;
      case "workspace":
        arrangement.goTo(command.to);
        return true;
      case "send":
      case "snap":
      case "move":
      case "grow":
      case "shrink":
      case "close":
      case "minimize":
      case "maximize":
      case "fullscreen":
      case "window-menu":
      case "next-monitor":
        if (window !== undefined) this.#commandWindow(window, command);
        return true;
      default:
        return false;
    }
  }

  #commandWindow(window: ArrangedWindow, command: Command): void {
    const { arrangement } = this;
    const { id } = window;
    const move = (dx: number, dy: number, dw: number, dh: number): void => {
      const { x, y, width, height } = arrangement.place(window);
      arrangement.moveTo(id, { x: x + dx, y: y + dy, width: width + dw, height: height + dh });
    };
    if (command.do === "snap") {
      const placement = snapByKey(window.placement, command.direction);
      if (placement === "minimized") arrangement.minimize(id);
      else arrangement.setPlacement(id, placement);
    } else if (command.do === "move") {
      const [dx, dy] = { left: [-1, 0], right: [1, 0], up: [0, -1], down: [0, 1] }[command.direction] as [
        number,
        number,
      ];
      move(dx * MOVE_PIXELS, dy * MOVE_PIXELS, 0, 0);
    } else if (command.do === "grow") move(0, 0, MOVE_PIXELS, MOVE_PIXELS);
    else if (command.do === "shrink") move(0, 0, -MOVE_PIXELS, -MOVE_PIXELS);
    else if (command.do === "send") arrangement.sendTo(id, command.to);
    else if (command.do === "close") this.#contents.get(id)?.close();
    else if (command.do === "minimize") arrangement.minimize(id);
    else if (command.do === "maximize" || command.do === "fullscreen")
      arrangement.toggle(id, command.do === "maximize" ? "maximized" : "fullscreen");
    else if (command.do === "window-menu") this.openWindowMenu(id);
    else if (command.do === "next-monitor") this.#toNextMonitor(window);
  }

  #toNextMonitor(window: ArrangedWindow): void {
    const { all } = this.monitors;
    const next = all[(all.indexOf(this.monitorOf(window)) + 1) % all.length]!;
    this.arrangement.toMonitor(window.id, next.id);
    next.view.focus();
    this.giveFocus();
  }

  #render(): void {
    const { arrangement } = this;
    for (const [order, window] of arrangement.windows.entries()) {
      const frame = this.#frames.get(window.id);
      const content = this.#contents.get(window.id);
      if (frame === undefined || content === undefined) continue;
      const place = arrangement.place(window);
      const isShown = arrangement.isShown(window),
        isActive = arrangement.active === window.id;
      const wasShown = frame.isShown;
      frame.hasBar = content.drawsFrame !== true && window.placement !== "fullscreen";
      const monitor = this.monitorOf(window);
      if (frame.element.parentElement !== monitor.element) {
        monitor.element.append(frame.element);
        content.moved?.();
      }
      const shown = { ...place, x: place.x - monitor.x, y: place.y - monitor.y };
      frame.update({ title: window.title, place: shown, isShown, isActive, placement: window.placement, order });
      if (wasShown !== isShown) content.shown?.(isShown);
      content.arranged?.(window, place, isActive);
    }
    if (this.#focused !== arrangement.active) {
      this.#focused = arrangement.active;
      this.giveFocus();
    }
    for (const listener of this.#listeners) listener();
    this.#saveSoon();
  }

  /** To the window that is active. */
  giveFocus(): void {
    const content = this.#focused === null ? undefined : this.#contents.get(this.#focused);
    content?.focus();
  }

  /** What a window is made again from is another thing now. */
  keptChanged(): void {
    this.#saveSoon();
  }

  #saveSoon(): void {
    if (this.#saving !== null) return;
    this.#saving = setTimeout(() => void this.save(), SAVE_MS);
  }

  /** If it has changed: before the page may be refused, as that of a desktop which is locked is. */
  async save(): Promise<void> {
    if (this.#saving === null) return;
    clearTimeout(this.#saving);
    this.#saving = null;
    await keepAtEnd("/layout", this.#layout()).catch(() => {});
  }

  #layout(): KeptLayout {
    const { windows, workspace, active } = this.arrangement;
    const there = windows.map(({ id, wanted, placement, workspace, isMinimized }): KeptWindow => {
      return { id, kept: this.#contents.get(id)?.kept ?? null, free: wanted, placement, workspace, isMinimized };
    });
    const before = this.#activeBefore ?? null;
    return {
      workspace,
      windows: withAwaited(there, this.#kept.values(), this.#order),
      active: active ?? (before !== null && this.#kept.has(before) ? before : null),
    };
  }

  /** As it was on another page. @param reopen  those that do not come by themselves */
  restore({ workspace = 0, windows = [], active }: KeptLayout, reopen: (window: KeptWindow) => void): void {
    this.#order = windows.map(({ id }) => id);
    this.#activeBefore = active;
    this.arrangement.goTo(workspace);
    for (const window of windows) {
      this.#kept.set(window.id, window);
      this.#last = Math.max(this.#last, Number(/^window-(\d+)$/.exec(window.id)?.[1] ?? 0));
      if (window.kept !== null) reopen(window);
    }
  }
}
