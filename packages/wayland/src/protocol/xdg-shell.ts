/**
 * Generated from xdg-shell.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2008-2013 Kristian Høgsberg
 * Copyright © 2013      Rafael Antognolli
 * Copyright © 2013      Jasper St. Pierre
 * Copyright © 2010-2013 Intel Corporation
 * Copyright © 2015-2017 Samsung Electronics Co., Ltd
 * Copyright © 2015-2017 Red Hat Inc.
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
  xdg_wm_base: {
    name: "xdg_wm_base",
    version: 7,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "create_positioner", since: 1, signature: "n", types: ["xdg_positioner"] },
      { name: "get_xdg_surface", since: 1, signature: "no", types: ["xdg_surface", "wl_surface"] },
      { name: "pong", since: 1, signature: "u", types: [null] },
    ],
    events: [{ name: "ping", since: 1, signature: "u", types: [null] }],
  },
  xdg_positioner: {
    name: "xdg_positioner",
    version: 7,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "set_size", since: 1, signature: "ii", types: [null, null] },
      { name: "set_anchor_rect", since: 1, signature: "iiii", types: [null, null, null, null] },
      { name: "set_anchor", since: 1, signature: "u", types: [null] },
      { name: "set_gravity", since: 1, signature: "u", types: [null] },
      { name: "set_constraint_adjustment", since: 1, signature: "u", types: [null] },
      { name: "set_offset", since: 1, signature: "ii", types: [null, null] },
      { name: "set_reactive", since: 3, signature: "", types: [] },
      { name: "set_parent_size", since: 3, signature: "ii", types: [null, null] },
      { name: "set_parent_configure", since: 3, signature: "u", types: [null] },
    ],
    events: [],
  },
  xdg_surface: {
    name: "xdg_surface",
    version: 7,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_toplevel", since: 1, signature: "n", types: ["xdg_toplevel"] },
      { name: "get_popup", since: 1, signature: "n?oo", types: ["xdg_popup", "xdg_surface", "xdg_positioner"] },
      { name: "set_window_geometry", since: 1, signature: "iiii", types: [null, null, null, null] },
      { name: "ack_configure", since: 1, signature: "u", types: [null] },
    ],
    events: [{ name: "configure", since: 1, signature: "u", types: [null] }],
  },
  xdg_toplevel: {
    name: "xdg_toplevel",
    version: 7,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "set_parent", since: 1, signature: "?o", types: ["xdg_toplevel"] },
      { name: "set_title", since: 1, signature: "s", types: [null] },
      { name: "set_app_id", since: 1, signature: "s", types: [null] },
      { name: "show_window_menu", since: 1, signature: "ouii", types: ["wl_seat", null, null, null] },
      { name: "move", since: 1, signature: "ou", types: ["wl_seat", null] },
      { name: "resize", since: 1, signature: "ouu", types: ["wl_seat", null, null] },
      { name: "set_max_size", since: 1, signature: "ii", types: [null, null] },
      { name: "set_min_size", since: 1, signature: "ii", types: [null, null] },
      { name: "set_maximized", since: 1, signature: "", types: [] },
      { name: "unset_maximized", since: 1, signature: "", types: [] },
      { name: "set_fullscreen", since: 1, signature: "?o", types: ["wl_output"] },
      { name: "unset_fullscreen", since: 1, signature: "", types: [] },
      { name: "set_minimized", since: 1, signature: "", types: [] },
    ],
    events: [
      { name: "configure", since: 1, signature: "iia", types: [null, null, null] },
      { name: "close", since: 1, signature: "", types: [] },
      { name: "configure_bounds", since: 4, signature: "ii", types: [null, null] },
      { name: "wm_capabilities", since: 5, signature: "a", types: [null] },
    ],
  },
  xdg_popup: {
    name: "xdg_popup",
    version: 7,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "grab", since: 1, signature: "ou", types: ["wl_seat", null] },
      { name: "reposition", since: 3, signature: "ou", types: ["xdg_positioner", null] },
    ],
    events: [
      { name: "configure", since: 1, signature: "iiii", types: [null, null, null, null] },
      { name: "popup_done", since: 1, signature: "", types: [] },
      { name: "repositioned", since: 3, signature: "u", types: [null] },
    ],
  },
} as const satisfies Record<string, Interface>;

export interface XdgShellRequests {
  xdg_wm_base: {
    destroy(): void;
    create_positioner(id: Resource): void;
    get_xdg_surface(id: Resource, surface: Resource): void;
    pong(serial: number): void;
  };
  xdg_positioner: {
    destroy(): void;
    set_size(width: number, height: number): void;
    set_anchor_rect(x: number, y: number, width: number, height: number): void;
    set_anchor(anchor: number): void;
    set_gravity(gravity: number): void;
    set_constraint_adjustment(constraintAdjustment: number): void;
    set_offset(x: number, y: number): void;
    set_reactive(): void;
    set_parent_size(parentWidth: number, parentHeight: number): void;
    set_parent_configure(serial: number): void;
  };
  xdg_surface: {
    destroy(): void;
    get_toplevel(id: Resource): void;
    get_popup(id: Resource, parent: Resource | null, positioner: Resource): void;
    set_window_geometry(x: number, y: number, width: number, height: number): void;
    ack_configure(serial: number): void;
  };
  xdg_toplevel: {
    destroy(): void;
    set_parent(parent: Resource | null): void;
    set_title(title: string): void;
    set_app_id(appId: string): void;
    show_window_menu(seat: Resource, serial: number, x: number, y: number): void;
    move(seat: Resource, serial: number): void;
    resize(seat: Resource, serial: number, edges: number): void;
    set_max_size(width: number, height: number): void;
    set_min_size(width: number, height: number): void;
    set_maximized(): void;
    unset_maximized(): void;
    set_fullscreen(output: Resource | null): void;
    unset_fullscreen(): void;
    set_minimized(): void;
  };
  xdg_popup: {
    destroy(): void;
    grab(seat: Resource, serial: number): void;
    reposition(positioner: Resource, token: number): void;
  };
}

export const events = {
  xdg_wm_base: { ping: (to: Resource, serial: number): void => to.send(0, [serial]) },
  xdg_surface: { configure: (to: Resource, serial: number): void => to.send(0, [serial]) },
  xdg_toplevel: {
    configure: (to: Resource, width: number, height: number, states: Uint8Array): void =>
      to.send(0, [width, height, states]),
    close: (to: Resource): void => to.send(1, []),
    configure_bounds: (to: Resource, width: number, height: number): void => to.send(2, [width, height]),
    wm_capabilities: (to: Resource, capabilities: Uint8Array): void => to.send(3, [capabilities]),
  },
  xdg_popup: {
    configure: (to: Resource, x: number, y: number, width: number, height: number): void =>
      to.send(0, [x, y, width, height]),
    popup_done: (to: Resource): void => to.send(1, []),
    repositioned: (to: Resource, token: number): void => to.send(2, [token]),
  },
} as const;

export const enums = {
  xdg_wm_base: {
    error: {
      role: 0,
      defunct_surfaces: 1,
      not_the_topmost_popup: 2,
      invalid_popup_parent: 3,
      invalid_surface_state: 4,
      invalid_positioner: 5,
      unresponsive: 6,
    },
  },
  xdg_positioner: {
    error: { invalid_input: 0 },
    anchor: {
      none: 0,
      top: 1,
      bottom: 2,
      left: 3,
      right: 4,
      top_left: 5,
      bottom_left: 6,
      top_right: 7,
      bottom_right: 8,
    },
    gravity: {
      none: 0,
      top: 1,
      bottom: 2,
      left: 3,
      right: 4,
      top_left: 5,
      bottom_left: 6,
      top_right: 7,
      bottom_right: 8,
    },
    constraint_adjustment: { none: 0, slide_x: 1, slide_y: 2, flip_x: 4, flip_y: 8, resize_x: 16, resize_y: 32 },
  },
  xdg_surface: {
    error: {
      not_constructed: 1,
      already_constructed: 2,
      unconfigured_buffer: 3,
      invalid_serial: 4,
      invalid_size: 5,
      defunct_role_object: 6,
    },
  },
  xdg_toplevel: {
    error: { invalid_resize_edge: 0, invalid_parent: 1, invalid_size: 2 },
    resize_edge: {
      none: 0,
      top: 1,
      bottom: 2,
      left: 4,
      top_left: 5,
      bottom_left: 6,
      right: 8,
      top_right: 9,
      bottom_right: 10,
    },
    state: {
      maximized: 1,
      fullscreen: 2,
      resizing: 3,
      activated: 4,
      tiled_left: 5,
      tiled_right: 6,
      tiled_top: 7,
      tiled_bottom: 8,
      suspended: 9,
      constrained_left: 10,
      constrained_right: 11,
      constrained_top: 12,
      constrained_bottom: 13,
    },
    wm_capabilities: { window_menu: 1, maximize: 2, fullscreen: 3, minimize: 4 },
  },
  xdg_popup: { error: { invalid_grab: 0 } },
} as const;
