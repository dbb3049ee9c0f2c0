/**
 * Generated from text-input-unstable-v3.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2012, 2013 Intel Corporation
 * Copyright © 2015, 2016 Jan Arne Petersen
 * Copyright © 2017, 2018 Red Hat, Inc.
 * Copyright © 2018       Purism SPC
 *
 * Permission to use, copy, modify, distribute, and sell this
 * software and its documentation for any purpose is hereby granted
 * without fee, provided that the above copyright notice appear in
 * all copies and that both that copyright notice and this permission
 * notice appear in supporting documentation, and that the name of
 * the copyright holders not be used in advertising or publicity
 * pertaining to distribution of the software without specific,
 * written prior permission.  The copyright holders make no
 * representations about the suitability of this software for any
 * purpose.  It is provided "as is" without express or implied
 * warranty.
 *
 * THE COPYRIGHT HOLDERS DISCLAIM ALL WARRANTIES WITH REGARD TO THIS
 * SOFTWARE, INCLUDING ALL IMPLIED WARRANTIES OF MERCHANTABILITY AND
 * FITNESS, IN NO EVENT SHALL THE COPYRIGHT HOLDERS BE LIABLE FOR ANY
 * SPECIAL, INDIRECT OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES
 * WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN
 * AN ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION,
 * ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF
 * THIS SOFTWARE.
 */
import type { Interface, Resource } from "../core/resource.ts";

export const interfaces = {
  zwp_text_input_v3: {
    name: "zwp_text_input_v3",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "enable", since: 1, signature: "", types: [] },
      { name: "disable", since: 1, signature: "", types: [] },
      { name: "set_surrounding_text", since: 1, signature: "sii", types: [null, null, null] },
      { name: "set_text_change_cause", since: 1, signature: "u", types: [null] },
      { name: "set_content_type", since: 1, signature: "uu", types: [null, null] },
      { name: "set_cursor_rectangle", since: 1, signature: "iiii", types: [null, null, null, null] },
      { name: "commit", since: 1, signature: "", types: [] },
    ],
    events: [
      { name: "enter", since: 1, signature: "o", types: ["wl_surface"] },
      { name: "leave", since: 1, signature: "o", types: ["wl_surface"] },
      { name: "preedit_string", since: 1, signature: "?sii", types: [null, null, null] },
      { name: "commit_string", since: 1, signature: "?s", types: [null] },
      { name: "delete_surrounding_text", since: 1, signature: "uu", types: [null, null] },
      { name: "done", since: 1, signature: "u", types: [null] },
    ],
  },
  zwp_text_input_manager_v3: {
    name: "zwp_text_input_manager_v3",
    version: 1,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "get_text_input", since: 1, signature: "no", types: ["zwp_text_input_v3", "wl_seat"] },
    ],
    events: [],
  },
} as const satisfies Record<string, Interface>;

export interface TextInputUnstableV3Requests {
  zwp_text_input_v3: {
    destroy(): void;
    enable(): void;
    disable(): void;
    set_surrounding_text(text: string, cursor: number, anchor: number): void;
    set_text_change_cause(cause: number): void;
    set_content_type(hint: number, purpose: number): void;
    set_cursor_rectangle(x: number, y: number, width: number, height: number): void;
    commit(): void;
  };
  zwp_text_input_manager_v3: { destroy(): void; get_text_input(id: Resource, seat: Resource): void };
}

export const events = {
  zwp_text_input_v3: {
    enter: (to: Resource, surface: Resource): void => to.send(0, [surface]),
    leave: (to: Resource, surface: Resource): void => to.send(1, [surface]),
    preedit_string: (to: Resource, text: string | null, cursorBegin: number, cursorEnd: number): void =>
      to.send(2, [text, cursorBegin, cursorEnd]),
    commit_string: (to: Resource, text: string | null): void => to.send(3, [text]),
    delete_surrounding_text: (to: Resource, beforeLength: number, afterLength: number): void =>
      to.send(4, [beforeLength, afterLength]),
    done: (to: Resource, serial: number): void => to.send(5, [serial]),
  },
} as const;

export const enums = {
  zwp_text_input_v3: {
    change_cause: { input_method: 0, other: 1 },
    content_hint: {
      none: 0x0,
      completion: 0x1,
      spellcheck: 0x2,
      auto_capitalization: 0x4,
      lowercase: 0x8,
      uppercase: 0x10,
      titlecase: 0x20,
      hidden_text: 0x40,
      sensitive_data: 0x80,
      latin: 0x100,
      multiline: 0x200,
    },
    content_purpose: {
      normal: 0,
      alpha: 1,
      digits: 2,
      number: 3,
      phone: 4,
      url: 5,
      email: 6,
      name: 7,
      password: 8,
      pin: 9,
      date: 10,
      time: 11,
      datetime: 12,
      terminal: 13,
    },
  },
} as const;
