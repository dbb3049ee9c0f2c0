/**
 * Generated from xdg-decoration-unstable-v1.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2018 Simon Ser
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
  zxdg_decoration_manager_v1: {
    name: "zxdg_decoration_manager_v1",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      {
        name: "get_toplevel_decoration",
        since: 1,
        signature: "no",
        types: ["zxdg_toplevel_decoration_v1", "xdg_toplevel"],
      },
    ],
    events: [],
  },
  zxdg_toplevel_decoration_v1: {
    name: "zxdg_toplevel_decoration_v1",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "set_mode", since: 1, signature: "u", types: [null] },
      { name: "unset_mode", since: 1, signature: "", types: [] },
    ],
    events: [{ name: "configure", since: 1, signature: "u", types: [null] }],
  },
} as const satisfies Record<string, Interface>;

export interface XdgDecorationUnstableV1Requests {
  zxdg_decoration_manager_v1: { destroy(): void; get_toplevel_decoration(id: Resource, toplevel: Resource): void };
  zxdg_toplevel_decoration_v1: { destroy(): void; set_mode(mode: number): void; unset_mode(): void };
}

export const events = {
  zxdg_toplevel_decoration_v1: { configure: (to: Resource, mode: number): void => to.send(0, [mode]) },
} as const;

export const enums = {
  zxdg_toplevel_decoration_v1: {
    error: { unconfigured_buffer: 0, already_constructed: 1, orphaned: 2, invalid_mode: 3 },
    mode: { client_side: 1, server_side: 2 },
  },
} as const;
