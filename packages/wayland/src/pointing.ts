/**
 * What the pointer and fingers do on the screen: which surface they are over, windows that follow them, frames of ours.
 * A finger that its program does not take is a pointer.
 */
import { coordinate, maybe, record, uint32, whole } from "@stratos/base/value-check";
import { a, rectangle } from "./saved/saved-class.ts";
import type { Rectangle } from "./geometry/rectangle.ts";
import { enums } from "./protocol/protocol.ts";
import type { Drags } from "./data/drag.ts";
import type { Client } from "./core/client.ts";
import type { Cursor } from "./seat/pointer.ts";
import type { Seat } from "./seat/seat.ts";
import { addTree, type SceneNode, type Screen } from "./shell/screen.ts";
import type { ScreenWindow } from "./shell/screen-window.ts";
import { type FramePart, shapeOf, type WindowFrame } from "./shell/window-frame.ts";
import { Surface } from "./surface/surface.ts";

/** input-event-codes.h */
const BTN_LEFT = 0x110;

interface Point {
  readonly x: number;
  readonly y: number;
}

/** A window that follows the pointer. */
interface Drag {
  readonly window: ScreenWindow;
  /** xdg_toplevel.resize_edge; 0: it is moved. */
  readonly edges: number;
  readonly pointerX: number;
  readonly pointerY: number;
  readonly place: Rectangle;
}

export type FingerPhase = "down" | "move" | "up" | "cancel";

interface PointingOwner {
  readonly screen: Screen;
  readonly seat: Seat;
  /** What is dragged between programs. */
  readonly drags: Drags;
  timeMs(): number;
  /** With a fraction. */
  nowMs(): number;
  wantFrame(): void;
}

interface SavedPointing {
  readonly cursor: Cursor | null;
  readonly pointerX: number;
  readonly pointerY: number;
  readonly seenX: number;
  readonly seenY: number;
  readonly drag: Drag | null;
  readonly pointingFinger: number | null;
}

const cursor = record({
  surface: maybe(a("Surface")),
  hotspotX: coordinate,
  hotspotY: coordinate,
  shape: maybe(uint32),
});
const drag = record({
  window: a("Toplevel", "XWindow"),
  edges: whole(0, 15),
  pointerX: coordinate,
  pointerY: coordinate,
  place: rectangle,
});
export const isSavedPointing = record({
  cursor: maybe(cursor),
  pointerX: coordinate,
  pointerY: coordinate,
  seenX: coordinate,
  seenY: coordinate,
  drag: maybe(drag),
  pointingFinger: maybe(coordinate),
});

export class Pointing {
  readonly #owner: PointingOwner;
  /** How the pointer looks; null: as usual. */
  cursor: Cursor | null = null;
  #pointerX = 0;
  #pointerY = 0;
  /** Where the person's own pointer was last, which no program keeps. */
  #seenX = 0;
  #seenY = 0;
  #drag: Drag | null = null;
  /** The pointer is over a frame of ours. */
  #overFrame: { readonly frame: WindowFrame; readonly window: ScreenWindow; readonly part: FramePart } | null = null;
  /** A finger that a program without wl_touch gets as a pointer, or that moves a window. */
  #pointingFinger: number | null = null;

  constructor(owner: PointingOwner) {
    this.#owner = owner;
  }

  save(): SavedPointing {
    const { cursor } = this;
    const drag = this.#drag;
    const isMine = cursor !== null && (cursor.surface === null || cursor.surface.client.isKept);
    return {
      // Over a frame of ours, which goes with its window, it looks as usual.
      cursor: isMine && this.#overFrame === null ? cursor : null,
      pointerX: this.#pointerX,
      pointerY: this.#pointerY,
      seenX: this.#seenX,
      seenY: this.#seenY,
      drag: drag?.window.surface.client.isKept === true ? drag : null,
      pointingFinger: this.#pointingFinger,
    };
  }

  goOn({ cursor, pointerX, pointerY, seenX, seenY, drag, pointingFinger }: SavedPointing): void {
    this.cursor = cursor;
    this.#pointerX = pointerX;
    this.#pointerY = pointerY;
    this.#seenX = seenX;
    this.#seenY = seenY;
    this.#drag = drag;
    this.#pointingFinger = pointingFinger;
  }

