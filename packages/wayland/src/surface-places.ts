/** Which monitors surfaces lie on, told to programs as it changes (wl_surface.enter, leave, preferred scales). */
import type { Resource } from "./core/resource.ts";
import { events } from "./protocol/protocol.ts";
import type { ShownNode } from "./render/scene-damage.ts";
import type { Drawn } from "./shell/screen.ts";
import { Surface } from "./surface/surface.ts";
import type { Output } from "./output/output.ts";
import type { Outputs } from "./output/outputs.ts";

const NONE: readonly number[] = [];

/** @param before  those of the last frame. @param shown  those that are in sight, by their places on the screen */
export function tellPlaces(outputs: Outputs, before: readonly Surface[], shown: readonly ShownNode<Drawn>[]): void {
  const gone = new Set(before);
  for (const { surface, place } of shown) {
    if (!(surface instanceof Surface)) continue;
    gone.delete(surface);
    lieOn(surface, outputs, outputs.over(place));
    if (surface.monitors.length > 0) surface.preferScale(outputs.at(place).monitor.scale);
  }
  for (const surface of gone) lieOn(surface, outputs, NONE);
}

function lieOn(surface: Surface, outputs: Outputs, names: readonly number[]): void {
  const before = surface.monitors;
  if (before.length === names.length && before.every((name, at) => name === names[at])) return;
  surface.monitors = names;
  for (const output of outputs.all) {
    const is = names.includes(output.name);
    if (is === before.includes(output.name)) continue;
    for (const resource of output.of(surface.resource))
      if (is) events.wl_surface.enter(surface.resource, resource);
      else events.wl_surface.leave(surface.resource, resource);
  }
}

/** Monitors go: it is not on them any more. */
export function leaveOutputs(surface: Surface, gone: readonly Output[]): void {
  for (const { name, of } of gone.map((output) => ({ name: output.name, of: output.of(surface.resource) }))) {
    if (!surface.monitors.includes(name)) continue;
    surface.monitors = surface.monitors.filter((each) => each !== name);
    for (const resource of of) events.wl_surface.leave(surface.resource, resource);
  }
}

/** A program has bound a monitor on which it has surfaces. */
export function tellBound(shown: readonly ShownNode<Drawn>[], { name }: Output, resource: Resource): void {
  for (const { surface } of shown)
    if (surface instanceof Surface && surface.client === resource.client && surface.monitors.includes(name))
      events.wl_surface.enter(surface.resource, resource);
}
