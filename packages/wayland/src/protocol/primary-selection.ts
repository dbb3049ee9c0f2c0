/**
 * Generated from primary-selection-unstable-v1.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2015, 2016 Red Hat
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
import type { SharedFile } from "../core/ports.ts";

export const interfaces = {
  zwp_primary_selection_device_manager_v1: {
    name: "zwp_primary_selection_device_manager_v1",
    version: 1,
    requests: [
      { name: "create_source", since: 1, signature: "n", types: ["zwp_primary_selection_source_v1"] },
      { name: "get_device", since: 1, signature: "no", types: ["zwp_primary_selection_device_v1", "wl_seat"] },
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
    ],
    events: [],
  },
  zwp_primary_selection_device_v1: {
    name: "zwp_primary_selection_device_v1",
    version: 1,
    requests: [
      { name: "set_selection", since: 1, signature: "?ou", types: ["zwp_primary_selection_source_v1", null] },
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
    ],
    events: [
      { name: "data_offer", since: 1, signature: "n", types: ["zwp_primary_selection_offer_v1"] },
      { name: "selection", since: 1, signature: "?o", types: ["zwp_primary_selection_offer_v1"] },
    ],
  },
  zwp_primary_selection_offer_v1: {
    name: "zwp_primary_selection_offer_v1",
    version: 1,
    requests: [
      { name: "receive", since: 1, signature: "sh", types: [null, null] },
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
    ],
    events: [{ name: "offer", since: 1, signature: "s", types: [null] }],
  },
  zwp_primary_selection_source_v1: {
    name: "zwp_primary_selection_source_v1",
    version: 1,
    requests: [
      { name: "offer", since: 1, signature: "s", types: [null] },
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
    ],
    events: [
      { name: "send", since: 1, signature: "sh", types: [null, null] },
      { name: "cancelled", since: 1, signature: "", types: [] },
    ],
  },
} as const satisfies Record<string, Interface>;

export interface WpPrimarySelectionUnstableV1Requests {
  zwp_primary_selection_device_manager_v1: {
    create_source(id: Resource): void;
    get_device(id: Resource, seat: Resource): void;
    destroy(): void;
  };
  zwp_primary_selection_device_v1: { set_selection(source: Resource | null, serial: number): void; destroy(): void };
  zwp_primary_selection_offer_v1: { receive(mimeType: string, fd: SharedFile): void; destroy(): void };
  zwp_primary_selection_source_v1: { offer(mimeType: string): void; destroy(): void };
}

export const events = {
  zwp_primary_selection_device_v1: {
    data_offer: (to: Resource, offer: Resource): void => to.send(0, [offer]),
    selection: (to: Resource, id: Resource | null): void => to.send(1, [id]),
  },
  zwp_primary_selection_offer_v1: { offer: (to: Resource, mimeType: string): void => to.send(0, [mimeType]) },
  zwp_primary_selection_source_v1: {
    send: (to: Resource, mimeType: string, fd: SharedFile): void => to.send(0, [mimeType, fd]),
    cancelled: (to: Resource): void => to.send(1, []),
  },
} as const;
