/** xdg_positioner: where a popup lies beside its parent, and how it gives way at the screen's edges. */
import { coordinate, maybe, record, uint32, whole } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { a, rectangle, savedClass } from "../saved/saved-class.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { enums, implement, stand } from "../protocol/protocol.ts";

const { anchor: ANCHOR, constraint_adjustment: ADJUST } = enums.xdg_positioner;
const { invalid_input } = enums.xdg_positioner.error;

export interface Placement {
  width: number;
  height: number;
  anchorRect: Rectangle | null;
  anchor: number;
  gravity: number;
  adjustment: number;
  offsetX: number;
  offsetY: number;
}

export const isSavedPlacement = record({
  width: coordinate,
  height: coordinate,
  anchorRect: maybe(rectangle),
  anchor: whole(0, ANCHOR.bottom_right),
  gravity: whole(0, ANCHOR.bottom_right),
  adjustment: uint32,
  offsetX: coordinate,
  offsetY: coordinate,
});

export function createPositioner(resource: Resource): void {
  stand(resource, new Positioner(resource));
}

class Positioner {
  readonly resource: Resource;
  readonly placement: Placement = {
    width: 0,
    height: 0,
    anchorRect: null,
    anchor: 0,
    gravity: 0,
    adjustment: 0,
    offsetX: 0,
    offsetY: 0,
  };

  constructor(resource: Resource) {
    this.resource = resource;
  }

  serve(): void {
    serveRequests(this.resource, this.placement);
  }

  static {
    savedClass("Positioner", this, { resource: a("Resource"), placement: isSavedPlacement });
  }
}

function serveRequests(resource: Resource, it: Placement): void {
  const refuse = (what: string): never => resource.fail(invalid_input, what);
  implement(resource, "xdg_positioner", {
    destroy: () => {},
    set_size: (width, height) => {
      if (width < 1 || height < 1) refuse(`size ${width} × ${height}`);
      Object.assign(it, { width, height });
    },
    set_anchor_rect: (x, y, width, height) => {
      if (width < 0 || height < 0) refuse(`anchor rectangle ${width} × ${height}`);
      it.anchorRect = { x, y, width, height };
    },
    set_anchor: (anchor) => {
      if (anchor > ANCHOR.bottom_right) refuse(`anchor ${anchor}`);
      it.anchor = anchor;
    },
    set_gravity: (gravity) => {
      if (gravity > ANCHOR.bottom_right) refuse(`gravity ${gravity}`);
      it.gravity = gravity;
    },
    set_constraint_adjustment: (adjustment) => void (it.adjustment = adjustment),
    set_offset: (x, y) => Object.assign(it, { offsetX: x, offsetY: y }),
    // The parent of a popup is not moved or resized by us while that is open.
    set_reactive: () => {},
    set_parent_size: () => {},
    set_parent_configure: () => {},
  });
}

/** @returns a copy: later requests do not reach the popup; null: size and anchor rectangle are not both set */
export function placementOf({ part }: Resource): Placement | null {
  const it = part instanceof Positioner ? part.placement : null;
  return it === null || it.width === 0 || it.anchorRect === null ? null : { ...it };
}

/** −1, 0 or 1: which side of an axis an anchor or a gravity names. */
function sides(edge: number): readonly [number, number] {
  const { top, bottom, left, right, top_left, bottom_left, top_right, bottom_right } = ANCHOR;
  const has = (...edges: number[]): boolean => edges.includes(edge);
  const x = has(left, top_left, bottom_left) ? -1 : has(right, top_right, bottom_right) ? 1 : 0;
  const y = has(top, top_left, top_right) ? -1 : has(bottom, bottom_left, bottom_right) ? 1 : 0;
  return [x, y];
}

interface Axis {
  readonly anchorStart: number;
  readonly anchorLength: number;
  readonly anchorSide: number;
  readonly gravity: number;
  readonly offset: number;
  readonly length: number;
  readonly canFlip: boolean;
  readonly canSlide: boolean;
  readonly canResize: boolean;
}

/**
 * One axis, in the protocol's order: flip, slide, resize. @param space  the screen's start and end, seen from the
 * parent
 */
function placeOnAxis(axis: Axis, [start, end]: readonly [number, number]): { start: number; length: number } {
  const { length } = axis;
  const at = (sign: 1 | -1): number => {
    const anchor = axis.anchorStart + (axis.anchorLength * (1 + sign * axis.anchorSide)) / 2;
    return Math.floor(anchor + sign * axis.offset - (length * (1 - sign * axis.gravity)) / 2);
  };
  const fits = (place: number): boolean => place >= start && place + length <= end;
  let place = at(1);
  if (fits(place)) return { start: place, length };
  if (axis.canFlip && fits(at(-1))) return { start: at(-1), length };
  if (axis.canSlide) place = Math.max(start, Math.min(place, end - length));
  if (fits(place) || !axis.canResize) return { start: place, length };
  const from = Math.max(place, start);
  return { start: from, length: Math.max(1, Math.min(place + length, end) - from) };
}

/** @param screen  in the parent's window geometry, as the result is */
export function place(it: Placement, screen: Rectangle): Rectangle {
  const [anchorX, anchorY] = sides(it.anchor);
  const [gravityX, gravityY] = sides(it.gravity);
  const rect = it.anchorRect!;
  const may = (bit: number): boolean => (it.adjustment & bit) !== 0;
  const x = placeOnAxis(
    {
      anchorStart: rect.x,
      anchorLength: rect.width,
      anchorSide: anchorX,
      gravity: gravityX,
      offset: it.offsetX,
      length: it.width,
      canFlip: may(ADJUST.flip_x),
      canSlide: may(ADJUST.slide_x),
      canResize: may(ADJUST.resize_x),
    },
    [screen.x, screen.x + screen.width],
  );
  const y = placeOnAxis(
    {
      anchorStart: rect.y,
      anchorLength: rect.height,
      anchorSide: anchorY,
      gravity: gravityY,
      offset: it.offsetY,
      length: it.height,
      canFlip: may(ADJUST.flip_y),
      canSlide: may(ADJUST.slide_y),
      canResize: may(ADJUST.resize_y),
    },
    [screen.y, screen.y + screen.height],
  );
  return { x: x.start, y: y.start, width: x.length, height: y.length };
}
