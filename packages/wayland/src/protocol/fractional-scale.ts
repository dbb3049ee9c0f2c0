/**
 * Generated from fractional-scale-v1.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2022 Kenny Levinsen
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
  wp_fractional_scale_manager_v1: {
    name: "wp_fractional_scale_manager_v1",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_fractional_scale", since: 1, signature: "no", types: ["wp_fractional_scale_v1", "wl_surface"] },
    ],
    events: [],
  },
  wp_fractional_scale_v1: {
    name: "wp_fractional_scale_v1",
    version: 1,
    requests: [{ name: "destroy", since: 1, signature: "", types: [], isDestructor: true }],
    events: [{ name: "preferred_scale", since: 1, signature: "u", types: [null] }],
  },
} as const satisfies Record<string, Interface>;

export interface FractionalScaleV1Requests {
  wp_fractional_scale_manager_v1: { destroy(): void; get_fractional_scale(id: Resource, surface: Resource): void };
  wp_fractional_scale_v1: { destroy(): void };
}

export const events = {
  wp_fractional_scale_v1: { preferred_scale: (to: Resource, scale: number): void => to.send(0, [scale]) },
} as const;

export const enums = {
  wp_fractional_scale_manager_v1: { error: { fractional_scale_exists: 0 } },
} as const;
