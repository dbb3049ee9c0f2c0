/** wp_single_pixel_buffer_manager_v1: a buffer of one colour, which a viewport stretches. */
import { uint32 } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { events, implement, stand } from "../protocol/protocol.ts";
import type { ClientBuffer } from "./client-buffer.ts";

export function serveSinglePixelBuffers(resource: Resource): void {
  implement(resource, "wp_single_pixel_buffer_manager_v1", {
    destroy: () => {},
    create_u32_rgba_buffer: (id, r, g, b, a) => {
      // Of 32 bits each, already multiplied by alpha.
      const pixel = ((a >>> 24) << 24) | ((r >>> 24) << 16) | ((g >>> 24) << 8) | (b >>> 24);
      stand(id, new SinglePixel(id, pixel >>> 0));
    },
  });
}

class SinglePixel implements ClientBuffer {
  readonly width = 1;
  readonly height = 1;
  #resource: Resource;
  #pixel: number;
  #users = 0;

  constructor(resource: Resource, pixel: number) {
    this.#resource = resource;
    this.#pixel = pixel;
  }

  serve(): void {
    implement(this.#resource, "wl_buffer", { destroy: () => {} });
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

  static {
    savedClass(
      "SinglePixel",
      this,
      { width: (value) => value === 1, height: (value) => value === 1, "#resource": a("Resource"), "#pixel": uint32 },
      {
        save: (it) => ({ resource: it.#resource, pixel: it.#pixel }),
        load: (it, from) => ({ resource: it.#resource, pixel: it.#pixel } = from),
      },
      { keeps: ["#users"] },
    );
  }
}
