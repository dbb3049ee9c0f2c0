/** What a commit changes of a surface, all at once (wl_surface, "double-buffered state"). */
import { absentOr, coordinate, list, maybe, record, whole } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { a, rectangle, savedClass } from "../saved/saved-class.ts";
import { Damage, type Rectangle } from "../geometry/rectangle.ts";
import { type ClientBuffer, isSavedBuffer } from "./client-buffer.ts";
import { isSavedShape, type RegionShape } from "./region.ts";

/** wp_viewport: the part of the buffer that is shown, in its surface coordinates, and how large. */
export interface View {
  readonly source: Rectangle | null;
  readonly destination: { readonly width: number; readonly height: number } | null;
}

const size = record({ width: coordinate, height: coordinate });
export const isSavedView = record({ source: maybe(rectangle), destination: maybe(size) });
/** Objects of one client, which is bounded as they are made. */
const WAITERS_MAX = 1 << 16;
export const areSavedWaiters = list(a("Resource"), WAITERS_MAX);

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

  static {
    savedClass(
      "SurfaceState",
      this,
      {
        buffer: absentOr(maybe(isSavedBuffer)),
        dx: coordinate,
        dy: coordinate,
        damage: a("Damage"),
        bufferDamage: a("Damage"),
        input: absentOr(maybe(isSavedShape)),
        transform: absentOr(whole(0, 7)),
        scale: absentOr(whole(1, 2 ** 31 - 1)),
        view: absentOr(isSavedView),
        callbacks: areSavedWaiters,
        feedbacks: areSavedWaiters,
      },
      null,
      { loaded: (it) => it.buffer?.retain() },
    );
  }
}
