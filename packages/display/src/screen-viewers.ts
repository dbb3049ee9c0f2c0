/**
 * Who looks at a screen: several at once, of whom each is told what it shows, and may steer it.
 *
 *     screen                                        viewer
 *     { size, windows, title, cursor, text,         { shown: true }: the next bytes may come
 *       locked }: those that are others than before    what `PageInput` takes: keys, pointer, text
 *     { copied }: what a program has copied
 *     { problem }: what goes wrong, for people
 *     { playing: true }: there is something to      { hear: true }, { hear: false }
 *       hear, for who does not
 *     bytes that sound-parts.ts reads: sound        { heard: true }: of each
 *     bytes: for each rectangle that changed u16 x,
 *       y, width, height (little-endian), its pixels
 *       as red, green, blue, alpha
 */
import { type AudioSink, encodeS16 } from "@stratos/sound";
import { cursorName, type Rectangle } from "@stratos/wayland";
import { AnsweringHearer } from "./answering-hearer.ts";
import { CopiedText } from "./copied-text.ts";
import { PAGE_STORE_MS } from "./hearer.ts";
import { PageInput, parseMessage } from "./page-input.ts";
import type { ShownScreen } from "./shown-screen.ts";
import { encodeSound } from "./sound-parts.ts";

/** Frames in a second while somebody looks, and while nobody does: programs that wait for one must not stand still. */
const SHOWN_HZ = 60,
  UNSEEN_HZ = 1;
/** Rectangles that wait for a viewer; of more it gets the whole screen, once. */
const CHANGED_MAX = 64;
/** At a time; of more, who came first leaves, of those who only look if there are any. */
const VIEWERS_MAX = 16;
/** The last ones, for who comes later. */
const PROBLEMS_MAX = 8;

/** The way to a viewer. */
export interface ViewerEnd {
  send(message: string | Uint8Array): void;
  /** Nothing more comes. */
  close(): void;
}

/** The way from a viewer. */
export interface Watching {
  /**
   * What it says: anything.
   *
   * @param isHeard  false: programs stand still, and what they would be told is let go of. Default: true
   */
  take(text: string, isHeard?: boolean): void;
  /** It is gone. */
  leave(): void;
}

/** What can be looked at. */
export interface ScreenSource {
  /** @param mayAct  false: it only looks, and is not told what programs copy */
  connect(viewer: ViewerEnd, mayAct: boolean): Watching;
}

/** What is shown, and how often. */
interface ShownDisplay {
  readonly screen: ShownScreen;
  /** How many frames there are in a second, at most. */
  setRefresh(refreshHz: number): void;
}

interface Viewer {
  readonly end: ViewerEnd;
  /** Null: it only looks. */
  readonly input: PageInput | null;
  readonly hearer: AnsweringHearer;
  /** Of the last message of bytes; the next waits for it. */
  isWaiting: boolean;
  /** What changed meanwhile. */
  changed: Rectangle[];
  /** As it was told last, by name. */
  readonly told: Map<string, string>;
}

export class ScreenViewers implements ScreenSource, AudioSink {
  readonly latencyMs = PAGE_STORE_MS;
  readonly #display: ShownDisplay;
  /** Who came first is first. */
  readonly #viewers = new Set<Viewer>();
  /** Who has acted last: what programs copy is theirs. */
  #active: Viewer | null = null;
  readonly #copied: CopiedText<Viewer>;
  readonly #problems: string[] = [];

