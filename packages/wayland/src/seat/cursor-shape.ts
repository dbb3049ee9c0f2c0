/** wp_cursor_shape_manager_v1: pointers by name, which whoever shows the screen draws. */
import type { Resource } from "../core/resource.ts";
import { enums, implement } from "../protocol/protocol.ts";
import type { Cursor, Pointer } from "./pointer.ts";

const SHAPES = new Set<number>(Object.values(enums.wp_cursor_shape_device_v1.shape));

/** Those that the protocol has and CSS does not. */
const OF_CSS: Readonly<Record<string, string>> = { dnd_ask: "copy", all_resize: "all-scroll" };

/** What a page calls it (CSS Basic User Interface, `cursor`); "none": a surface draws it. */
export function cursorName(cursor: Cursor | null): string {
  if (cursor === null) return "default";
  const found = Object.entries(enums.wp_cursor_shape_device_v1.shape).find(([, value]) => value === cursor.shape);
  return found === undefined ? "none" : (OF_CSS[found[0]] ?? found[0].replaceAll("_", "-"));
}

export function serveCursorShapeDevice(resource: Resource, pointer: Pointer): void {
  implement(resource, "wp_cursor_shape_device_v1", {
    destroy: () => {},
    set_shape: (serial, shape) => {
      const isKnown = SHAPES.has(shape);
      if (!isKnown) resource.fail(enums.wp_cursor_shape_device_v1.error.invalid_shape, `shape ${shape}`);
      pointer.setShape(resource, serial, shape);
    },
  });
}

export function serveCursorShapes(resource: Resource, pointer: Pointer): void {
  const device = (id: Resource): void => serveCursorShapeDevice(id, pointer);
  implement(resource, "wp_cursor_shape_manager_v1", {
    destroy: () => {},
    get_pointer: (id) => device(id),
    get_tablet_tool_v2: (id) => device(id),
  });
}
