/**
 * zwp_pointer_constraints_v1 and zwp_relative_pointer_manager_v1: games and 3D programs keep the pointer, and are told
 * how far it went instead of where it is. A constraint holds while the pointer is on its surface; a person can end it.
 */
import { flag, list, maybe, record } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement, stand } from "../protocol/protocol.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { areResources, keptOf, keptSurface } from "../surface/kept.ts";
import { type Surface, surfaceOf } from "../surface/surface.ts";

const { error, lifetime: LIFETIME } = enums.zwp_pointer_constraints_v1;
const MICROSECONDS_PER_MS = 1000;

class Constraint {
  readonly resource: Resource;
  readonly surface: Surface;
  readonly owner: PointerConstraints;
  readonly isLock: boolean;
  readonly isOnce: boolean;
  isActive = false;
  /** It was for one time, which is over; or the person ended it, until the pointer comes anew. */
  isOver = false;

  constructor(
    resource: Resource,
    surface: Surface,
    owner: PointerConstraints,
    { isLock, isOnce }: { readonly isLock: boolean; readonly isOnce: boolean },
  ) {
    this.resource = resource;
    this.surface = surface;
    this.owner = owner;
    this.isLock = isLock;
    this.isOnce = isOnce;
  }

  serve(): void {
    const { resource, isLock } = this;
    // Where the pointer is to be afterwards is for the person's own pointer, which nobody here can move.
    if (isLock)
      implement(resource, "zwp_locked_pointer_v1", {
        destroy: () => {},
        set_cursor_position_hint: () => {},
        set_region: () => {},
      });
    else implement(resource, "zwp_confined_pointer_v1", { destroy: () => {}, set_region: () => {} });
    resource.onDestroy(() => this.owner.drop(this));
  }

  static {
    savedClass("Constraint", this, {
      resource: a("Resource"),
      surface: a("Surface"),
      owner: (value) => value instanceof PointerConstraints,
      isLock: flag,
      isOnce: flag,
      isActive: flag,
      isOver: flag,
    });
  }
}

interface SavedConstraints {
  readonly constraints: readonly Constraint[];
  readonly relative: readonly Resource[];
  readonly focus: Surface | null;
}

export const areSavedConstraints = record({
  constraints: list(a("Constraint"), 1 << 16),
  relative: areResources,
  focus: maybe(a("Surface")),
});

export class PointerConstraints {
  readonly #constraints = new Map<Surface, Constraint>();
  readonly #relative = new Set<Resource>();
  #focus: Surface | null = null;

  serve(resource: Resource): void {
    const add = (id: Resource, surfaceResource: Resource, lifetime: number, isLock: boolean): void => {
      const surface = surfaceOf(surfaceResource);
      if (this.#constraints.has(surface)) resource.fail(error.already_constrained, "the surface has a constraint");
      const constraint = new Constraint(id, surface, this, { isLock, isOnce: lifetime === LIFETIME.oneshot });
      this.#constraints.set(surface, constraint);
      stand(id, constraint);
      if (surface === this.#focus) this.#begin(constraint);
    };
    implement(resource, "zwp_pointer_constraints_v1", {
      destroy: () => {},
      lock_pointer: (id, surface, _pointer, _region, lifetime) => add(id, surface, lifetime, true),
      confine_pointer: (id, surface, _pointer, _region, lifetime) => add(id, surface, lifetime, false),
    });
  }

  drop(constraint: Constraint): void {
    const { surface } = constraint;
    if (this.#constraints.get(surface) === constraint) this.#constraints.delete(surface);
  }

  serveRelativeManager(resource: Resource): void {
    implement(resource, "zwp_relative_pointer_manager_v1", {
      destroy: () => {},
      get_relative_pointer: (id) => {
        this.#relative.add(id);
        this.serveRelative(id);
      },
    });
  }

  serveRelative(resource: Resource): void {
    resource.onDestroy(() => this.#relative.delete(resource));
    implement(resource, "zwp_relative_pointer_v1", { destroy: () => {} });
  }

  save(): SavedConstraints {
    return {
      constraints: [...this.#constraints.values()].filter(({ surface }) => surface.client.isKept),
      relative: keptOf(this.#relative),
      focus: keptSurface(this.#focus),
    };
  }

  goOn({ constraints, relative, focus }: SavedConstraints): void {
    for (const constraint of constraints) this.#constraints.set(constraint.surface, constraint);
    for (const resource of relative) this.#relative.add(resource);
    this.#focus = focus;
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
