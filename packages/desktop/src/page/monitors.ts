/**
 * Monitors of the desktop: the page itself, and further windows of the browser that a person has added. They are
 * documents of this page's, which shows a part of its windows in each; they go with it.
 */
import { MONITORS_MAX } from "../arrange/settings.ts";
import { type ArrangedMonitor, placesOf, type Side } from "../arrange/monitors.ts";
import { setIsOfDesktop } from "./front.ts";
import { create } from "./widgets/containers.ts";
import { say } from "./words.ts";

/** The smallest that windows are laid out in, and the largest that the machine's screen can be. */
const LEAST = 100,
  MOST = 8192;
/** As it opens. */
const SIZE = "popup,width=1024,height=720";

export interface Point {
  readonly x: number;
  readonly y: number;
}

export class PageMonitor {
  readonly id: number;
  /** The window of the browser. */
  readonly view: Window;
  /** Holds what is shown. */
  readonly element: HTMLElement;
  /** Where it lies among the others, in pixels of the desktop. */
  x = 0;
  y = 0;
  side: Side = "right";
  /** Pixels of the page for one of the desktop. */
  #zoom = 1;

  constructor(id: number, view: Window, element: HTMLElement) {
    this.id = id;
    this.view = view;
    this.element = element;
  }

  get zoom(): number {
    return this.#zoom;
  }

  set zoom(zoom: number) {
    this.#zoom = zoom;
    this.element.style.zoom = String(zoom);
  }

  get width(): number {
    return Math.max(LEAST, Math.min(MOST, Math.round(this.view.innerWidth / this.#zoom)));
  }

  get height(): number {
    return Math.max(LEAST, Math.min(MOST, Math.round(this.view.innerHeight / this.#zoom)));
  }

  /** Of an event in its window, on the desktop: beyond it, too, while the pointer is held. */
  placeOf({ clientX, clientY }: { readonly clientX: number; readonly clientY: number }): Point {
    return { x: this.x + clientX / this.#zoom, y: this.y + clientY / this.#zoom };
  }

  /** As `placeOf`, but no further than its edges. */
  placeWithin(event: { readonly clientX: number; readonly clientY: number }): Point {
    const { x, y } = this.placeOf(event);
    const within = (at: number, from: number, length: number): number => Math.max(from, Math.min(from + length, at));
    return { x: within(x, this.x, this.width), y: within(y, this.y, this.height) };
  }
}

export class Monitors {
  readonly first: PageMonitor;
  #all: PageMonitor[];
  #last = 1;
  readonly #attached: ((monitor: PageMonitor) => void)[] = [];
  readonly #changed = new Set<() => void>();

  constructor(element: HTMLElement) {
    this.first = new PageMonitor(1, window, element);
    this.#all = [this.first];
    addEventListener("pagehide", () => {
      for (const { view } of this.#others) view.close();
    });
  }

  get all(): readonly PageMonitor[] {
    return this.#all;
  }

  get #others(): PageMonitor[] {
    return this.#all.slice(1);
  }

  /** A part of the desktop is in sight. */
  get seen(): PageMonitor | null {
    return this.#all.find(({ view }) => !view.document.hidden) ?? null;
  }

  /** Listens to what happens in its window: of each there is, and of those to come. */
  each(attach: (monitor: PageMonitor) => void): void {
    this.#attached.push(attach);
    for (const monitor of this.#all) attach(monitor);
  }

  /** There are others, or they are larger or lie elsewhere. @returns ends it */
  onChange(listener: () => void): () => void {
    this.#changed.add(listener);
    return () => void this.#changed.delete(listener);
  }

  find(id: number): PageMonitor | null {
    return this.#all.find((each) => each.id === id) ?? null;
  }

  /** In whose window an event was. */
  of({ view }: UIEvent): PageMonitor {
    return this.#all.find((each) => each.view === view) ?? this.first;
  }

  /** After a press of the person, which browsers want. @returns null: the browser opens no window, or there are many */
  add(): PageMonitor | null {
    if (this.#all.length >= MONITORS_MAX) return null;
    const id = ++this.#last;
    const view = open("", `stratos-monitor-${id}`, SIZE);
    if (view === null) return null;
    // What begins without a word of its own is laid out as pages of 1995 are.
    view.document.write("<!doctype html>");
    view.document.close();
    const monitor = new PageMonitor(id, view, view.document.createElement("main"));
    this.#furnish(monitor);
    setIsOfDesktop(view, true);
    this.#all.push(monitor);
    view.addEventListener("pagehide", () => this.remove(id));
    view.addEventListener("resize", () => this.#tell());
    for (const attach of this.#attached) attach(monitor);
    this.#tell();
    return monitor;
  }

  #furnish({ view, element }: PageMonitor): void {
    const own = view.document;
    own.title = say("monitorTitle", this.#all.length + 1);
    own.documentElement.lang = document.documentElement.lang;
    for (const { href } of document.querySelectorAll<HTMLLinkElement>("link[rel=stylesheet]"))
      own.head.append(Object.assign(create("link"), { rel: "stylesheet", href }));
    element.id = "desktop";
    own.body.replaceChildren(element);
  }

  remove(id: number): void {
    const monitor = this.#others.find((each) => each.id === id);
    if (monitor === undefined) return;
    this.#all = this.#all.filter((each) => each !== monitor);
    setIsOfDesktop(monitor.view, false);
    // What it shows goes to another one, which its document would not survive.
    this.#tell();
    monitor.view.close();
  }

  change(id: number, { side, zoom }: { readonly side?: Side; readonly zoom?: number }): void {
    const monitor = this.find(id);
    if (monitor === null) return;
    if (side !== undefined) monitor.side = side;
    if (zoom !== undefined) monitor.zoom = zoom;
    this.#tell();
  }

  #tell(): void {
    for (const listener of [...this.#changed]) listener();
  }

  /** They lie where they lie now. @param reserved  height of the panel, in pixels of the page */
  arrange(reserved: number): ArrangedMonitor[] {
    const places = placesOf(this.first, this.#others);
    return this.#all.map((monitor, at) => {
      const screen = places[at]!;
      Object.assign(monitor, { x: screen.x, y: screen.y });
      const bottom = monitor === this.first ? reserved / monitor.zoom : 0;
      return { id: monitor.id, screen, area: { ...screen, height: Math.max(LEAST, screen.height - bottom) } };
    });
  }
}
