/**
 * Generated from wayland.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2008-2011 Kristian Høgsberg
 * Copyright © 2010-2011 Intel Corporation
 * Copyright © 2012-2013 Collabora, Ltd.
 *
 * Permission is hereby granted, free of charge, to any person
 * obtaining a copy of this software and associated documentation files
 * (the "Software"), to deal in the Software without restriction,
 * including without limitation the rights to use, copy, modify, merge,
 * publish, distribute, sublicense, and/or sell copies of the Software,
 * and to permit persons to whom the Software is furnished to do so,
 * subject to the following conditions:
 *
 * The above copyright notice and this permission notice (including the
 * next paragraph) shall be included in all copies or substantial
 * portions of the Software.
 *
 * THE SOFTWARE IS PROVIDED "AS IS", WITHOUT WARRANTY OF ANY KIND,
 * EXPRESS OR IMPLIED, INCLUDING BUT NOT LIMITED TO THE WARRANTIES OF
 * MERCHANTABILITY, FITNESS FOR A PARTICULAR PURPOSE AND
 * NONINFRINGEMENT.  IN NO EVENT SHALL THE AUTHORS OR COPYRIGHT HOLDERS
 * BE LIABLE FOR ANY CLAIM, DAMAGES OR OTHER LIABILITY, WHETHER IN AN
 * ACTION OF CONTRACT, TORT OR OTHERWISE, ARISING FROM, OUT OF OR IN
 * CONNECTION WITH THE SOFTWARE OR THE USE OR OTHER DEALINGS IN THE
 * SOFTWARE.
 */
import type { Interface, Resource } from "../core/resource.ts";
import type { SharedFile } from "../core/ports.ts";

