/** What a client draws into and attaches to a surface, whatever it is made of. */
import type { Resource } from "../core/resource.ts";
import type { Rectangle } from "../geometry/rectangle.ts";

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

const buffers = new WeakMap<Resource, ClientBuffer>();

export function setBuffer(resource: Resource, buffer: ClientBuffer): void {
  buffers.set(resource, buffer);
}

/** @returns null for a buffer that could not be made */
export function bufferOf(resource: Resource): ClientBuffer | null {
  return buffers.get(resource) ?? null;
}
