/** wp_single_pixel_buffer_manager_v1: a buffer of one colour, which a viewport stretches. */
import type { Resource } from "../core/resource.ts";
import { events, implement } from "../protocol/protocol.ts";
import { type ClientBuffer, setBuffer } from "./client-buffer.ts";

export function bindSinglePixelBuffers(resource: Resource): void {
  implement(resource, "wp_single_pixel_buffer_manager_v1", {
    destroy: () => {},
    create_u32_rgba_buffer: (id, r, g, b, a) => {
      // Of 32 bits each, already multiplied by alpha.
      const pixel = ((a >>> 24) << 24) | ((r >>> 24) << 16) | ((g >>> 24) << 8) | (b >>> 24);
      implement(id, "wl_buffer", { destroy: () => {} });
      setBuffer(id, new SinglePixel(id, pixel >>> 0));
    },
  });
}

class SinglePixel implements ClientBuffer {
  readonly width = 1;
  readonly height = 1;
  readonly #resource: Resource;
  readonly #pixel: number;
  #users = 0;

  constructor(resource: Resource, pixel: number) {
    this.#resource = resource;
    this.#pixel = pixel;
  }

  copy(target: Uint32Array): void {
    target[0] = this.#pixel;
  }

  retain(): void {
    this.#users++;
  }

  release(): void {
    if (--this.#users === 0) events.wl_buffer.release(this.#resource);
  }
}
