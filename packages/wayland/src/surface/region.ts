/** wl_region: rectangles added and taken away, in the order of the requests. */
import { flag, list, record } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { a, rectangle, savedClass } from "../saved/saved-class.ts";
import { containsPoint, type Rectangle } from "../geometry/rectangle.ts";
import { implement, stand } from "../protocol/protocol.ts";

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

export const isSavedShape = list(record({ rectangle, isAdded: flag }), PARTS_MAX);

class Region {
  readonly resource: Resource;
  readonly parts: Part[] = [];

  constructor(resource: Resource) {
    this.resource = resource;
  }

  serve(): void {
    implement(this.resource, "wl_region", {
      destroy: () => {},
      add: (x, y, width, height) => this.#add({ x, y, width, height }, true),
      subtract: (x, y, width, height) => this.#add({ x, y, width, height }, false),
    });
  }

  #add(part: Rectangle, isAdded: boolean): void {
    if (this.parts.length >= PARTS_MAX)
      this.resource.client.refuseMemory(`a region of more than ${PARTS_MAX} rectangles`);
    this.parts.push({ rectangle: part, isAdded });
  }

  static {
    savedClass("Region", this, { resource: a("Resource"), parts: isSavedShape });
  }
}

export function createRegion(resource: Resource): void {
  stand(resource, new Region(resource));
}

export function shapeOf({ part }: Resource): RegionShape {
  return part instanceof Region ? [...part.parts] : [];
}
