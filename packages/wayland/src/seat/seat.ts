/** wl_seat: one keyboard and one pointer, of the person before the screen. */
import type { SharedFile } from "../core/ports.ts";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { Keyboard } from "./keyboard.ts";
import { type Cursor, Pointer } from "./pointer.ts";

export class Seat {
  readonly keyboard: Keyboard;
  readonly pointer: Pointer;

  constructor(
    keymap: { readonly file: SharedFile; readonly sizeBytes: number },
    nextSerial: () => number,
    onCursor: (cursor: Cursor | null) => void,
  ) {
    this.keyboard = new Keyboard(keymap, nextSerial);
    this.pointer = new Pointer(nextSerial, onCursor);
  }

  bind(resource: Resource): void {
    const { capability, error } = enums.wl_seat;
    implement(resource, "wl_seat", {
      get_pointer: (id) => this.pointer.add(id),
      get_keyboard: (id) => this.keyboard.add(id),
      get_touch: () => resource.fail(error.missing_capability, "the seat has no touch screen"),
      release: () => {},
    });
    events.wl_seat.capabilities(resource, capability.pointer | capability.keyboard);
    events.wl_seat.name(resource, "seat0");
  }
}
