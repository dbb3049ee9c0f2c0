/** wl_subcompositor: surfaces within surfaces, which can change with their parent's commit alone. */
import { oneOf } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { enums, implement, stand } from "../protocol/protocol.ts";
import { type Surface, surfaceOf } from "./surface.ts";

const { error } = enums.wl_subcompositor;
/** Of one surface; and how deep they may lie in one another. More is no_memory. */
const CHILDREN_MAX = 256;
const DEPTH_MAX = 32;

export function serveSubcompositor(resource: Resource): void {
  implement(resource, "wl_subcompositor", {
    destroy: () => {},
    get_subsurface: (id, surface, parent) => addSubsurface(resource, id, surfaceOf(surface), surfaceOf(parent)),
  });
}

/** How many surfaces lie in one another, from this one. */
function heightOf(surface: Surface): number {
  const children = new Set([...surface.stack, ...(surface.pendingStack ?? [])]);
  children.delete(surface);
  return 1 + Math.max(0, ...[...children].map(heightOf));
}

function addSubsurface(factory: Resource, id: Resource, surface: Surface, parent: Surface): void {
  let depth = heightOf(surface) - 1;
  for (let at: Surface | null = parent; at !== null; at = at.parent) {
    if (at === surface) factory.fail(error.bad_parent, "a surface within itself");
    if (++depth > DEPTH_MAX) id.client.refuseMemory(`sub-surfaces ${DEPTH_MAX} deep`);
  }
  const part = new Subsurface(id, surface, parent);
  surface.takeRole(part, factory, error.bad_surface);
  if (part.next.length > CHILDREN_MAX) id.client.refuseMemory(`more than ${CHILDREN_MAX} sub-surfaces`);
  surface.parent = parent;
  surface.isSynchronized = true;
  surface.x = 0;
  surface.y = 0;
  part.next.push(surface);
  stand(id, part);
}

class Subsurface {
  readonly name = "wl_subsurface";
  readonly resource: Resource;
  readonly surface: Surface;
  readonly parent: Surface;

  constructor(resource: Resource, surface: Surface, parent: Surface) {
    this.resource = resource;
    this.surface = surface;
    this.parent = parent;
  }

  checkCommit(): void {}

  committed(): void {}

  surfaceGone(): void {
    this.#leave();
  }

  serve(): void {
    const { resource, surface } = this;
    implement(resource, "wl_subsurface", {
      destroy: () => {},
      set_position: (x, y) => void (surface.pendingPosition = { x, y }),
      place_above: (sibling) => this.#place(sibling, 1),
      place_below: (sibling) => this.#place(sibling, 0),
      set_sync: () => void (surface.isSynchronized = true),
      set_desync: () => surface.setDesynchronized(),
    });
    resource.onDestroy(() => {
      this.#leave();
      surface.role = null;
    });
  }

  /** Of the parent, as its next commit makes it. */
  get next(): Surface[] {
    return (this.parent.pendingStack ??= [...this.parent.stack]);
  }

  #place(sibling: Resource, after: 0 | 1): void {
    const { surface, parent } = this;
    const other = surfaceOf(sibling);
    if (other === surface || !this.next.includes(other) || surface.parent !== parent)
      this.resource.fail(enums.wl_subsurface.error.bad_surface, "neither the parent nor a sibling");
    const without = this.next.filter((each) => each !== surface);
    without.splice(without.indexOf(other) + after, 0, surface);
    parent.pendingStack = without;
  }

  #leave(): void {
    const { surface } = this;
    const { parent: from } = surface;
    if (from === null) return;
    surface.parent = null;
    surface.isSynchronized = false;
    const isOther = (each: Surface): boolean => each !== surface;
    from.stack = from.stack.filter(isOther);
    from.pendingStack = from.pendingStack?.filter(isOther) ?? null;
    surface.changed();
  }

  static {
    savedClass("Subsurface", this, {
      name: oneOf("wl_subsurface"),
      resource: a("Resource"),
      surface: a("Surface"),
      parent: a("Surface"),
    });
  }
}