  /** What the pointer is over that nobody was told of. */
  settle(): void {
    if (this.#drag === null && this.#seat.pointer.focus === null)
      this.#pointAtFrame(this.#nodeAt(this.#pointerX, this.#pointerY));
  }

  /** Nobody holds a button or has a finger down any more. */
  letGo(): void {
    if (this.#drag !== null) this.#endDrag();
    this.#owner.drags.cancel();
    this.#pointingFinger = null;
    this.#seat.touch.letGo();
    this.#seat.pointer.letGo(this.#timeMs);
  }

  get #screen(): Screen {
    return this.#owner.screen;
  }

  get #seat(): Seat {
    return this.#owner.seat;
  }

  get #timeMs(): number {
    return this.#owner.timeMs();
  }

  #wantFrame(): void {
    this.#owner.wantFrame();
  }

  /** Where the pointer is, in whole pixels of the screen. */
  get place(): Point {
    return { x: Math.floor(this.#pointerX), y: Math.floor(this.#pointerY) };
  }

  /** What follows the pointer, and where it is: what is dragged, and how a program has the pointer look. */
  addCursor(nodes: SceneNode[]): void {
    const { icon } = this.#owner.drags;
    if (icon !== null) addTree(nodes, icon, this.place.x + icon.x, this.place.y + icon.y);
    const { surface, hotspotX, hotspotY } = this.cursor ?? { surface: null, hotspotX: 0, hotspotY: 0 };
    if (surface !== null)
      addTree(nodes, surface, Math.floor(this.#pointerX) - hotspotX, Math.floor(this.#pointerY) - hotspotY);
  }

  surfaceGone(surface: Surface): void {
    if (this.#seat.pointer.focus === surface) this.#seat.pointer.dropFocus();
    if (this.cursor?.surface === surface) this.cursor = null;
    this.#seat.touch.surfaceGone(surface);
    this.#seat.constraints.surfaceGone(surface);
    this.#owner.drags.surfaceGone(surface);
  }

  /** The pointer is there now, in pixels of the screen. */
  movePointer(x: number, y: number): void {
    const dx = x - this.#seenX,
      dy = y - this.#seenY;
    this.#seenX = x;
    this.#seenY = y;
    this.#tellRelative(dx, dy);
    if (!this.#seat.constraints.isLocked) this.#moveTo(x, y);
  }

  /** It went so far, and is nowhere: a page keeps it for a program that has locked it. */
  movePointerBy(dx: number, dy: number): void {
    this.#tellRelative(dx, dy);
  }

  #tellRelative(dx: number, dy: number): void {
    if (dx === 0 && dy === 0) return;
    this.#seat.constraints.moved(dx, dy, this.#owner.nowMs());
    if (this.#seat.constraints.isLocked) this.#seat.pointer.endFrame();
  }

  #moveTo(x: number, y: number): void {
    const on = this.#screen.outputs.nearest(x, y);
    ({ x: this.#pointerX, y: this.#pointerY } = this.#confined(on.x, on.y));
    const { drags } = this.#owner;
    if (this.#drag !== null) this.#follow(this.#drag);
    else if (drags.isActive) this.#carry();
    else this.#pointAt();
    if (this.cursor?.surface != null || drags.icon !== null) this.#wantFrame();
  }

  /** The program's press is a drag's from here on, which hears of the pointer in its place. */
  takePress(client: Client): boolean {
    const { pointer, touch } = this.#seat;
    const finger = touch.fingerOn(client);
    if (this.#drag !== null) return false;
    if (finger !== null && this.#pointingFinger === null) {
      touch.cancel(client);
      this.#pointingFinger = finger.id;
      this.#pointerX = finger.x;
      this.#pointerY = finger.y;
    } else if (!pointer.isPressed || pointer.focus?.client !== client) return false;
    pointer.takeButtons();
    pointer.dropFocus();
    this.#seat.constraints.setFocus(null);
    this.#wantFrame();
    return true;
  }

  #carry(): void {
    const node = this.#nodeAt(this.#pointerX, this.#pointerY);
    const surface = node?.surface;
    const place =
      surface instanceof Surface ? { surface, x: this.#pointerX - node!.x, y: this.#pointerY - node!.y } : null;
    this.#owner.drags.move(place, this.#timeMs);
  }

  /** Nothing is dragged any more. */
  dragEnded(): void {
    this.#pointAt();
    this.#wantFrame();
  }

  #pointAt(): void {
    const { pointer } = this.#seat;
    const held = pointer.isPressed ? pointer.focus : null;
    const node =
      held !== null
        ? this.#screen.scene().find(({ surface }) => surface === held)
        : this.#nodeAt(this.#pointerX, this.#pointerY);
    const surface = node?.surface;
    if (surface instanceof Surface)
      pointer.move({ surface, x: this.#pointerX - node!.x, y: this.#pointerY - node!.y }, this.#timeMs);
    else pointer.move(null, this.#timeMs);
    this.#pointAtFrame(surface instanceof Surface ? undefined : node);
    this.#seat.constraints.setFocus(pointer.focus);
  }

  /** On the surface that keeps it, if one does. */
  #confined(x: number, y: number): Point {
    const surface = this.#seat.constraints.confinedTo;
    const node = surface === null ? undefined : this.#screen.scene().find((each) => each.surface === surface);
    if (surface === null || node === undefined || this.#drag !== null) return { x, y };
    const within = (at: number, from: number, length: number): number =>
      Math.max(from, Math.min(from + length - 1, at));
    return { x: within(x, node.x, surface.width), y: within(y, node.y, surface.height) };
  }

  #nodeAt(x: number, y: number): SceneNode | undefined {
    return this.#screen.scene().findLast((node) => node.surface.takesInput(x - node.x, y - node.y));
  }

  /** How the pointer looks over a frame of ours is for us to say. */
  #pointAtFrame(node: SceneNode | undefined): void {
    const { frame: before } = this.#overFrame ?? { frame: null };
    this.#overFrame = null;
    if (node !== undefined && !(node.surface instanceof Surface)) {
      const part = node.surface.partAt(this.#pointerX - node.x, this.#pointerY - node.y);
      const window = this.#screen.windows.find(({ frame }) => frame === node.surface);
      if (part !== null && window !== undefined) this.#overFrame = { frame: node.surface, window, part };
    }
    if (this.#overFrame !== null)
      this.cursor = { surface: null, hotspotX: 0, hotspotY: 0, shape: shapeOf(this.#overFrame.part) };
    else if (before !== null && this.#seat.pointer.focus === null) this.cursor = null;
  }

  /** @returns whether the press was on a frame of ours */
  #pressFrame(button: number): boolean {
    if (this.#overFrame === null || this.#seat.pointer.isPressed) return false;
    const { window, part } = this.#overFrame;
    this.#pressed(window.surface);
    if (button !== BTN_LEFT) return true;
    if (part.kind === "close") window.close();
    else this.#beginDrag(window, part.edges);
    return true;
  }

  /** A button of input-event-codes.h: BTN_LEFT is 0x110. */
  button(button: number, isDown: boolean): void {
    if (this.#drag !== null) {
      if (!isDown) this.#endDrag();
      return;
    }
    const { drags } = this.#owner;
    if (drags.isActive) {
      if (!isDown) drags.drop();
      return;
    }
    const { pointer } = this.#seat;
    if (isDown && this.#pressFrame(button)) return;
    if (isDown && !pointer.isPressed) this.#pressed(pointer.focus);
    pointer.press(button, isDown, this.#timeMs);
    if (!isDown && !pointer.isPressed) this.#pointAt();
  }

  /** The window below comes to the top, popups of others go. */
  #pressed(surface: Surface | null): void {
    for (const popup of this.#screen.grabbingPopups().reverse())
      if (surface?.client !== popup.resource.client) popup.dismiss();
    // A desktop has seen the press before, and said who has the keyboard.
    if (this.#screen.arranger !== null) return;
    const window = this.#screen.windows.find((each) => containsSurface(each, surface));
    if (window !== undefined) this.#screen.raise(window);
  }

  /** @param dx  in pixels, as `dy`: to the right and down */
  scroll(dx: number, dy: number): void {
    this.#seat.pointer.scroll(dx, dy, this.#timeMs);
  }

  /** Its program asks for it, as long as the window is pressed. */
  dragByProgram(window: ScreenWindow, edges: number): void {
    const { pointer, touch } = this.#seat;
    const { client } = window.surface;
    const finger = touch.fingerOn(client);
    if (pointer.isPressed && pointer.focus?.client === client) this.#beginDrag(window, edges);
    else if (finger !== null && this.#pointingFinger === null) {
      touch.cancel(client);
      this.#pointingFinger = finger.id;
      this.#pointerX = finger.x;
      this.#pointerY = finger.y;
      this.#beginDrag(window, edges);
    }
  }

  /**
   * A finger, by a number of its own as long as it is down.
   *
   * @param x  in pixels of the screen, as `y`; of no meaning for "up" and "cancel"
   */
  touch(id: number, phase: FingerPhase, place: Point): void {
    const { touch } = this.#seat;
    if (phase === "down") this.#fingerDown(id, place);
    else if (id === this.#pointingFinger) {
      if (phase === "move") this.movePointer(place.x, place.y);
      else {
        this.#pointingFinger = null;
        if (phase === "cancel") this.#owner.drags.cancel();
        this.button(BTN_LEFT, false);
      }
    } else if (phase === "move") touch.move(id, place, this.#timeMs);
    else if (phase === "up") touch.up(id, this.#timeMs);
    else {
      const client = touch.clientOf(id);
      if (client !== null) touch.cancel(client);
    }
  }

  #fingerDown(id: number, place: Point): void {
    const node = this.#nodeAt(place.x, place.y);
    const surface = node?.surface;
    if (surface instanceof Surface && this.#seat.touch.isTakenBy(surface.client)) {
      this.#pressed(surface);
      this.#seat.touch.down(id, { surface, x: node!.x, y: node!.y }, place, this.#timeMs);
    } else if (this.#pointingFinger === null && !this.#seat.pointer.isPressed) {
      this.#pointingFinger = id;
      this.movePointer(place.x, place.y);
      this.button(BTN_LEFT, true);
    }
  }

  #beginDrag(window: ScreenWindow, edges: number): void {
    const { pointer } = this.#seat;
    const { arranger } = this.#screen;
    if (arranger !== null && window.isMapped) {
      this.#pointingFinger = null;
      pointer.takeButtons();
      pointer.dropFocus();
      return arranger.wished(window, { kind: "drag", edges });
    }
    if (window.isFilling || !window.isMapped) return;
    const { width, height } = window.geometry;
    const place = { x: window.x, y: window.y, width, height };
    this.#drag = { window, edges, pointerX: this.#pointerX, pointerY: this.#pointerY, place };
    window.isResizing = edges !== 0;
    pointer.takeButtons();
    pointer.dropFocus();
    this.#seat.constraints.setFocus(null);
  }

  #follow({ window, edges, pointerX, pointerY, place }: Drag): void {
    const dx = Math.round(this.#pointerX - pointerX),
      dy = Math.round(this.#pointerY - pointerY);
    if (!window.isMapped) this.#drag = null;
    else if (edges === 0) window.moveTo(place.x + dx, place.y + dy);
    else {
      const { left, right, top, bottom } = enums.xdg_toplevel.resize_edge;
      const by = (before: number, after: number, change: number): number =>
        (edges & before) !== 0 ? -change : (edges & after) !== 0 ? change : 0;
      const width = Math.max(1, place.width + by(left, right, dx)),
        height = Math.max(1, place.height + by(top, bottom, dy));
      window.moveTo(
        (edges & left) !== 0 ? place.x + place.width - width : place.x,
        (edges & top) !== 0 ? place.y + place.height - height : place.y,
      );
      window.resizeTo(width, height);
    }
  }

  #endDrag(): void {
    const { window } = this.#drag!;
    this.#drag = null;
    window.isResizing = false;
    if (window.isMapped) window.reconfigure();
    this.#pointAt();
  }
}

function containsSurface(window: ScreenWindow, surface: Surface | null): boolean {
  const nodes: SceneNode[] = [];
  addTree(nodes, window.surface, 0, 0);
  return nodes.some((node) => node.surface === surface);
}
