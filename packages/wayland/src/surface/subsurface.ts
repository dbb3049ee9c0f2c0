/** wl_subcompositor: surfaces within surfaces, which can change with their parent's commit alone. */
import type { Resource } from "../core/resource.ts";
import { enums, implement } from "../protocol/protocol.ts";
import { type Surface, surfaceOf } from "./surface.ts";

const { error } = enums.wl_subcompositor;
/** Of one surface; and how deep they may lie in one another. More is no_memory. */
const CHILDREN_MAX = 256;
const DEPTH_MAX = 32;

export function bindSubcompositor(resource: Resource): void {
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
  const leave = (): void => {
    const { parent: from } = surface;
    if (from === null) return;
    surface.parent = null;
    surface.isSynchronized = false;
    const isOther = (each: Surface): boolean => each !== surface;
    from.stack = from.stack.filter(isOther);
    from.pendingStack = from.pendingStack?.filter(isOther) ?? null;
    surface.changed();
  };
  surface.takeRole(
    { name: "wl_subsurface", checkCommit: () => {}, committed: () => {}, surfaceGone: leave },
    factory,
    error.bad_surface,
  );
  const next = (): Surface[] => (parent.pendingStack ??= [...parent.stack]);
  if (next().length > CHILDREN_MAX) id.client.refuseMemory(`more than ${CHILDREN_MAX} sub-surfaces`);
  surface.parent = parent;
  surface.isSynchronized = true;
  surface.x = 0;
  surface.y = 0;
  next().push(surface);
  const place = (sibling: Resource, after: 0 | 1): void => {
    const other = surfaceOf(sibling);
    if (other === surface || !next().includes(other) || surface.parent !== parent)
      id.fail(enums.wl_subsurface.error.bad_surface, "neither the parent nor a sibling");
    const without = next().filter((each) => each !== surface);
    without.splice(without.indexOf(other) + after, 0, surface);
    parent.pendingStack = without;
  };
  implement(id, "wl_subsurface", {
    destroy: () => {},
    set_position: (x, y) => void (surface.pendingPosition = { x, y }),
    place_above: (sibling) => place(sibling, 1),
    place_below: (sibling) => place(sibling, 0),
    set_sync: () => void (surface.isSynchronized = true),
    set_desync: () => surface.setDesynchronized(),
  });
  id.onDestroy(() => {
    leave();
    surface.role = null;
  });
}
