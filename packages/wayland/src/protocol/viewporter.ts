/**
 * Generated from viewporter.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2013-2016 Collabora, Ltd.
 *
 * Permission is hereby granted, free of charge, to any person obtaining a
 * copy of this software and associated documentation files (the "Software"),
 * to deal in the Software without restriction, including without limitation
 * the rights to use, copy, modify, merge, publish, distribute, sublicense,
 * and/or sell copies of the Software, and to permit persons to whom the
 * Software is furnished to do so, subject to the following conditions:
 *
 * The above copyright notice and this permission notice (including the next
 * paragraph) shall be included in all copies or substantial portions of the
 * Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND, EXPRESS OR
 * IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF MERCHANTABILITY,
 * FITNESS FOR A PARTICULAR PURPOSE AND NONINFRINGEMENT.  IN NO EVENT SHALL
 * THE AUTHORS OR COPYRIGHT HOLDERS BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER
 * LIABILITY, WHETHER IN AN ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING
 * FROM, OUT OF OR IN CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER
 * DEALINGS IN THE SOFTWARE.
 */
import type { Interface, Resource } from "../core/resource.ts";

export const interfaces = {
  wp_viewporter: {
    name: "wp_viewporter",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_viewport", since: 1, signature: "no", types: ["wp_viewport", "wl_surface"] },
    ],
    events: [],
  },
  wp_viewport: {
    name: "wp_viewport",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "set_source", since: 1, signature: "ffff", types: [null, null, null, null] },
      { name: "set_destination", since: 1, signature: "ii", types: [null, null] },
    ],
    events: [],
  },
} as const satisfies Record<string, Interface>;

export interface ViewporterRequests {
  wp_viewporter: { destroy(): void; get_viewport(id: Resource, surface: Resource): void };
  wp_viewport: {
    destroy(): void;
    set_source(x: number, y: number, width: number, height: number): void;
    set_destination(width: number, height: number): void;
  };
}

export const enums = {
  wp_viewporter: { error: { viewport_exists: 0 } },
  wp_viewport: { error: { bad_value: 0, bad_size: 1, out_of_buffer: 2, no_surface: 3 } },
} as const;
