/**
 * Generated from cursor-shape-v1.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright 2018 The Chromium Authors
 * Copyright 2023 Simon Ser
 *
 * Permission is hereby granted, free of charge, to any person obtaining a
 * copy of this software and associated documentation files (the "Software"),
 * to deal in the Software without restriction, including without limitation
 * the rights to use, copy, modify, merge, publish, distribute, sublicense,
 * and/or sell copies of the Software, and to permit persons to whom the
 * Software is furnished to do so, subject to the following conditions:
 * The above copyright notice and this permission notice (including the next
 * paragraph) shall be included in all copies or substantial portions of the
 * Software.
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT. IN NO EVENT SHALL
 * THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING
 * FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
 * DEALINGS IN THE SOFTWARE.
 */
import type { Interface, Resource } from "../core/resource.ts";

export const interfaces = {
  wp_cursor_shape_manager_v1: {
    name: "wp_cursor_shape_manager_v1",
    version: 2,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_pointer", since: 1, signature: "no", types: ["wp_cursor_shape_device_v1", "wl_pointer"] },
      {
        name: "get_tablet_tool_v2",
        since: 1,
        signature: "no",
        types: ["wp_cursor_shape_device_v1", "zwp_tablet_tool_v2"],
      },
    ],
    events: [],
  },
  wp_cursor_shape_device_v1: {
    name: "wp_cursor_shape_device_v1",
    version: 2,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "set_shape", since: 1, signature: "uu", types: [null, null] },
    ],
    events: [],
  },
} as const satisfies Record<string, Interface>;

export interface CursorShapeV1Requests {
  wp_cursor_shape_manager_v1: {
    destroy(): void;
    get_pointer(cursorShapeDevice: Resource, pointer: Resource): void;
    get_tablet_tool_v2(cursorShapeDevice: Resource, tabletTool: Resource): void;
  };
  wp_cursor_shape_device_v1: { destroy(): void; set_shape(serial: number, shape: number): void };
}

export const enums = {
  wp_cursor_shape_device_v1: {
    shape: {
      default: 1,
      context_menu: 2,
      help: 3,
      pointer: 4,
      progress: 5,
      wait: 6,
      cell: 7,
      crosshair: 8,
      text: 9,
      vertical_text: 10,
      alias: 11,
      copy: 12,
      move: 13,
      no_drop: 14,
      not_allowed: 15,
      grab: 16,
      grabbing: 17,
      e_resize: 18,
      n_resize: 19,
      ne_resize: 20,
      nw_resize: 21,
      s_resize: 22,
      se_resize: 23,
      sw_resize: 24,
      w_resize: 25,
      ew_resize: 26,
      ns_resize: 27,
      nesw_resize: 28,
      nwse_resize: 29,
      col_resize: 30,
      row_resize: 31,
      all_scroll: 32,
      zoom_in: 33,
      zoom_out: 34,
      dnd_ask: 35,
      all_resize: 36,
    },
    error: { invalid_shape: 1 },
  },
} as const;
