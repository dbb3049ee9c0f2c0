/**
 * Generated from xdg-output-unstable-v1.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2017 Red Hat Inc.
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
  zxdg_output_manager_v1: {
    name: "zxdg_output_manager_v1",
    version: 3,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_xdg_output", since: 1, signature: "no", types: ["zxdg_output_v1", "wl_output"] },
    ],
    events: [],
  },
  zxdg_output_v1: {
    name: "zxdg_output_v1",
    version: 3,
    requests: [{ name: "destroy", since: 1, signature: "", types: [], isDestructor: true }],
    events: [
      { name: "logical_position", since: 1, signature: "ii", types: [null, null] },
      { name: "logical_size", since: 1, signature: "ii", types: [null, null] },
      { name: "done", since: 1, signature: "", types: [] },
      { name: "name", since: 2, signature: "s", types: [null] },
      { name: "description", since: 2, signature: "s", types: [null] },
    ],
  },
} as const satisfies Record<string, Interface>;

export interface XdgOutputUnstableV1Requests {
  zxdg_output_manager_v1: { destroy(): void; get_xdg_output(id: Resource, output: Resource): void };
  zxdg_output_v1: { destroy(): void };
}

export const events = {
  zxdg_output_v1: {
    logical_position: (to: Resource, x: number, y: number): void => to.send(0, [x, y]),
    logical_size: (to: Resource, width: number, height: number): void => to.send(1, [width, height]),
    done: (to: Resource): void => to.send(2, []),
    name: (to: Resource, name: string): void => to.send(3, [name]),
    description: (to: Resource, description: string): void => to.send(4, [description]),
  },
} as const;