export const interfaces = {
  wl_display: {
    name: "wl_display",
    version: 1,
    requests: [
      { name: "sync", since: 1, signature: "n", types: ["wl_callback"] },
      { name: "get_registry", since: 1, signature: "n", types: ["wl_registry"] },
    ],
    events: [
      { name: "error", since: 1, signature: "ous", types: [null, null, null] },
      { name: "delete_id", since: 1, signature: "u", types: [null] },
    ],
  },
  wl_registry: {
    name: "wl_registry",
    version: 1,
    requests: [{ name: "bind", since: 1, signature: "usuu", types: [null, null, null, null] }],
    events: [
      { name: "global", since: 1, signature: "usu", types: [null, null, null] },
      { name: "global_remove", since: 1, signature: "u", types: [null] },
    ],
  },
  wl_callback: {
    name: "wl_callback",
    version: 1,
    requests: [],
    events: [{ name: "done", since: 1, signature: "u", types: [null], isDestructor: true }],
  },
  wl_compositor: {
    name: "wl_compositor",
    version: 6,
    requests: [
      { name: "create_surface", since: 1, signature: "n", types: ["wl_surface"] },
      { name: "create_region", since: 1, signature: "n", types: ["wl_region"] },
    ],
    events: [],
  },
  wl_shm_pool: {
    name: "wl_shm_pool",
    version: 2,
    requests: [
      { name: "create_buffer", since: 1, signature: "niiiiu", types: ["wl_buffer", null, null, null, null, null] },
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "resize", since: 1, signature: "i", types: [null] },
    ],
    events: [],
  },
  wl_shm: {
    name: "wl_shm",
    version: 2,
    requests: [
      { name: "create_pool", since: 1, signature: "nhi", types: ["wl_shm_pool", null, null] },
      { name: "release", since: 2, signature: "", types: [], isDestructor: true },
    ],
    events: [{ name: "format", since: 1, signature: "u", types: [null] }],
  },
  wl_buffer: {
    name: "wl_buffer",
    version: 1,
    requests: [{ name: "destroy", since: 1, signature: "", types: [], isDestructor: true }],
    events: [{ name: "release", since: 1, signature: "", types: [] }],
  },
  wl_data_offer: {
    name: "wl_data_offer",
    version: 3,
    requests: [
      { name: "accept", since: 1, signature: "u?s", types: [null, null] },
      { name: "receive", since: 1, signature: "sh", types: [null, null] },
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "finish", since: 3, signature: "", types: [] },
      { name: "set_actions", since: 3, signature: "uu", types: [null, null] },
    ],
    events: [
      { name: "offer", since: 1, signature: "s", types: [null] },
      { name: "source_actions", since: 3, signature: "u", types: [null] },
      { name: "action", since: 3, signature: "u", types: [null] },
    ],
  },
  wl_data_source: {
    name: "wl_data_source",
    version: 3,
    requests: [
      { name: "offer", since: 1, signature: "s", types: [null] },
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "set_actions", since: 3, signature: "u", types: [null] },
    ],
    events: [
      { name: "target", since: 1, signature: "?s", types: [null] },
      { name: "send", since: 1, signature: "sh", types: [null, null] },
      { name: "cancelled", since: 1, signature: "", types: [] },
      { name: "dnd_drop_performed", since: 3, signature: "", types: [] },
      { name: "dnd_finished", since: 3, signature: "", types: [] },
      { name: "action", since: 3, signature: "u", types: [null] },
    ],
  },
  wl_data_device: {
    name: "wl_data_device",
    version: 3,
    requests: [
      {
        name: "start_drag",
        since: 1,
        signature: "?oo?ou",
        types: ["wl_data_source", "wl_surface", "wl_surface", null],
      },
      { name: "set_selection", since: 1, signature: "?ou", types: ["wl_data_source", null] },
      { name: "release", since: 2, signature: "", types: [], isDestructor: true },
    ],
    events: [
      { name: "data_offer", since: 1, signature: "n", types: ["wl_data_offer"] },
      { name: "enter", since: 1, signature: "uoff?o", types: [null, "wl_surface", null, null, "wl_data_offer"] },
      { name: "leave", since: 1, signature: "", types: [] },
      { name: "motion", since: 1, signature: "uff", types: [null, null, null] },
      { name: "drop", since: 1, signature: "", types: [] },
      { name: "selection", since: 1, signature: "?o", types: ["wl_data_offer"] },
    ],
  },
  wl_data_device_manager: {
    name: "wl_data_device_manager",
    version: 3,
    requests: [
      { name: "create_data_source", since: 1, signature: "n", types: ["wl_data_source"] },
      { name: "get_data_device", since: 1, signature: "no", types: ["wl_data_device", "wl_seat"] },
    ],
    events: [],
  },
  wl_shell: {
    name: "wl_shell",
    version: 1,
    requests: [{ name: "get_shell_surface", since: 1, signature: "no", types: ["wl_shell_surface", "wl_surface"] }],
    events: [],
  },
  wl_shell_surface: {
    name: "wl_shell_surface",
    version: 1,
    requests: [
      { name: "pong", since: 1, signature: "u", types: [null] },
      { name: "move", since: 1, signature: "ou", types: ["wl_seat", null] },
      { name: "resize", since: 1, signature: "ouu", types: ["wl_seat", null, null] },
      { name: "set_toplevel", since: 1, signature: "", types: [] },
      { name: "set_transient", since: 1, signature: "oiiu", types: ["wl_surface", null, null, null] },
      { name: "set_fullscreen", since: 1, signature: "uu?o", types: [null, null, "wl_output"] },
      { name: "set_popup", since: 1, signature: "ouoiiu", types: ["wl_seat", null, "wl_surface", null, null, null] },
      { name: "set_maximized", since: 1, signature: "?o", types: ["wl_output"] },
      { name: "set_title", since: 1, signature: "s", types: [null] },
      { name: "set_class", since: 1, signature: "s", types: [null] },
    ],
    events: [
      { name: "ping", since: 1, signature: "u", types: [null] },
      { name: "configure", since: 1, signature: "uii", types: [null, null, null] },
      { name: "popup_done", since: 1, signature: "", types: [] },
    ],
  },
  wl_surface: {
    name: "wl_surface",
    version: 6,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "attach", since: 1, signature: "?oii", types: ["wl_buffer", null, null] },
      { name: "damage", since: 1, signature: "iiii", types: [null, null, null, null] },
      { name: "frame", since: 1, signature: "n", types: ["wl_callback"] },
      { name: "set_opaque_region", since: 1, signature: "?o", types: ["wl_region"] },
      { name: "set_input_region", since: 1, signature: "?o", types: ["wl_region"] },
      { name: "commit", since: 1, signature: "", types: [] },
      { name: "set_buffer_transform", since: 2, signature: "i", types: [null] },
      { name: "set_buffer_scale", since: 3, signature: "i", types: [null] },
      { name: "damage_buffer", since: 4, signature: "iiii", types: [null, null, null, null] },
      { name: "offset", since: 5, signature: "ii", types: [null, null] },
    ],
    events: [
      { name: "enter", since: 1, signature: "o", types: ["wl_output"] },
      { name: "leave", since: 1, signature: "o", types: ["wl_output"] },
      { name: "preferred_buffer_scale", since: 6, signature: "i", types: [null] },
      { name: "preferred_buffer_transform", since: 6, signature: "u", types: [null] },
    ],
  },
  wl_seat: {
    name: "wl_seat",
    version: 9,
    requests: [
      { name: "get_pointer", since: 1, signature: "n", types: ["wl_pointer"] },
      { name: "get_keyboard", since: 1, signature: "n", types: ["wl_keyboard"] },
      { name: "get_touch", since: 1, signature: "n", types: ["wl_touch"] },
      { name: "release", since: 5, signature: "", types: [], isDestructor: true },
    ],
    events: [
      { name: "capabilities", since: 1, signature: "u", types: [null] },
      { name: "name", since: 2, signature: "s", types: [null] },
    ],
  },
  wl_pointer: {
    name: "wl_pointer",
    version: 9,
    requests: [
      { name: "set_cursor", since: 1, signature: "u?oii", types: [null, "wl_surface", null, null] },
      { name: "release", since: 3, signature: "", types: [], isDestructor: true },
    ],
    events: [
      { name: "enter", since: 1, signature: "uoff", types: [null, "wl_surface", null, null] },
      { name: "leave", since: 1, signature: "uo", types: [null, "wl_surface"] },
      { name: "motion", since: 1, signature: "uff", types: [null, null, null] },
      { name: "button", since: 1, signature: "uuuu", types: [null, null, null, null] },
      { name: "axis", since: 1, signature: "uuf", types: [null, null, null] },
      { name: "frame", since: 5, signature: "", types: [] },
      { name: "axis_source", since: 5, signature: "u", types: [null] },
      { name: "axis_stop", since: 5, signature: "uu", types: [null, null] },
      { name: "axis_discrete", since: 5, signature: "ui", types: [null, null] },
      { name: "axis_value120", since: 8, signature: "ui", types: [null, null] },
      { name: "axis_relative_direction", since: 9, signature: "uu", types: [null, null] },
    ],
  },
  wl_keyboard: {
    name: "wl_keyboard",
    version: 9,
    requests: [{ name: "release", since: 3, signature: "", types: [], isDestructor: true }],
    events: [
      { name: "keymap", since: 1, signature: "uhu", types: [null, null, null] },
      { name: "enter", since: 1, signature: "uoa", types: [null, "wl_surface", null] },
      { name: "leave", since: 1, signature: "uo", types: [null, "wl_surface"] },
      { name: "key", since: 1, signature: "uuuu", types: [null, null, null, null] },
      { name: "modifiers", since: 1, signature: "uuuuu", types: [null, null, null, null, null] },
      { name: "repeat_info", since: 4, signature: "ii", types: [null, null] },
    ],
  },
  wl_touch: {
    name: "wl_touch",
    version: 9,
    requests: [{ name: "release", since: 3, signature: "", types: [], isDestructor: true }],
    events: [
      { name: "down", since: 1, signature: "uuoiff", types: [null, null, "wl_surface", null, null, null] },
      { name: "up", since: 1, signature: "uui", types: [null, null, null] },
      { name: "motion", since: 1, signature: "uiff", types: [null, null, null, null] },
      { name: "frame", since: 1, signature: "", types: [] },
      { name: "cancel", since: 1, signature: "", types: [] },
      { name: "shape", since: 6, signature: "iff", types: [null, null, null] },
      { name: "orientation", since: 6, signature: "if", types: [null, null] },
    ],
  },
  wl_output: {
    name: "wl_output",
    version: 4,
    requests: [{ name: "release", since: 3, signature: "", types: [], isDestructor: true }],
    events: [
      { name: "geometry", since: 1, signature: "iiiiissi", types: [null, null, null, null, null, null, null, null] },
      { name: "mode", since: 1, signature: "uiii", types: [null, null, null, null] },
      { name: "done", since: 2, signature: "", types: [] },
      { name: "scale", since: 2, signature: "i", types: [null] },
      { name: "name", since: 4, signature: "s", types: [null] },
      { name: "description", since: 4, signature: "s", types: [null] },
    ],
  },
  wl_region: {
    name: "wl_region",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "add", since: 1, signature: "iiii", types: [null, null, null, null] },
      { name: "subtract", since: 1, signature: "iiii", types: [null, null, null, null] },
    ],
    events: [],
  },
  wl_subcompositor: {
    name: "wl_subcompositor",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_subsurface", since: 1, signature: "noo", types: ["wl_subsurface", "wl_surface", "wl_surface"] },
    ],
    events: [],
  },
  wl_subsurface: {
    name: "wl_subsurface",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "set_position", since: 1, signature: "ii", types: [null, null] },
      { name: "place_above", since: 1, signature: "o", types: ["wl_surface"] },
      { name: "place_below", since: 1, signature: "o", types: ["wl_surface"] },
      { name: "set_sync", since: 1, signature: "", types: [] },
      { name: "set_desync", since: 1, signature: "", types: [] },
    ],
    events: [],
  },
} as const satisfies Record<string, Interface>;

