/**
 * Generated from xdg-activation-v1.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2020 Aleix Pol Gonzalez &lt;aleixpol@kde.org&gt;
 * Copyright © 2020 Carlos Garnacho &lt;carlosg@gnome.org&gt;
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
  xdg_activation_v1: {
    name: "xdg_activation_v1",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_activation_token", since: 1, signature: "n", types: ["xdg_activation_token_v1"] },
      { name: "activate", since: 1, signature: "so", types: [null, "wl_surface"] },
    ],
    events: [],
  },
  xdg_activation_token_v1: {
    name: "xdg_activation_token_v1",
    version: 1,
    requests: [
      { name: "set_serial", since: 1, signature: "uo", types: [null, "wl_seat"] },
      { name: "set_app_id", since: 1, signature: "s", types: [null] },
      { name: "set_surface", since: 1, signature: "o", types: ["wl_surface"] },
      { name: "commit", since: 1, signature: "", types: [] },
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
    ],
    events: [{ name: "done", since: 1, signature: "s", types: [null] }],
  },
} as const satisfies Record<string, Interface>;

export interface XdgActivationV1Requests {
  xdg_activation_v1: {
    destroy(): void;
    get_activation_token(id: Resource): void;
    activate(token: string, surface: Resource): void;
  };
  xdg_activation_token_v1: {
    set_serial(serial: number, seat: Resource): void;
    set_app_id(appId: string): void;
    set_surface(surface: Resource): void;
    commit(): void;
    destroy(): void;
  };
}

export const events = {
  xdg_activation_token_v1: { done: (to: Resource, token: string): void => to.send(0, [token]) },
} as const;

export const enums = {
  xdg_activation_token_v1: { error: { already_used: 0 } },
} as const;
