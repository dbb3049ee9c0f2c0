/**
 * Generated from relative-pointer-unstable-v1.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2014      Jonas Ådahl
 * Copyright © 2015      Red Hat Inc.
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
  zwp_relative_pointer_manager_v1: {
    name: "zwp_relative_pointer_manager_v1",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_relative_pointer", since: 1, signature: "no", types: ["zwp_relative_pointer_v1", "wl_pointer"] },
    ],
    events: [],
  },
  zwp_relative_pointer_v1: {
    name: "zwp_relative_pointer_v1",
    version: 1,
    requests: [{ name: "destroy", since: 1, signature: "", types: [], isDestructor: true }],
    events: [{ name: "relative_motion", since: 1, signature: "uuffff", types: [null, null, null, null, null, null] }],
  },
} as const satisfies Record<string, Interface>;

export interface RelativePointerUnstableV1Requests {
  zwp_relative_pointer_manager_v1: { destroy(): void; get_relative_pointer(id: Resource, pointer: Resource): void };
  zwp_relative_pointer_v1: { destroy(): void };
}

export const events = {
  zwp_relative_pointer_v1: {
    relative_motion: (
      to: Resource,
      utimeHi: number,
      utimeLo: number,
      dx: number,
      dy: number,
      dxUnaccel: number,
      dyUnaccel: number,
    ): void => to.send(0, [utimeHi, utimeLo, dx, dy, dxUnaccel, dyUnaccel]),
  },
} as const;