export interface WaylandRequests {
  wl_display: { sync(callback: Resource): void; get_registry(registry: Resource): void };
  wl_registry: { bind(name: number, interfaceName: string, version: number, id: number): void };
  wl_callback: {};
  wl_compositor: { create_surface(id: Resource): void; create_region(id: Resource): void };
  wl_shm_pool: {
    create_buffer(id: Resource, offset: number, width: number, height: number, stride: number, format: number): void;
    destroy(): void;
    resize(size: number): void;
  };
  wl_shm: { create_pool(id: Resource, fd: SharedFile, size: number): void; release(): void };
  wl_buffer: { destroy(): void };
  wl_data_offer: {
    accept(serial: number, mimeType: string | null): void;
    receive(mimeType: string, fd: SharedFile): void;
    destroy(): void;
    finish(): void;
    set_actions(dndActions: number, preferredAction: number): void;
  };
  wl_data_source: { offer(mimeType: string): void; destroy(): void; set_actions(dndActions: number): void };
  wl_data_device: {
    start_drag(source: Resource | null, origin: Resource, icon: Resource | null, serial: number): void;
    set_selection(source: Resource | null, serial: number): void;
    release(): void;
  };
  wl_data_device_manager: {
    create_data_source(id: Resource): void;
    get_data_device(id: Resource, seat: Resource): void;
  };
  wl_shell: { get_shell_surface(id: Resource, surface: Resource): void };
  wl_shell_surface: {
    pong(serial: number): void;
    move(seat: Resource, serial: number): void;
    resize(seat: Resource, serial: number, edges: number): void;
    set_toplevel(): void;
    set_transient(parent: Resource, x: number, y: number, flags: number): void;
    set_fullscreen(method: number, framerate: number, output: Resource | null): void;
    set_popup(seat: Resource, serial: number, parent: Resource, x: number, y: number, flags: number): void;
    set_maximized(output: Resource | null): void;
    set_title(title: string): void;
    set_class(class_: string): void;
  };
  wl_surface: {
    destroy(): void;
    attach(buffer: Resource | null, x: number, y: number): void;
    damage(x: number, y: number, width: number, height: number): void;
    frame(callback: Resource): void;
    set_opaque_region(region: Resource | null): void;
    set_input_region(region: Resource | null): void;
    commit(): void;
    set_buffer_transform(transform: number): void;
    set_buffer_scale(scale: number): void;
    damage_buffer(x: number, y: number, width: number, height: number): void;
    offset(x: number, y: number): void;
  };
  wl_seat: {
    get_pointer(id: Resource): void;
    get_keyboard(id: Resource): void;
    get_touch(id: Resource): void;
    release(): void;
  };
  wl_pointer: {
    set_cursor(serial: number, surface: Resource | null, hotspotX: number, hotspotY: number): void;
    release(): void;
  };
  wl_keyboard: { release(): void };
  wl_touch: { release(): void };
  wl_output: { release(): void };
  wl_region: {
    destroy(): void;
    add(x: number, y: number, width: number, height: number): void;
    subtract(x: number, y: number, width: number, height: number): void;
  };
  wl_subcompositor: { destroy(): void; get_subsurface(id: Resource, surface: Resource, parent: Resource): void };
  wl_subsurface: {
    destroy(): void;
    set_position(x: number, y: number): void;
    place_above(sibling: Resource): void;
    place_below(sibling: Resource): void;
    set_sync(): void;
    set_desync(): void;
  };
}

