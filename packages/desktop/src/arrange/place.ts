/** Where a window lies: freely, or in a part of the place that there is. No page is known here. */
export interface Rectangle {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export type Placement =
  | "free"
  | "maximized"
  | "fullscreen"
  | "left"
  | "right"
  | "top-left"
  | "top-right"
  | "bottom-left"
  | "bottom-right";

export type Direction = "left" | "right" | "up" | "down";

/** How near the pointer comes to an edge, in pixels, and which part of a side is its corner. */
const EDGE_PIXELS = 12;
const CORNER_PART = 0.25;
/** What of a window stays in sight, so that it can be taken again. */
const GRIP_PIXELS = 64;

/** @param free  its place when it is free; @param screen  all that there is, without a panel's part taken away */
export function placeOf(placement: Placement, free: Rectangle, area: Rectangle, screen: Rectangle): Rectangle {
  if (placement === "free") return free;
  if (placement === "fullscreen") return screen;
  if (placement === "maximized") return area;
  const isLeft = placement.endsWith("left"),
    isHalf = placement === "left" || placement === "right";
  // Of an odd length the one before has the pixel more, so that neither gap nor overlap is left.
  const width = isLeft ? Math.ceil(area.width / 2) : Math.floor(area.width / 2);
  const isTop = placement.startsWith("top");
  const height = isHalf ? area.height : isTop ? Math.ceil(area.height / 2) : Math.floor(area.height / 2);
  return {
    x: isLeft ? area.x : area.x + area.width - width,
    y: isHalf || isTop ? area.y : area.y + area.height - height,
    width,
    height,
  };
}

/** What a window becomes that is let go there; null: it stays free. */
export function snapAt(x: number, y: number, area: Rectangle): Placement | null {
  const isLeft = x < area.x + EDGE_PIXELS,
    isRight = x >= area.x + area.width - EDGE_PIXELS;
  const along = (y - area.y) / area.height;
  if (isLeft || isRight) {
    const side = isLeft ? "left" : "right";
    return along < CORNER_PART ? `top-${side}` : along >= 1 - CORNER_PART ? `bottom-${side}` : side;
  }
  return y < area.y + EDGE_PIXELS ? "maximized" : null;
}

/** What a key makes of it. */
export function snapByKey(placement: Placement, direction: Direction): Placement | "minimized" {
  if (placement === "fullscreen") return direction === "down" ? "free" : "fullscreen";
  const side = placement.endsWith("left") ? "left" : placement.endsWith("right") ? "right" : null;
  if (direction === "left" || direction === "right") {
    if (side === null) return direction;
    return side === direction
      ? side
      : placement.replace(side, direction) === placement
        ? "free"
        : crossed(placement, side);
  }
  if (side === null) {
    if (direction === "up") return "maximized";
    return placement === "maximized" ? "free" : "minimized";
  }
  if (direction === "up")
    return placement === `bottom-${side}` ? side : placement === side ? `top-${side}` : "maximized";
  return placement === `top-${side}` ? side : placement === side ? `bottom-${side}` : "free";
}

/** From one side towards the other: a half is free first, a quarter goes over. */
function crossed(placement: Placement, side: "left" | "right"): Placement {
  if (placement === side) return "free";
  return placement.replace(side, side === "left" ? "right" : "left") as Placement;
}

/** As it is, but no larger than there is room, and with its title in sight. */
export function clamp({ x, y, width, height }: Rectangle, area: Rectangle, min: Size): Rectangle {
  const size = {
    width: Math.max(min.width, Math.min(width, area.width)),
    height: Math.max(min.height, Math.min(height, area.height)),
  };
  const within = (at: number, from: number, to: number): number => Math.max(from, Math.min(at, Math.max(from, to)));
  return {
    x: within(x, area.x + GRIP_PIXELS - size.width, area.x + area.width - GRIP_PIXELS),
    y: within(y, area.y, area.y + area.height - Math.min(GRIP_PIXELS, size.height) / 2),
    ...size,
  };
}

export function isSame(one: Rectangle, other: Rectangle): boolean {
  return one.x === other.x && one.y === other.y && one.width === other.width && one.height === other.height;
}

export function contains(area: Rectangle, { x, y, width, height }: Rectangle): boolean {
  return isSame(whollyIn({ x, y, width, height }, area), { x, y, width, height });
}

/** Moved so far that all of it is seen, or its left and upper edge where it is larger. */
export function whollyIn({ x, y, width, height }: Rectangle, area: Rectangle): Rectangle {
  const within = (at: number, from: number, room: number, length: number): number =>
    Math.max(from, Math.min(at, from + room - length));
  return { x: within(x, area.x, area.width, width), y: within(y, area.y, area.height, height), width, height };
}

/** Edges that are pulled, as bits of xdg_toplevel.resize_edge. */
export const EDGE = { top: 1, bottom: 2, left: 4, right: 8 } as const;

/** @param dx  how far the pointer has gone since `before`, as `dy` */
export function resized(before: Rectangle, edges: number, dx: number, dy: number, min: Size): Rectangle {
  const width =
    edges & EDGE.left
      ? Math.max(min.width, before.width - dx)
      : edges & EDGE.right
        ? Math.max(min.width, before.width + dx)
        : before.width;
  const height =
    edges & EDGE.top
      ? Math.max(min.height, before.height - dy)
      : edges & EDGE.bottom
        ? Math.max(min.height, before.height + dy)
        : before.height;
  return {
    x: edges & EDGE.left ? before.x + before.width - width : before.x,
    y: edges & EDGE.top ? before.y + before.height - height : before.y,
    width,
    height,
  };
}
