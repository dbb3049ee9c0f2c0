/**
 * Generated from presentation-time.xml by tools/wayland-protocols.ts: change that. Notice of its authors:
 *
 * Copyright © 2013-2014 Collabora, Ltd.
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
  wp_presentation: {
    name: "wp_presentation",
    version: 2,
    requests: [
      { name: "destroy", since: 1, signature: "", types: [], isDestructor: true },
      { name: "feedback", since: 1, signature: "on", types: ["wl_surface", "wp_presentation_feedback"] },
    ],
    events: [{ name: "clock_id", since: 1, signature: "u", types: [null] }],
  },
  wp_presentation_feedback: {
    name: "wp_presentation_feedback",
    version: 2,
    requests: [],
    events: [
      { name: "sync_output", since: 1, signature: "o", types: ["wl_output"] },
      {
        name: "presented",
        since: 1,
        signature: "uuuuuuu",
        types: [null, null, null, null, null, null, null],
        isDestructor: true,
      },
      { name: "discarded", since: 1, signature: "", types: [], isDestructor: true },
    ],
  },
} as const satisfies Record<string, Interface>;

export interface PresentationTimeRequests {
  wp_presentation: { destroy(): void; feedback(surface: Resource, callback: Resource): void };
  wp_presentation_feedback: {};
}

export const events = {
  wp_presentation: { clock_id: (to: Resource, clkId: number): void => to.send(0, [clkId]) },
  wp_presentation_feedback: {
    sync_output: (to: Resource, output: Resource): void => to.send(0, [output]),
    presented: (
      to: Resource,
      tvSecHi: number,
      tvSecLo: number,
      tvNsec: number,
      refresh: number,
      seqHi: number,
      seqLo: number,
      flags: number,
    ): void => to.send(1, [tvSecHi, tvSecLo, tvNsec, refresh, seqHi, seqLo, flags]),
    discarded: (to: Resource): void => to.send(2, []),
  },
} as const;

export const enums = {
  wp_presentation: { error: { invalid_timestamp: 0, invalid_flag: 1 } },
  wp_presentation_feedback: { kind: { vsync: 0x1, hw_clock: 0x2, hw_completion: 0x4, zero_copy: 0x8 } },
} as const;