export const events = {
  wl_display: {
    error: (to: Resource, objectId: Resource, code: number, message: string): void =>
      to.send(0, [objectId, code, message]),
    delete_id: (to: Resource, id: number): void => to.send(1, [id]),
  },
  wl_registry: {
    global: (to: Resource, name: number, interface_: string, version: number): void =>
      to.send(0, [name, interface_, version]),
    global_remove: (to: Resource, name: number): void => to.send(1, [name]),
  },
  wl_callback: { done: (to: Resource, callbackData: number): void => to.send(0, [callbackData]) },
  wl_shm: { format: (to: Resource, format: number): void => to.send(0, [format]) },
  wl_buffer: { release: (to: Resource): void => to.send(0, []) },
  wl_data_offer: {
    offer: (to: Resource, mimeType: string): void => to.send(0, [mimeType]),
    source_actions: (to: Resource, sourceActions: number): void => to.send(1, [sourceActions]),
    action: (to: Resource, dndAction: number): void => to.send(2, [dndAction]),
  },
  wl_data_source: {
    target: (to: Resource, mimeType: string | null): void => to.send(0, [mimeType]),
    send: (to: Resource, mimeType: string, fd: SharedFile): void => to.send(1, [mimeType, fd]),
    cancelled: (to: Resource): void => to.send(2, []),
    dnd_drop_performed: (to: Resource): void => to.send(3, []),
    dnd_finished: (to: Resource): void => to.send(4, []),
    action: (to: Resource, dndAction: number): void => to.send(5, [dndAction]),
  },
  wl_data_device: {
    data_offer: (to: Resource, id: Resource): void => to.send(0, [id]),
    enter: (to: Resource, serial: number, surface: Resource, x: number, y: number, id: Resource | null): void =>
      to.send(1, [serial, surface, x, y, id]),
    leave: (to: Resource): void => to.send(2, []),
    motion: (to: Resource, time: number, x: number, y: number): void => to.send(3, [time, x, y]),
    drop: (to: Resource): void => to.send(4, []),
    selection: (to: Resource, id: Resource | null): void => to.send(5, [id]),
  },
  wl_shell_surface: {
    ping: (to: Resource, serial: number): void => to.send(0, [serial]),
    configure: (to: Resource, edges: number, width: number, height: number): void => to.send(1, [edges, width, height]),
    popup_done: (to: Resource): void => to.send(2, []),
  },
  wl_surface: {
    enter: (to: Resource, output: Resource): void => to.send(0, [output]),
    leave: (to: Resource, output: Resource): void => to.send(1, [output]),
    preferred_buffer_scale: (to: Resource, factor: number): void => to.send(2, [factor]),
    preferred_buffer_transform: (to: Resource, transform: number): void => to.send(3, [transform]),
  },
  wl_seat: {
    capabilities: (to: Resource, capabilities: number): void => to.send(0, [capabilities]),
    name: (to: Resource, name: string): void => to.send(1, [name]),
  },
  wl_pointer: {
    enter: (to: Resource, serial: number, surface: Resource, surfaceX: number, surfaceY: number): void =>
      to.send(0, [serial, surface, surfaceX, surfaceY]),
    leave: (to: Resource, serial: number, surface: Resource): void => to.send(1, [serial, surface]),
    motion: (to: Resource, time: number, surfaceX: number, surfaceY: number): void =>
      to.send(2, [time, surfaceX, surfaceY]),
    button: (to: Resource, serial: number, time: number, button: number, state: number): void =>
      to.send(3, [serial, time, button, state]),
    axis: (to: Resource, time: number, axis: number, value: number): void => to.send(4, [time, axis, value]),
    frame: (to: Resource): void => to.send(5, []),
    axis_source: (to: Resource, axisSource: number): void => to.send(6, [axisSource]),
    axis_stop: (to: Resource, time: number, axis: number): void => to.send(7, [time, axis]),
    axis_discrete: (to: Resource, axis: number, discrete: number): void => to.send(8, [axis, discrete]),
    axis_value120: (to: Resource, axis: number, value120: number): void => to.send(9, [axis, value120]),
    axis_relative_direction: (to: Resource, axis: number, direction: number): void => to.send(10, [axis, direction]),
  },
  wl_keyboard: {
    keymap: (to: Resource, format: number, fd: SharedFile, size: number): void => to.send(0, [format, fd, size]),
    enter: (to: Resource, serial: number, surface: Resource, keys: Uint8Array): void =>
      to.send(1, [serial, surface, keys]),
    leave: (to: Resource, serial: number, surface: Resource): void => to.send(2, [serial, surface]),
    key: (to: Resource, serial: number, time: number, key: number, state: number): void =>
      to.send(3, [serial, time, key, state]),
    modifiers: (
      to: Resource,
      serial: number,
      modsDepressed: number,
      modsLatched: number,
      modsLocked: number,
      group: number,
    ): void => to.send(4, [serial, modsDepressed, modsLatched, modsLocked, group]),
    repeat_info: (to: Resource, rate: number, delay: number): void => to.send(5, [rate, delay]),
  },
  wl_touch: {
    down: (to: Resource, serial: number, time: number, surface: Resource, id: number, x: number, y: number): void =>
      to.send(0, [serial, time, surface, id, x, y]),
    up: (to: Resource, serial: number, time: number, id: number): void => to.send(1, [serial, time, id]),
    motion: (to: Resource, time: number, id: number, x: number, y: number): void => to.send(2, [time, id, x, y]),
    frame: (to: Resource): void => to.send(3, []),
    cancel: (to: Resource): void => to.send(4, []),
    shape: (to: Resource, id: number, major: number, minor: number): void => to.send(5, [id, major, minor]),
    orientation: (to: Resource, id: number, orientation: number): void => to.send(6, [id, orientation]),
  },
  wl_output: {
    geometry: (
      to: Resource,
      x: number,
      y: number,
      physicalWidth: number,
      physicalHeight: number,
      subpixel: number,
      make: string,
      model: string,
      transform: number,
    ): void => to.send(0, [x, y, physicalWidth, physicalHeight, subpixel, make, model, transform]),
    mode: (to: Resource, flags: number, width: number, height: number, refresh: number): void =>
      to.send(1, [flags, width, height, refresh]),
    done: (to: Resource): void => to.send(2, []),
    scale: (to: Resource, factor: number): void => to.send(3, [factor]),
    name: (to: Resource, name: string): void => to.send(4, [name]),
    description: (to: Resource, description: string): void => to.send(5, [description]),
  },
} as const;

