/** What a client draws into and attaches to a surface, whatever it is made of. */
import { a } from "../saved/saved-class.ts";
import type { Resource } from "../core/resource.ts";
import type { Rectangle } from "../geometry/rectangle.ts";

/** Pixels of a side: what a scene's arithmetic and a texture of any host take. */
export const SIDE_MAX = 16384;

export interface ClientBuffer {
  readonly width: number;
  readonly height: number;
  /**
   * Copies `part`, which lies within, to the same place of `target`: `width` × `height` pixels, 0xAARRGGBB, colours
   * multiplied by alpha.
   *
   * @throws ProtocolError when its memory is gone
   */
  copy(target: Uint32Array, part: Rectangle): void;
  /** One more surface shows it, or waits to. */
  retain(): void;
  /** One less; the client may draw into it once nobody does (wl_buffer.release). */
  release(): void;
}

/** @returns null for a buffer that could not be made */
export function bufferOf({ part }: Resource): ClientBuffer | null {
  return part !== null && "retain" in part ? (part as unknown as ClientBuffer) : null;
}

export const isSavedBuffer = a("ShmBuffer", "SinglePixel");