  constructor(display: ShownDisplay) {
    this.#display = display;
    this.#copied = new CopiedText(
      display.screen,
      () => this.#active,
      ({ end }, copied) => end.send(JSON.stringify({ copied })),
    );
    display.setRefresh(UNSEEN_HZ);
  }

  get #whole(): Rectangle {
    const { width, height } = this.#display.screen.canvas;
    return { x: 0, y: 0, width, height };
  }

  connect(end: ViewerEnd, mayAct: boolean): Watching {
    if (this.#viewers.size >= VIEWERS_MAX) {
      const viewers = [...this.#viewers];
      const leaving = viewers.find(({ input }) => input === null) ?? viewers[0]!;
      this.#leave(leaving);
      leaving.end.close();
    }
    const input = mayAct ? new PageInput(this.#display.screen) : null;
    const viewer: Viewer = {
      ...{ end, input, hearer: new AnsweringHearer((message) => end.send(message)), isWaiting: false },
      ...{ changed: [this.#whole], told: new Map<string, string>() },
    };
    this.#viewers.add(viewer);
    if (mayAct) this.#active = viewer;
    this.#display.setRefresh(SHOWN_HZ);
    this.#show(viewer);
    for (const problem of this.#problems) end.send(JSON.stringify({ problem }));
    return {
      take: (text, isHeard = true) => this.#take(viewer, text, isHeard),
      leave: () => this.#leave(viewer),
    };
  }

  #leave(viewer: Viewer): void {
    if (!this.#viewers.delete(viewer)) return;
    if (this.#active === viewer) this.#active = [...this.#viewers].findLast(({ input }) => input !== null) ?? null;
    viewer.input?.letGo();
    if (this.#viewers.size === 0) this.#display.setRefresh(UNSEEN_HZ);
  }

  /** A program has copied something: who looks may hand it on to where they are. */
  copied(): void {
    this.#copied.copied();
  }

  /** What goes wrong, in words for people. */
  tell(problem: string): void {
    this.#problems.push(problem);
    if (this.#problems.length > PROBLEMS_MAX) this.#problems.shift();
    for (const { end } of this.#viewers) end.send(JSON.stringify({ problem }));
  }

  /** What programs play, for who hears it. */
  play(frames: Float32Array): void {
    let bytes: Uint8Array | null = null;
    for (const { hearer } of this.#viewers) hearer.play(() => (bytes ??= encodeSound(encodeS16(frames))));
  }

  /** A frame was composed. */
  frame(changed: readonly Rectangle[]): void {
    for (const viewer of this.#viewers) {
      viewer.changed.push(...changed);
      if (viewer.changed.length > CHANGED_MAX) viewer.changed = [this.#whole];
      this.#show(viewer);
    }
  }

  #show(viewer: Viewer): void {
    this.#tell(viewer);
    if (viewer.isWaiting || viewer.changed.length === 0) return;
    viewer.isWaiting = true;
    viewer.end.send(encodeParts(this.#display.screen.canvas, viewer.changed.splice(0)));
  }

  /** Of what is shown beside pixels, what is different now. */
  #tell({ end, told }: Viewer): void {
    const { canvas, cursor, windows, textPlace, isPointerLocked } = this.#display.screen;
    const now = {
      size: { width: canvas.width, height: canvas.height },
      windows: windows.length,
      title: windows.at(-1)?.title ?? "",
      cursor: cursorName(cursor),
      // Where the program takes text, in pixels of the screen; null: it takes keys.
      text: textPlace,
      // The program keeps the pointer.
      locked: isPointerLocked,
    };
    const changes: Record<string, unknown> = {};
    let isChanged = false;
    for (const [name, value] of Object.entries(now)) {
      const text = JSON.stringify(value);
      if (told.get(name) === text) continue;
      told.set(name, text);
      changes[name] = value;
      isChanged = true;
    }
    if (isChanged) end.send(JSON.stringify(changes));
  }

  #take(viewer: Viewer, text: string, isHeard: boolean): void {
    if (!this.#viewers.has(viewer)) return;
    const message = parseMessage(text);
    if (viewer.hearer.take(message)) return;
    if (message["shown"] === true) {
      viewer.isWaiting = false;
      this.#show(viewer);
    } else if (viewer.input !== null) this.#active = viewer;
    if (isHeard) viewer.input?.take(message);
    else viewer.input?.letGo();
    this.#tell(viewer);
  }

  close(): void {
    const viewers = [...this.#viewers];
    for (const viewer of viewers) {
      this.#leave(viewer);
      viewer.end.close();
    }
  }
}

function encodeParts(
  canvas: { readonly width: number; readonly pixels: Uint32Array },
  parts: readonly Rectangle[],
): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((sum, { width, height }) => sum + 8 + 4 * width * height, 0));
  const heads = new DataView(bytes.buffer);
  let at = 0;
  for (const { x, y, width, height } of parts) {
    for (const [index, value] of [x, y, width, height].entries()) heads.setUint16(at + 2 * index, value, true);
    const pixels = new Uint32Array(bytes.buffer, at + 8, width * height);
    let to = 0;
    for (let line = y; line < y + height; line++)
      for (let from = line * canvas.width + x, end = from + width; from < end; from++) {
        const pixel = canvas.pixels[from]!;
        pixels[to++] = (pixel & 0xff00ff00) | ((pixel & 0xff) << 16) | ((pixel >>> 16) & 0xff);
      }
    at += 8 + 4 * width * height;
  }
  return bytes;
}