export const enums = {
  wl_display: { error: { invalid_object: 0, invalid_method: 1, no_memory: 2, implementation: 3 } },
  wl_shm: {
    error: { invalid_format: 0, invalid_stride: 1, invalid_fd: 2 },
    format: {
      argb8888: 0,
      xrgb8888: 1,
      c8: 0x20203843,
      rgb332: 0x38424752,
      bgr233: 0x38524742,
      xrgb4444: 0x32315258,
      xbgr4444: 0x32314258,
      rgbx4444: 0x32315852,
      bgrx4444: 0x32315842,
      argb4444: 0x32315241,
      abgr4444: 0x32314241,
      rgba4444: 0x32314152,
      bgra4444: 0x32314142,
      xrgb1555: 0x35315258,
      xbgr1555: 0x35314258,
      rgbx5551: 0x35315852,
      bgrx5551: 0x35315842,
      argb1555: 0x35315241,
      abgr1555: 0x35314241,
      rgba5551: 0x35314152,
      bgra5551: 0x35314142,
      rgb565: 0x36314752,
      bgr565: 0x36314742,
      rgb888: 0x34324752,
      bgr888: 0x34324742,
      xbgr8888: 0x34324258,
      rgbx8888: 0x34325852,
      bgrx8888: 0x34325842,
      abgr8888: 0x34324241,
      rgba8888: 0x34324152,
      bgra8888: 0x34324142,
      xrgb2101010: 0x30335258,
      xbgr2101010: 0x30334258,
      rgbx1010102: 0x30335852,
      bgrx1010102: 0x30335842,
      argb2101010: 0x30335241,
      abgr2101010: 0x30334241,
      rgba1010102: 0x30334152,
      bgra1010102: 0x30334142,
      yuyv: 0x56595559,
      yvyu: 0x55595659,
      uyvy: 0x59565955,
      vyuy: 0x59555956,
      ayuv: 0x56555941,
      nv12: 0x3231564e,
      nv21: 0x3132564e,
      nv16: 0x3631564e,
      nv61: 0x3136564e,
      yuv410: 0x39565559,
      yvu410: 0x39555659,
      yuv411: 0x31315559,
      yvu411: 0x31315659,
      yuv420: 0x32315559,
      yvu420: 0x32315659,
      yuv422: 0x36315559,
      yvu422: 0x36315659,
      yuv444: 0x34325559,
      yvu444: 0x34325659,
      r8: 0x20203852,
      r16: 0x20363152,
      rg88: 0x38384752,
      gr88: 0x38385247,
      rg1616: 0x32334752,
      gr1616: 0x32335247,
      xrgb16161616f: 0x48345258,
      xbgr16161616f: 0x48344258,
      argb16161616f: 0x48345241,
      abgr16161616f: 0x48344241,
      xyuv8888: 0x56555958,
      vuy888: 0x34325556,
      vuy101010: 0x30335556,
      y210: 0x30313259,
      y212: 0x32313259,
      y216: 0x36313259,
      y410: 0x30313459,
      y412: 0x32313459,
      y416: 0x36313459,
      xvyu2101010: 0x30335658,
      xvyu12_16161616: 0x36335658,
      xvyu16161616: 0x38345658,
      y0l0: 0x304c3059,
      x0l0: 0x304c3058,
      y0l2: 0x324c3059,
      x0l2: 0x324c3058,
      yuv420_8bit: 0x38305559,
      yuv420_10bit: 0x30315559,
      xrgb8888_a8: 0x38415258,
      xbgr8888_a8: 0x38414258,
      rgbx8888_a8: 0x38415852,
      bgrx8888_a8: 0x38415842,
      rgb888_a8: 0x38413852,
      bgr888_a8: 0x38413842,
      rgb565_a8: 0x38413552,
      bgr565_a8: 0x38413542,
      nv24: 0x3432564e,
      nv42: 0x3234564e,
      p210: 0x30313250,
      p010: 0x30313050,
      p012: 0x32313050,
      p016: 0x36313050,
      axbxgxrx106106106106: 0x30314241,
      nv15: 0x3531564e,
      q410: 0x30313451,
      q401: 0x31303451,
      xrgb16161616: 0x38345258,
      xbgr16161616: 0x38344258,
      argb16161616: 0x38345241,
      abgr16161616: 0x38344241,
      c1: 0x20203143,
      c2: 0x20203243,
      c4: 0x20203443,
      d1: 0x20203144,
      d2: 0x20203244,
      d4: 0x20203444,
      d8: 0x20203844,
      r1: 0x20203152,
      r2: 0x20203252,
      r4: 0x20203452,
      r10: 0x20303152,
      r12: 0x20323152,
      avuy8888: 0x59555641,
      xvuy8888: 0x59555658,
      p030: 0x30333050,
    },
  },
  wl_data_offer: { error: { invalid_finish: 0, invalid_action_mask: 1, invalid_action: 2, invalid_offer: 3 } },
  wl_data_source: { error: { invalid_action_mask: 0, invalid_source: 1 } },
  wl_data_device: { error: { role: 0, used_source: 1 } },
  wl_data_device_manager: { dnd_action: { none: 0, copy: 1, move: 2, ask: 4 } },
  wl_shell: { error: { role: 0 } },
  wl_shell_surface: {
    resize: {
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
    transient: { inactive: 0x1 },
    fullscreen_method: { default: 0, scale: 1, driver: 2, fill: 3 },
  },
  wl_surface: {
    error: { invalid_scale: 0, invalid_transform: 1, invalid_size: 2, invalid_offset: 3, defunct_role_object: 4 },
  },
  wl_seat: { capability: { pointer: 1, keyboard: 2, touch: 4 }, error: { missing_capability: 0 } },
  wl_pointer: {
    error: { role: 0 },
    button_state: { released: 0, pressed: 1 },
    axis: { vertical_scroll: 0, horizontal_scroll: 1 },
    axis_source: { wheel: 0, finger: 1, continuous: 2, wheel_tilt: 3 },
    axis_relative_direction: { identical: 0, inverted: 1 },
  },
  wl_keyboard: { keymap_format: { no_keymap: 0, xkb_v1: 1 }, key_state: { released: 0, pressed: 1 } },
  wl_output: {
    subpixel: { unknown: 0, none: 1, horizontal_rgb: 2, horizontal_bgr: 3, vertical_rgb: 4, vertical_bgr: 5 },
    transform: { normal: 0, "90": 1, "180": 2, "270": 3, flipped: 4, flipped_90: 5, flipped_180: 6, flipped_270: 7 },
    mode: { current: 0x1, preferred: 0x2 },
  },
  wl_subcompositor: { error: { bad_surface: 0, bad_parent: 1 } },
  wl_subsurface: { error: { bad_surface: 0 } },
} as const;
