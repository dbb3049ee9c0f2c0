/** wl_pointer: which surface it is over, buttons, wheel, and how it looks there. */
import { list, maybe, oneOf, record, uint32 } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { areResources, keptOf, keptSurface } from "../surface/kept.ts";
import { type Surface, surfaceOf } from "../surface/surface.ts";

interface PointerPlace {
  readonly surface: Surface;
  /** Within the surface. */
  readonly x: number;
  readonly y: number;
}

/** How the pointer looks: a surface of its client, a named shape (wp_cursor_shape_device_v1), or nothing. */
export interface Cursor {
  readonly surface: Surface | null;
  readonly hotspotX: number;
  readonly hotspotY: number;
  /** Of cursor-shape-v1's enum. */
  readonly shape: number | null;
}

const CURSOR_ROLE = "cursor";

class CursorRole {
  readonly name = CURSOR_ROLE;

  checkCommit(): void {}

  committed(): void {}

  surfaceGone(): void {}

  static {
    savedClass("CursorRole", this, { name: oneOf(CURSOR_ROLE) });
  }
}

interface SavedPointer {
  readonly resources: readonly Resource[];
  readonly focus: Surface | null;
  readonly enterSerial: number;
  readonly buttons: readonly number[];
}

export const isSavedPointer = record({
  resources: areResources,
  focus: maybe(a("Surface")),
  enterSerial: uint32,
  buttons: list(uint32, 1 << 16),
});

export class Pointer {
  readonly #nextSerial: () => number;
  readonly #onCursor: (cursor: Cursor | null) => void;
  readonly #resources = new Set<Resource>();
  #focus: Surface | null = null;
  /** Of the last enter: who may set the cursor. */
  #enterSerial = 0;
  readonly #buttons = new Set<number>();

  /** @param onCursor  null: that of the system */
  constructor(nextSerial: () => number, onCursor: (cursor: Cursor | null) => void) {
    this.#nextSerial = nextSerial;
    this.#onCursor = onCursor;
  }

  add(resource: Resource): void {
    this.#resources.add(resource);
    this.serve(resource);
    if (this.#focus?.client === resource.client)
      events.wl_pointer.enter(resource, this.#enterSerial, this.#focus.resource, 0, 0);
  }

  serve(resource: Resource): void {
    resource.onDestroy(() => this.#resources.delete(resource));
    implement(resource, "wl_pointer", {
      set_cursor: (serial, surfaceResource, hotspotX, hotspotY) => {
        const surface = surfaceResource === null ? null : surfaceOf(surfaceResource);
        if (surface !== null && surface.role?.name !== CURSOR_ROLE)
          surface.takeRole(new CursorRole(), resource, enums.wl_pointer.error.role);
        this.#setCursor(resource, serial, { surface, hotspotX, hotspotY, shape: null });
      },
      release: () => {},
    });
  }

  save(): SavedPointer {
    return {
      resources: keptOf(this.#resources),
      focus: keptSurface(this.#focus),
      enterSerial: this.#enterSerial,
      buttons: [...this.#buttons],
    };
  }

  goOn({ resources, focus, enterSerial, buttons }: SavedPointer): void {
    for (const resource of resources) this.#resources.add(resource);
    this.#focus = focus;
    this.#enterSerial = enterSerial;
    for (const button of buttons) this.#buttons.add(button);
  }

  /** Nobody presses any any more. */
  letGo(timeMs: number): void {
    for (const button of [...this.#buttons]) this.press(button, false, timeMs);
  }

  setShape(resource: Resource, serial: number, shape: number): void {
    this.#setCursor(resource, serial, { surface: null, hotspotX: 0, hotspotY: 0, shape });
  }

  #setCursor({ client }: Resource, serial: number, cursor: Cursor): void {
    if (this.#focus?.client === client && serial === this.#enterSerial) this.#onCursor(cursor);
  }

  get isPressed(): boolean {
    return this.#buttons.size > 0;
  }

  get focus(): Surface | null {
    return this.#focus;
  }

  /** The surface is gone, or the pointer is over it no more. */
  dropFocus(): void {
    const before = this.#focus;
    this.#focus = null;
    if (before === null) return;
    this.#onCursor(null);
    if (before.resource.isDestroyed) return;
    const serial = this.#nextSerial();
    for (const each of this.#of(before)) {
      events.wl_pointer.leave(each, serial, before.resource);
      events.wl_pointer.frame(each);
    }
  }

  /** @param at  null: over nothing that takes input */
  move(at: PointerPlace | null, timeMs: number): void {
    if (at?.surface !== this.#focus) {
      this.dropFocus();
      if (at === null) return;
      this.#focus = at.surface;
      this.#enterSerial = this.#nextSerial();
      for (const each of this.#of(at.surface)) {
        events.wl_pointer.enter(each, this.#enterSerial, at.surface.resource, at.x, at.y);
        events.wl_pointer.frame(each);
      }
      return;
    }
    if (at === null) return;
    for (const each of this.#of(at.surface)) {
      events.wl_pointer.motion(each, timeMs, at.x, at.y);
      events.wl_pointer.frame(each);
    }
  }

  /** @param button  of input-event-codes.h, BTN_LEFT … */
  press(button: number, isDown: boolean, timeMs: number): void {
    if (this.#buttons.has(button) === isDown) return;
    if (isDown) this.#buttons.add(button);
    else this.#buttons.delete(button);
    if (this.#focus === null) return;
    const { pressed, released } = enums.wl_pointer.button_state;
    const serial = this.#nextSerial();
    for (const each of this.#of(this.#focus)) {
      events.wl_pointer.button(each, serial, timeMs, button, isDown ? pressed : released);
      events.wl_pointer.frame(each);
    }
  }

  /** Something was told beside motion: the program acts on it now (wl_pointer.frame). */
  endFrame(): void {
    if (this.#focus !== null) for (const each of this.#of(this.#focus)) events.wl_pointer.frame(each);
  }

  /** The buttons belong to a window being moved: nobody is told when they are let go. */
  takeButtons(): void {
    this.#buttons.clear();
  }

  /** A wheel. @param dx  in surface coordinates, as `dy` */
  scroll(dx: number, dy: number, timeMs: number): void {
    if (this.#focus === null) return;
    const { vertical_scroll, horizontal_scroll } = enums.wl_pointer.axis;
    for (const each of this.#of(this.#focus)) {
      events.wl_pointer.axis_source(each, enums.wl_pointer.axis_source.wheel);
      if (dy !== 0) events.wl_pointer.axis(each, timeMs, vertical_scroll, dy);
      if (dx !== 0) events.wl_pointer.axis(each, timeMs, horizontal_scroll, dx);
      events.wl_pointer.frame(each);
    }
  }

  #of({ client }: Surface): Resource[] {
    return [...this.#resources].filter((each) => each.client === client);
  }
}
