/** Programs that wait for a frame, or want to know when it was shown (wl_surface.frame, wp_presentation). */
import { events } from "./protocol/protocol.ts";
import type { Surface } from "./surface/surface.ts";
import type { Outputs } from "./output/outputs.ts";

const SECOND_MS = 1000;

interface ShownFrame {
  readonly nowMs: number;
  /** That were composed so far. */
  readonly frames: number;
  readonly outputs: Outputs;
}

export function tellFrame(surface: Surface, { nowMs, frames, outputs }: ShownFrame): void {
  const { callbacks, feedbacks } = surface.takeFrameWaiters();
  const time = Math.floor(nowMs) >>> 0;
  for (const callback of callbacks) {
    events.wl_callback.done(callback, time);
    callback.destroy();
  }
  if (feedbacks.length === 0) return;
  const seconds = Math.floor(nowMs / SECOND_MS);
  const nanoseconds = Math.floor((nowMs - seconds * SECOND_MS) * 1e6);
  const its = outputs.all.filter(({ name }) => surface.monitors.includes(name));
  const { refreshHz } = (its[0] ?? outputs.first).monitor;
  const refreshNs = Math.round(1e9 / refreshHz);
  for (const feedback of feedbacks) {
    for (const output of its)
      for (const resource of output.of(feedback)) events.wp_presentation_feedback.sync_output(feedback, resource);
    events.wp_presentation_feedback.presented(
      feedback,
      Math.floor(seconds / 2 ** 32),
      seconds >>> 0,
      nanoseconds,
      refreshNs,
      Math.floor(frames / 2 ** 32),
      frames >>> 0,
      0,
    );
    feedback.destroy();
  }
}
