/** wl_output: the one screen. */
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";

export interface OutputMode {
  readonly width: number;
  readonly height: number;
  /** Refreshes in a second. */
  readonly refreshHz: number;
  readonly scale: number;
}

/** 96 dots to the inch. */
const MILLIMETRES_PER_PIXEL = 25.4 / 96;

export class Output {
  mode: OutputMode;
  /** Bound by clients. */
  readonly resources = new Set<Resource>();

  constructor(mode: OutputMode) {
    this.mode = mode;
  }

  /** It is larger or smaller from here on. */
  setMode(mode: OutputMode): void {
    this.mode = mode;
    for (const resource of this.resources) this.#tellMode(resource);
  }

  #tellMode(resource: Resource): void {
    const { width, height, refreshHz } = this.mode;
    const { mode } = enums.wl_output;
    events.wl_output.mode(resource, mode.current | mode.preferred, width, height, Math.round(refreshHz * 1000));
    events.wl_output.done(resource);
  }

  serve(resource: Resource): void {
    resource.onDestroy(() => this.resources.delete(resource));
    implement(resource, "wl_output", { release: () => {} });
  }

  bind(resource: Resource): void {
    const { width, height, refreshHz, scale } = this.mode;
    const { subpixel, transform, mode } = enums.wl_output;
    this.resources.add(resource);
    this.serve(resource);
    const size = [width, height].map((pixels) => Math.round(pixels * MILLIMETRES_PER_PIXEL)) as [number, number];
    events.wl_output.geometry(resource, 0, 0, ...size, subpixel.unknown, "Stratos", "display", transform.normal);
    events.wl_output.mode(resource, mode.current | mode.preferred, width, height, Math.round(refreshHz * 1000));
    events.wl_output.scale(resource, scale);
    events.wl_output.name(resource, "STRATOS-1");
    events.wl_output.description(resource, `display of ${width} × ${height}`);
    events.wl_output.done(resource);
  }

  /** Of one client. */
  of({ client }: Resource): Resource[] {
    return [...this.resources].filter((each) => each.client === client);
  }
}
