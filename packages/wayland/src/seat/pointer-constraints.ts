/**
 * zwp_pointer_constraints_v1 and zwp_relative_pointer_manager_v1: games and 3D programs keep the pointer, and are told
 * how far it went instead of where it is. A constraint holds while the pointer is on its surface; a person can end it.
 */
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { type Surface, surfaceOf } from "../surface/surface.ts";

const { error, lifetime: LIFETIME } = enums.zwp_pointer_constraints_v1;
const MICROSECONDS_PER_MS = 1000;

interface Constraint {
  readonly resource: Resource;
  readonly isLock: boolean;
  readonly isOnce: boolean;
  isActive: boolean;
  /** It was for one time, which is over; or the person ended it, until the pointer comes anew. */
  isOver: boolean;
}

export class PointerConstraints {
  readonly #constraints = new Map<Surface, Constraint>();
  readonly #relative = new Set<Resource>();
  #focus: Surface | null = null;

  bind(resource: Resource): void {
    const add = (id: Resource, surfaceResource: Resource, lifetime: number, isLock: boolean): void => {
      const surface = surfaceOf(surfaceResource);
      if (this.#constraints.has(surface)) resource.fail(error.already_constrained, "the surface has a constraint");
      const isOnce = lifetime === LIFETIME.oneshot;
      const constraint = { resource: id, isLock, isOnce, isActive: false, isOver: false };
      this.#constraints.set(surface, constraint);
      id.onDestroy(() => {
        if (this.#constraints.get(surface) === constraint) this.#constraints.delete(surface);
      });
      if (surface === this.#focus) this.#begin(constraint);
    };
    implement(resource, "zwp_pointer_constraints_v1", {
      destroy: () => {},
      lock_pointer: (id, surface, _pointer, _region, lifetime) => {
        // Where the pointer is to be afterwards is for the person's own pointer, which nobody here can move.
        implement(id, "zwp_locked_pointer_v1", {
          destroy: () => {},
          set_cursor_position_hint: () => {},
          set_region: () => {},
        });
        add(id, surface, lifetime, true);
      },
      confine_pointer: (id, surface, _pointer, _region, lifetime) => {
        implement(id, "zwp_confined_pointer_v1", { destroy: () => {}, set_region: () => {} });
        add(id, surface, lifetime, false);
      },
    });
  }

  bindRelative(resource: Resource): void {
    implement(resource, "zwp_relative_pointer_manager_v1", {
      destroy: () => {},
      get_relative_pointer: (id) => {
        this.#relative.add(id);
        id.onDestroy(() => this.#relative.delete(id));
        implement(id, "zwp_relative_pointer_v1", { destroy: () => {} });
      },
    });
  }

  /** The pointer is on that surface now. */
  setFocus(surface: Surface | null): void {
    if (surface === this.#focus) return;
    const before = this.#focus === null ? undefined : this.#constraints.get(this.#focus);
    if (before !== undefined) this.#end(before, before.isOnce);
    this.#focus = surface;
    const constraint = this.#active;
    if (constraint !== undefined) this.#begin(constraint);
  }

  surfaceGone(surface: Surface): void {
    if (this.#focus === surface) this.#focus = null;
    this.#constraints.delete(surface);
  }

  get #active(): Constraint | undefined {
    return this.#focus === null ? undefined : this.#constraints.get(this.#focus);
  }

  #begin(constraint: Constraint): void {
    if (constraint.isActive || constraint.isOver) return;
    constraint.isActive = true;
    const { resource, isLock } = constraint;
    if (isLock) events.zwp_locked_pointer_v1.locked(resource);
    else events.zwp_confined_pointer_v1.confined(resource);
  }

  #end(constraint: Constraint, isOver: boolean): void {
    if (constraint.isActive) {
      const { resource, isLock } = constraint;
      if (isLock) events.zwp_locked_pointer_v1.unlocked(resource);
      else events.zwp_confined_pointer_v1.unconfined(resource);
    }
    constraint.isActive = false;
    constraint.isOver = isOver;
  }

  /** The person wants the pointer back, until it comes to the surface anew. */
  release(): void {
    const constraint = this.#active;
    if (constraint !== undefined) this.#end(constraint, true);
  }

  /** The pointer stays where it is. */
  get isLocked(): boolean {
    const constraint = this.#active;
    return constraint?.isActive === true && constraint.isLock;
  }

  /** The pointer stays on that surface; null: it may go anywhere. */
  get confinedTo(): Surface | null {
    const constraint = this.#active;
    return constraint?.isActive === true && !constraint.isLock ? this.#focus : null;
  }

  /** @param dx  in pixels, as `dy` */
  moved(dx: number, dy: number, nowMs: number): void {
    const micros = Math.floor(nowMs * MICROSECONDS_PER_MS);
    for (const each of this.#relative) {
      if (each.client !== this.#focus?.client) continue;
      const high = Math.floor(micros / 2 ** 32),
        low = micros >>> 0;
      events.zwp_relative_pointer_v1.relative_motion(each, high, low, dx, dy, dx, dy);
    }
  }
}
