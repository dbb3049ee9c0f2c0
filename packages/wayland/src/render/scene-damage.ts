/** What two frames show differently. */
import { Damage, isSameRectangle, type Rectangle } from "../geometry/rectangle.ts";

/** A part of a frame, and what it covered. */
export interface ShownNode<T extends { readonly damage: Damage } = { readonly damage: Damage }> {
  readonly surface: T;
  readonly place: Rectangle;
}

/** Of two scenes: what one shows and the other does not, and what was drawn in those that are in both. */
export function damageBetween(before: readonly ShownNode[], after: readonly ShownNode[]): Damage {
  const damage = new Damage();
  const isSameOrder =
    before.length === after.length && before.every(({ surface }, at) => surface === after[at]!.surface);
  if (!isSameOrder) for (const { place } of [...before, ...after]) damage.add(place);
  for (const [at, { surface, place }] of after.entries()) {
    const drawn = surface.damage.take();
    if (!isSameOrder) continue;
    const was = before[at]!.place;
    if (isSameRectangle(was, place))
      for (const part of drawn) damage.add({ ...part, x: place.x + part.x, y: place.y + part.y });
    else {
      damage.add(was);
      damage.add(place);
    }
  }
  return damage;
}
