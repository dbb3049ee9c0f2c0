import { DRM_FORMAT_ARGB8888, DRM_FORMAT_RGB565, DRM_FORMAT_XRGB8888 } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { PixelMemory } from "./pixel-memory.ts";

/** Memory for pixels that a program asked for. Handles of files, framebuffers and the cursor hold it. */
export class DumbBuffer {
  readonly memory: PixelMemory;
  /** Those of the card; it leaves them when nobody holds it. */
  readonly all: Set<DumbBuffer>;
  references = 0;

  constructor(memory: PixelMemory, all: Set<DumbBuffer>) {
    this.memory = memory;
    this.all = all;
    all.add(this);
  }

  retain(): this {
    this.references++;
    return this;
  }

  release(): void {
    if (--this.references > 0) return;
    this.all.delete(this);
    this.memory.release();
  }

  static {
    stateClass("DumbBuffer", this);
  }
}

/** How pixels lie in memory. */
export const BYTES_PER_PIXEL: ReadonlyMap<number, number> = new Map([
  [DRM_FORMAT_XRGB8888, 4],
  [DRM_FORMAT_ARGB8888, 4],
  [DRM_FORMAT_RGB565, 2],
]);
export const FORMATS = [...BYTES_PER_PIXEL.keys()];

/** A picture in a buffer (`struct drm_framebuffer`). */
export interface Framebuffer {
  readonly id: number;
  readonly buffer: DumbBuffer;
  readonly width: number;
  readonly height: number;
  readonly pitch: number;
  /** Where it begins in the buffer, in bytes. */
  readonly offset: number;
  readonly format: number;
}
