/**
 * The monitors of a screen: which there are, what lies on which, and what programs bind of them. They come and go; the
 * space between them, where they do not fill a rectangle, is nobody's.
 */
import { coordinate, list, record, whole } from "@stratos/base/value-check";
import type { Global } from "../core/display.ts";
import type { Resource } from "../core/resource.ts";
import { intersection, type Rectangle, union } from "../geometry/rectangle.ts";
import { implement, INTERFACES } from "../protocol/protocol.ts";
import { SIDE_MAX } from "../surface/client-buffer.ts";
import { areResources, keptOf } from "../surface/kept.ts";
import { type Monitor, Output, serveOutput, serveXdgOutput } from "./output.ts";

/** At a time. */
export const MONITORS_MAX = 16;
/** Names of globals from here on are monitors'. */
const FIRST_NAME = 1 << 16;

interface OutputsOwner {
  /** Programs may bind it. */
  appeared(name: number, global: Global): void;
  /** They may not any more. */
  vanished(name: number): void;
  /** A program has bound it, and knows not yet what of it lies there. */
  bound(output: Output, resource: Resource): void;
}

interface SavedOutput {
  readonly monitor: Monitor;
  readonly name: number;
  readonly resources: readonly Resource[];
  readonly xdgResources: readonly Resource[];
}

interface SavedOutputs {
  readonly last: number;
  readonly outputs: readonly SavedOutput[];
}

const side = whole(1, SIDE_MAX);
const positive = (value: unknown): boolean => typeof value === "number" && value > 0 && value <= 1000;
const name = whole(FIRST_NAME, 2 ** 31);
const isSavedOutput = record({
  monitor: record({
    id: whole(0, 2 ** 31),
    x: coordinate,
    y: coordinate,
    width: side,
    height: side,
    refreshHz: positive,
    scale: positive,
  }),
  name,
  resources: areResources,
  xdgResources: areResources,
});
const isSaved = record({ last: name, outputs: list(isSavedOutput, MONITORS_MAX) });

export function areSavedOutputs(value: unknown): boolean {
  if (!isSaved(value)) return false;
  const { last, outputs } = value as SavedOutputs;
  const names = new Set(outputs.map((each) => each.name));
  return outputs.length > 0 && names.size === outputs.length && outputs.every((each) => each.name <= last);
}

export class Outputs {
  readonly #owner: OutputsOwner;
  #all: readonly Output[];
  #last = FIRST_NAME;
  /** All monitors, and what is between them. */
  area: Rectangle;

  constructor(first: Monitor, owner: OutputsOwner) {
    this.#owner = owner;
    this.#all = [new Output(first, this.#last)];
    this.area = first;
  }

  get all(): readonly Output[] {
    return this.#all;
  }

  /** Where windows are that nothing else says a place of. */
  get first(): Output {
    return this.#all[0]!;
  }

  find(id: number): Output | null {
    return this.#all.find(({ monitor }) => monitor.id === id) ?? null;
  }

  /** Null: it has gone. */
  of(resource: Resource): Output | null {
    return this.#all.find(({ resources }) => resources.has(resource)) ?? null;
  }

  /** What most of it lies on; of what lies on none, the nearest. */
  at(place: Rectangle): Output {
    const all = this.#all;
    let best = all[0]!;
    if (all.length === 1) return best;
    let bestMeasure = -Infinity;
    for (const output of all) {
      const part = intersection(place, output.monitor);
      const measure = part === null ? -distance(place, output.monitor) : part.width * part.height;
      if (measure > bestMeasure) {
        best = output;
        bestMeasure = measure;
      }
    }
    return best;
  }

  /** Names of all that a part of it lies on. */
  over(place: Rectangle): readonly number[] {
    return this.#all.filter(({ monitor }) => intersection(place, monitor) !== null).map(({ name: each }) => each);
  }

