/**
 * Generated from xwayland-shell-v1.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2022 Joshua Ashton
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
  xwayland_shell_v1: {
    name: "xwayland_shell_v1",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_xwayland_surface", since: 1, signature: "no", types: ["xwayland_surface_v1", "wl_surface"] },
    ],
    events: [],
  },
  xwayland_surface_v1: {
    name: "xwayland_surface_v1",
    version: 1,
    requests: [
      { name: "set_serial", since: 1, signature: "uu", types: [null, null] },
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
    ],
    events: [],
  },
} as const satisfies Record<string, Interface>;

export interface XwaylandShellV1Requests {
  xwayland_shell_v1: { destroy(): void; get_xwayland_surface(id: Resource, surface: Resource): void };
  xwayland_surface_v1: { set_serial(serialLo: number, serialHi: number): void; destroy(): void };
}

export const enums = {
  xwayland_shell_v1: { error: { role: 0 } },
  xwayland_surface_v1: { error: { already_associated: 0, invalid_serial: 1 } },
} as const;
