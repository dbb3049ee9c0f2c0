/** wl_output and zxdg_output_v1: one monitor, as programs see it. */
import type { Resource } from "../core/resource.ts";
import type { Rectangle } from "../geometry/rectangle.ts";
import { enums, events, implement } from "../protocol/protocol.ts";

/**
 * A monitor, as whoever shows it has it. Where it lies among the others and its size are in pixels of windows; of its
 * own it has `scale` times as many each way.
 */
export interface Monitor extends Rectangle {
  /** By which whoever shows it knows it; another one has another number. */
  readonly id: number;
  /** Refreshes in a second. */
  readonly refreshHz: number;
  /** May have a fraction. */
  readonly scale: number;
}

/** 96 dots to the inch, at scale 1. */
const MILLIMETRES_PER_PIXEL = 25.4 / 96;
/** From here on they tell by wl_output.done that a change is whole. */
const XDG_OUTPUT_WITHOUT_DONE = 3;

export class Output {
  monitor: Monitor;
  /** By which programs bind it (wl_registry.global): no two monitors of a display ever have the same. */
  readonly name: number;
  /** Bound by clients. */
  readonly resources = new Set<Resource>();
  readonly xdgResources = new Set<Resource>();

  constructor(monitor: Monitor, name: number) {
    this.monitor = monitor;
    this.name = name;
  }

  /** It is larger or smaller, or lies elsewhere, from here on. */
  change(monitor: Monitor): void {
    this.monitor = monitor;
    for (const resource of this.xdgResources) this.#tellLogical(resource);
    for (const resource of this.resources) this.#tell(resource);
  }

  /** Of one client. */
  of({ client }: Resource): Resource[] {
    return [...this.resources].filter((each) => each.client === client);
  }

  bind(resource: Resource): void {
    this.resources.add(resource);
    events.wl_output.name(resource, this.#label);
    this.#tell(resource);
  }

  bindXdg(resource: Resource, output: Resource): void {
    this.xdgResources.add(resource);
    events.zxdg_output_v1.name(resource, this.#label);
    events.zxdg_output_v1.description(resource, this.#description);
    this.#tellLogical(resource);
    if (resource.version >= XDG_OUTPUT_WITHOUT_DONE) events.wl_output.done(output);
  }

  get #label(): string {
    return `STRATOS-${this.monitor.id}`;
  }

  get #description(): string {
    const { width, height } = this.#pixels;
    return `display of ${width} × ${height}`;
  }

  get #pixels(): { width: number; height: number } {
    const { width, height, scale } = this.monitor;
    return { width: Math.round(width * scale), height: Math.round(height * scale) };
  }

  #tell(resource: Resource): void {
    const { x, y, width, height, refreshHz, scale } = this.monitor;
    const { subpixel, transform, mode } = enums.wl_output;
    const size = [width, height].map((pixels) => Math.round(pixels * MILLIMETRES_PER_PIXEL)) as [number, number];
    events.wl_output.geometry(resource, x, y, ...size, subpixel.unknown, "Stratos", "display", transform.normal);
    const { width: wide, height: high } = this.#pixels;
    events.wl_output.mode(resource, mode.current | mode.preferred, wide, high, Math.round(refreshHz * 1000));
    // Whoever knows no fractions draws more than is shown, rather than less.
    events.wl_output.scale(resource, Math.ceil(scale));
    events.wl_output.description(resource, this.#description);
    events.wl_output.done(resource);
  }

  #tellLogical(resource: Resource): void {
    const { x, y, width, height } = this.monitor;
    events.zxdg_output_v1.logical_position(resource, x, y);
    events.zxdg_output_v1.logical_size(resource, width, height);
    if (resource.version < XDG_OUTPUT_WITHOUT_DONE) events.zxdg_output_v1.done(resource);
  }
}

/** Requests of a wl_output: of one that is gone, too. */
export function serveOutput(resource: Resource, onDestroy: () => void): void {
  resource.onDestroy(onDestroy);
  implement(resource, "wl_output", { release: () => {} });
}

export function serveXdgOutput(resource: Resource, onDestroy: () => void): void {
  resource.onDestroy(onDestroy);
  implement(resource, "zxdg_output_v1", { destroy: () => {} });
}