  /** The nearest point that is on a monitor, or at its edge. */
  nearest(x: number, y: number): { readonly x: number; readonly y: number } {
    const { monitor } = this.at({ x, y, width: 1, height: 1 });
    const within = (at: number, from: number, length: number): number => Math.max(from, Math.min(from + length, at));
    return { x: within(x, monitor.x, monitor.width), y: within(y, monitor.y, monitor.height) };
  }

  /**
   * There are these from here on, of which at least one. Programs are told; who has surfaces on one that goes says so
   * before.
   */
  set(monitors: readonly Monitor[]): void {
    const before = this.#all;
    const added: Output[] = [];
    this.#all = monitors.map((monitor) => {
      const known = before.find((each) => each.monitor.id === monitor.id);
      if (known === undefined) {
        const output = new Output(monitor, ++this.#last);
        added.push(output);
        return output;
      }
      if (!isSameMonitor(known.monitor, monitor)) known.change(monitor);
      return known;
    });
    this.#measure();
    for (const output of added) this.#owner.appeared(output.name, this.#globalOf(output));
    for (const output of before) if (!this.#all.includes(output)) this.#owner.vanished(output.name);
  }

  #measure(): void {
    this.area = this.#all.map(({ monitor }): Rectangle => monitor).reduce(union);
  }

  /** By their names. */
  get globals(): ReadonlyMap<number, Global> {
    return new Map(this.#all.map((output) => [output.name, this.#globalOf(output)]));
  }

  /** A program may ask for one that has gone before it knew: it gets an object that says nothing. */
  globalNamed(wanted: number): Global | null {
    if (!(wanted >= FIRST_NAME && wanted <= this.#last)) return null;
    return this.#globalOf(this.#all.find((output) => output.name === wanted) ?? null);
  }

  #globalOf(output: Output | null): Global {
    return {
      interface: INTERFACES.get("wl_output")!,
      version: 4,
      bind: (resource) => {
        this.serve(resource);
        if (output === null) return;
        output.bind(resource);
        this.#owner.bound(output, resource);
      },
    };
  }

  serve(resource: Resource): void {
    serveOutput(resource, () => {
      for (const output of this.#all) output.resources.delete(resource);
    });
  }

  /** zxdg_output_manager_v1 */
  serveXdg(resource: Resource): void {
    implement(resource, "zxdg_output_manager_v1", {
      destroy: () => {},
      get_xdg_output: (id, output) => {
        this.serveXdgOutput(id);
        this.of(output)?.bindXdg(id, output);
      },
    });
  }

  serveXdgOutput(resource: Resource): void {
    serveXdgOutput(resource, () => {
      for (const output of this.#all) output.xdgResources.delete(resource);
    });
  }

  save(): SavedOutputs {
    const outputs = this.#all.map(({ monitor, name: each, resources, xdgResources }) => {
      const { id, x, y, width, height, refreshHz, scale } = monitor;
      return {
        monitor: { id, x, y, width, height, refreshHz, scale },
        name: each,
        resources: keptOf(resources),
        xdgResources: keptOf(xdgResources),
      };
    });
    return { last: this.#last, outputs };
  }

  goOn({ last, outputs }: SavedOutputs): void {
    this.#last = last;
    this.#all = outputs.map(({ monitor, name: each, resources, xdgResources }) => {
      const output = new Output(monitor, each);
      for (const resource of resources) output.resources.add(resource);
      for (const resource of xdgResources) output.xdgResources.add(resource);
      return output;
    });
    this.#measure();
  }
}

function isSameMonitor(one: Monitor, other: Monitor): boolean {
  const keys = ["x", "y", "width", "height", "refreshHz", "scale"] as const;
  return keys.every((key) => one[key] === other[key]);
}

/** Between two rectangles that have no point in common. */
function distance(one: Rectangle, other: Rectangle): number {
  const along = (from: number, length: number, otherFrom: number, otherLength: number): number =>
    Math.max(0, otherFrom - (from + length), from - (otherFrom + otherLength));
  return Math.hypot(along(one.x, one.width, other.x, other.width), along(one.y, one.height, other.y, other.height));
}
