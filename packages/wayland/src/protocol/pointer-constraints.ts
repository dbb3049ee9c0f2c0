/**
 * Generated from pointer-constraints-unstable-v1.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
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
  zwp_pointer_constraints_v1: {
    name: "zwp_pointer_constraints_v1",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      {
        name: "lock_pointer",
        since: 1,
        signature: "noo?ou",
        types: ["zwp_locked_pointer_v1", "wl_surface", "wl_pointer", "wl_region", null],
      },
      {
        name: "confine_pointer",
        since: 1,
        signature: "noo?ou",
        types: ["zwp_confined_pointer_v1", "wl_surface", "wl_pointer", "wl_region", null],
      },
    ],
    events: [],
  },
  zwp_locked_pointer_v1: {
    name: "zwp_locked_pointer_v1",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "set_cursor_position_hint", since: 1, signature: "ff", types: [null, null] },
      { name: "set_region", since: 1, signature: "?o", types: ["wl_region"] },
    ],
    events: [
      { name: "locked", since: 1, signature: "", types: [] },
      { name: "unlocked", since: 1, signature: "", types: [] },
    ],
  },
  zwp_confined_pointer_v1: {
    name: "zwp_confined_pointer_v1",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "set_region", since: 1, signature: "?o", types: ["wl_region"] },
    ],
    events: [
      { name: "confined", since: 1, signature: "", types: [] },
      { name: "unconfined", since: 1, signature: "", types: [] },
    ],
  },
} as const satisfies Record<string, Interface>;

export interface PointerConstraintsUnstableV1Requests {
  zwp_pointer_constraints_v1: {
    destroy(): void;
    lock_pointer(id: Resource, surface: Resource, pointer: Resource, region: Resource | null, lifetime: number): void;
    confine_pointer(
      id: Resource,
      surface: Resource,
      pointer: Resource,
      region: Resource | null,
      lifetime: number,
    ): void;
  };
  zwp_locked_pointer_v1: {
    destroy(): void;
    set_cursor_position_hint(surfaceX: number, surfaceY: number): void;
    set_region(region: Resource | null): void;
  };
  zwp_confined_pointer_v1: { destroy(): void; set_region(region: Resource | null): void };
}

export const events = {
  zwp_locked_pointer_v1: {
    locked: (to: Resource): void => to.send(0, []),
    unlocked: (to: Resource): void => to.send(1, []),
  },
  zwp_confined_pointer_v1: {
    confined: (to: Resource): void => to.send(0, []),
    unconfined: (to: Resource): void => to.send(1, []),
  },
} as const;

export const enums = {
  zwp_pointer_constraints_v1: { error: { already_constrained: 1 }, lifetime: { oneshot: 1, persistent: 2 } },
} as const;
