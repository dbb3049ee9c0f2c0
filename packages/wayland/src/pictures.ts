/**
 * What each window looks like by itself, for who puts windows over one another elsewhere: a picture has all surfaces of
 * a window with its menus, and says where it lies from the window's corner. What is over all windows, and a program's
 * pointer, are pictures of their own.
 */
import type { Client } from "./core/client.ts";
import { intersection, isSameRectangle, type Rectangle, scaledOut, union } from "./geometry/rectangle.ts";
import { type Canvas, compose } from "./render/compose.ts";
import { damageBetween, type ShownNode } from "./render/scene-damage.ts";
import type { Cursor } from "./seat/pointer.ts";
import type { Surface } from "./surface/surface.ts";
import { addTree, addTreeAndPopups, type Drawn, placeOf, type SceneNode, type Screen } from "./shell/screen.ts";

/** How far surfaces may reach over the screen's size; what is beyond is cut off. */
const MARGIN = 512;
/** More rectangles become all of it. */
const CHANGED_MAX = 16;

/** What belongs together, and where its corner is on the screen. */
interface PictureSubject {
  readonly key: object;
  readonly x: number;
  readonly y: number;
  readonly nodes: readonly SceneNode[];
  /** Where on the screen it is, as monitors have it. */
  readonly lies: Rectangle;
  /** Whose memory it counts as. */
  readonly client: Client;
}

/** What is at the pointer. */
interface AtPointer {
  readonly cursor: Cursor | null;
  /** What is dragged. */
  readonly icon: Surface | null;
  readonly place: { readonly x: number; readonly y: number };
}

/** Of windows that are shown, of what lies over them, of what is dragged, and of a pointer that a program draws. */
export function subjectsOf(screen: Screen, { cursor, icon, place: { x, y } }: AtPointer): PictureSubject[] {
  const subjects: PictureSubject[] = [];
  for (const window of screen.windows) {
    if (screen.isHidden(window)) continue;
    const { x, y, surface } = window;
    const nodes: SceneNode[] = [];
    addTreeAndPopups(nodes, window, x, y);
    subjects.push({ key: window, x, y, nodes, lies: placeOf(window), client: surface.client });
  }
  for (const overlay of screen.overlays) {
    const { x, y, surface } = overlay;
    const nodes: SceneNode[] = [];
    addTree(nodes, surface, x, y);
    const { width, height } = surface;
    subjects.push({ key: overlay, x: 0, y: 0, nodes, lies: { x, y, width, height }, client: surface.client });
  }
  const lies = { x, y, width: 1, height: 1 };
  if (icon !== null) {
    const nodes: SceneNode[] = [];
    addTree(nodes, icon, x + icon.x, y + icon.y);
    subjects.push({ key: icon, x: 0, y: 0, nodes, lies, client: icon.client });
  }
  if (cursor?.surface != null) {
    const nodes: SceneNode[] = [];
    addTree(nodes, cursor.surface, x - cursor.hotspotX, y - cursor.hotspotY);
    subjects.push({ key: cursor.surface, x, y, nodes, lies, client: cursor.surface.client });
  }
  return subjects;
}

export class Picture {
  readonly id: number;
  readonly key: object;
  readonly client: Client;
  /** Of its left upper corner, from its subject's. */
  place: Rectangle = { x: 0, y: 0, width: 0, height: 0 };
  /** Of its subject, on the screen. */
  x = 0;
  y = 0;
  /** Pixels of `canvas` for one of the screen. */
  scale = 1;
  canvas: Canvas = { width: 0, height: 0, pixels: new Uint32Array(0) };
  #shown: readonly ShownNode<Drawn>[] = [];
  #changed: Rectangle[] = [];

  constructor(id: number, key: object, client: Client) {
    this.id = id;
    this.key = key;
    this.client = client;
  }

  /** Draws what is different. @throws ProtocolError when its client has no memory left */
  update({ nodes, x, y }: PictureSubject, box: Rectangle, scale: number): void {
    this.x = x;
    this.y = y;
    const place = { x: box.x - x, y: box.y - y, width: box.width, height: box.height };
    const isSame = isSameRectangle(place, this.place) && scale === this.scale;
    const width = Math.ceil(place.width * scale),
      height = Math.ceil(place.height * scale);
    if (width !== this.canvas.width || height !== this.canvas.height) {
      this.client.takePixels(4 * width * height);
      this.drop();
      this.canvas = { width, height, pixels: new Uint32Array(width * height) };
    }
    this.place = place;
    this.scale = scale;
    const layers = nodes.map((node) => ({ surface: node.surface, x: node.x - box.x, y: node.y - box.y }));
    const shown = layers.map(({ surface, ...at }) => ({
      surface,
      place: { ...at, width: surface.width, height: surface.height },
    }));
    const damage = damageBetween(this.#shown, shown);
    const whole = { x: 0, y: 0, width, height };
    damage.clip({ x: 0, y: 0, width: place.width, height: place.height });
    this.#shown = shown;
    const parts = isSame ? damage.take().map((part) => scaledOut(part, scale)) : [whole];
    damage.take();
    compose(this.canvas, parts, layers, 0, scale);
    this.#changed.push(...parts);
    if (this.#changed.length > CHANGED_MAX) this.#changed = [whole];
  }

  /** Where it differs from what was taken before. */
  takeChanged(): readonly Rectangle[] {
    return this.#changed.splice(0);
  }

  /** Whoever shows it from here on has nothing of it. */
  changeAll(): void {
    this.#changed = [{ x: 0, y: 0, width: this.canvas.width, height: this.canvas.height }];
  }

  /** On the screen. */
  get shown(): readonly ShownNode<Drawn>[] {
    const x = this.x + this.place.x,
      y = this.y + this.place.y;
    return this.#shown.map(({ surface, place }) => ({
      surface,
      place: { ...place, x: place.x + x, y: place.y + y },
    }));
  }

  /** It gives back what it has. */
  drop(): void {
    this.client.givePixels(this.canvas.pixels.byteLength);
    this.canvas = { width: 0, height: 0, pixels: new Uint32Array(0) };
    this.#changed = [];
  }
}

export class Pictures {
  readonly #pictures = new Map<object, Picture>();
  #last = 0;

  get all(): readonly Picture[] {
    return [...this.#pictures.values()];
  }

  update(subjects: readonly PictureSubject[], { area, outputs }: Screen): void {
    const before = new Set(this.#pictures.keys());
    for (const subject of subjects) {
      const { key, client, x, y } = subject;
      const bounds = {
        x: x - MARGIN,
        y: y - MARGIN,
        width: area.width + 2 * MARGIN,
        height: area.height + 2 * MARGIN,
      };
      const box = boxOf(subject.nodes, bounds);
      if (box === null || client.isGone) continue;
      let picture = this.#pictures.get(key);
      if (picture === undefined) this.#pictures.set(key, (picture = new Picture(++this.#last, key, client)));
      before.delete(key);
      const { scale } = outputs.at(subject.lies).monitor;
      client.guard(() => picture.update(subject, box, scale));
    }
    for (const key of before) {
      this.#pictures.get(key)!.drop();
      this.#pictures.delete(key);
    }
  }
}

function boxOf(nodes: readonly SceneNode[], bounds: Rectangle): Rectangle | null {
  let box: Rectangle | null = null;
  for (const { surface, x, y } of nodes) {
    const part = intersection({ x, y, width: surface.width, height: surface.height }, bounds);
    if (part !== null) box = box === null ? part : union(box, part);
  }
  return box;
}
