/** What a commit changes of a surface, all at once (wl_surface, "double-buffered state"). */
import type { Resource } from "../core/resource.ts";
import { Damage, type Rectangle } from "../geometry/rectangle.ts";
import type { ClientBuffer } from "./client-buffer.ts";
import type { RegionShape } from "./region.ts";

/** wp_viewport: the part of the buffer that is shown, in its surface coordinates, and how large. */
export interface View {
  readonly source: Rectangle | null;
  readonly destination: { readonly width: number; readonly height: number } | null;
}

/** undefined: as it was. */
export class SurfaceState {
  /** null: none, the surface is unmapped. */
  buffer: ClientBuffer | null | undefined = undefined;
  dx = 0;
  dy = 0;
  /** In surface coordinates, and in those of the buffer. */
  readonly damage = new Damage();
  readonly bufferDamage = new Damage();
  /** null: all of it takes input. */
  input: RegionShape | null | undefined = undefined;
  transform: number | undefined = undefined;
  scale: number | undefined = undefined;
  view: View | undefined = undefined;
  /** wl_callback of wl_surface.frame, and wp_presentation_feedback. */
  callbacks: Resource[] = [];
  feedbacks: Resource[] = [];

  attach(buffer: ClientBuffer | null): void {
    buffer?.retain();
    this.buffer?.release();
    this.buffer = buffer;
  }

  /** What `later` says comes on top. `later` is then empty. */
  merge(later: SurfaceState): void {
    if (later.buffer !== undefined) {
      this.buffer?.release();
      this.buffer = later.buffer;
    }
    this.dx += later.dx;
    this.dy += later.dy;
    this.damage.addAll(later.damage);
    this.bufferDamage.addAll(later.bufferDamage);
    this.input = later.input === undefined ? this.input : later.input;
    this.transform = later.transform ?? this.transform;
    this.scale = later.scale ?? this.scale;
    this.view = later.view ?? this.view;
    this.callbacks.push(...later.callbacks);
    this.feedbacks.push(...later.feedbacks);
  }

  /** It will never be applied. */
  drop(): void {
    this.buffer?.release();
    this.buffer = undefined;
  }
}
