/** wl_region: rectangles added and taken away, in the order of the requests. */
import type { Resource } from "../core/resource.ts";
import { containsPoint, type Rectangle } from "../geometry/rectangle.ts";
import { implement } from "../protocol/protocol.ts";

/** More is no_memory: a region that is used was drawn by hand or by a toolkit, and has a dozen. */
const PARTS_MAX = 1024;

interface Part {
  readonly rectangle: Rectangle;
  readonly isAdded: boolean;
}

/** What a surface takes of a region: later changes of the region do not reach it. */
export type RegionShape = readonly Part[];

export function shapeContains(shape: RegionShape, x: number, y: number): boolean {
  return shape.findLast(({ rectangle }) => containsPoint(rectangle, x, y))?.isAdded === true;
}

const shapes = new WeakMap<Resource, Part[]>();

export function createRegion(resource: Resource): void {
  const parts: Part[] = [];
  shapes.set(resource, parts);
  const add = (rectangle: Rectangle, isAdded: boolean): void => {
    if (parts.length >= PARTS_MAX) resource.client.refuseMemory(`a region of more than ${PARTS_MAX} rectangles`);
    parts.push({ rectangle, isAdded });
  };
  implement(resource, "wl_region", {
    destroy: () => {},
    add: (x, y, width, height) => add({ x, y, width, height }, true),
    subtract: (x, y, width, height) => add({ x, y, width, height }, false),
  });
}

export function shapeOf(region: Resource): RegionShape {
  return [...(shapes.get(region) ?? [])];
}
