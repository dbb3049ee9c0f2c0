/** wl_seat: one keyboard, one pointer and ten fingers, of the person before the screen. */
import type { SharedFile } from "../core/ports.ts";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { Keyboard } from "./keyboard.ts";
import { type Cursor, Pointer } from "./pointer.ts";
import { PointerConstraints } from "./pointer-constraints.ts";
import { Touch } from "./touch.ts";

export class Seat {
  readonly keyboard: Keyboard;
  readonly pointer: Pointer;
  readonly touch: Touch;
  readonly constraints = new PointerConstraints();

  constructor(
    keymap: { readonly file: SharedFile; readonly sizeBytes: number },
    nextSerial: () => number,
    onCursor: (cursor: Cursor | null) => void,
  ) {
    this.keyboard = new Keyboard(keymap, nextSerial);
    this.pointer = new Pointer(nextSerial, onCursor);
    this.touch = new Touch(nextSerial);
  }

  serve(resource: Resource): void {
    implement(resource, "wl_seat", {
      get_pointer: (id) => this.pointer.add(id),
      get_keyboard: (id) => this.keyboard.add(id),
      get_touch: (id) => this.touch.add(id),
      release: () => {},
    });
  }

  bind(resource: Resource): void {
    const { capability } = enums.wl_seat;
    this.serve(resource);
    events.wl_seat.capabilities(resource, capability.pointer | capability.keyboard | capability.touch);
    events.wl_seat.name(resource, "seat0");
  }
}
