/** Small protocols that add to a surface: wp_viewporter, wp_fractional_scale_manager_v1, wp_presentation. */
import type { Resource } from "../core/resource.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { enums, events, implement, stand } from "../protocol/protocol.ts";
import { type Surface, surfaceOf } from "./surface.ts";

/** CLOCK_MONOTONIC of the programs' kernel, which `nowMs` is. */
const CLOCK_MONOTONIC = 1;

export function serveViewporter(resource: Resource): void {
  implement(resource, "wp_viewporter", {
    destroy: () => {},
    get_viewport: (id, surfaceResource) => {
      const surface = surfaceOf(surfaceResource);
      if (surface.hasViewport)
        resource.fail(enums.wp_viewporter.error.viewport_exists, "the surface has a viewport already");
      surface.hasViewport = true;
      stand(id, new Viewport(id, surface));
    },
  });
}

class Viewport {
  readonly resource: Resource;
  readonly surface: Surface;

  constructor(resource: Resource, surface: Surface) {
    this.resource = resource;
    this.surface = surface;
  }

  serve(): void {
    const { resource, surface } = this;
    const { bad_value, no_surface } = enums.wp_viewport.error;
    const mustLive = (): void => {
      if (surface.resource.isDestroyed) resource.fail(no_surface, "its surface is gone");
    };
    implement(resource, "wp_viewport", {
      destroy: () => {},
      set_source: (x, y, width, height) => {
        mustLive();
        const isUnset = x === -1 && y === -1 && width === -1 && height === -1;
        if (!isUnset && !(x >= 0 && y >= 0 && width > 0 && height > 0))
          resource.fail(bad_value, `source ${x}, ${y}, ${width} × ${height}`);
        surface.setView({ source: isUnset ? null : { x, y, width, height } });
      },
      set_destination: (width, height) => {
        mustLive();
        const isUnset = width === -1 && height === -1;
        if (!isUnset && !(width > 0 && height > 0)) resource.fail(bad_value, `destination ${width} × ${height}`);
        surface.setView({ destination: isUnset ? null : { width, height } });
      },
    });
    resource.onDestroy(() => {
      surface.hasViewport = false;
      surface.setView({ source: null, destination: null });
    });
  }

  static {
    savedClass("Viewport", this, { resource: a("Resource"), surface: a("Surface") });
  }
}

export function serveFractionalScale(resource: Resource): void {
  implement(resource, "wp_fractional_scale_manager_v1", {
    destroy: () => {},
    get_fractional_scale: (id, surfaceResource) => {
      const surface = surfaceOf(surfaceResource);
      if (surface.fractionalScale !== null)
        resource.fail(
          enums.wp_fractional_scale_manager_v1.error.fractional_scale_exists,
          "the surface has an object for its scale already",
        );
      surface.fractionalScale = id;
      stand(id, new FractionalScale(id, surface));
      surface.tellFractionalScale();
    },
  });
}

class FractionalScale {
  readonly resource: Resource;
  readonly surface: Surface;

  constructor(resource: Resource, surface: Surface) {
    this.resource = resource;
    this.surface = surface;
  }

  serve(): void {
    implement(this.resource, "wp_fractional_scale_v1", { destroy: () => {} });
    this.resource.onDestroy(() => void (this.surface.fractionalScale = null));
  }

  static {
    savedClass("FractionalScale", this, { resource: a("Resource"), surface: a("Surface") });
  }
}

export function servePresentation(resource: Resource): void {
  implement(resource, "wp_presentation", {
    destroy: () => {},
    feedback: (surface, callback) => surfaceOf(surface).addFeedback(callback),
  });
}

export function bindPresentation(resource: Resource): void {
  servePresentation(resource);
  events.wp_presentation.clock_id(resource, CLOCK_MONOTONIC);
}

/** zwp_idle_inhibit_manager_v1: nothing here goes dark when nobody does anything. */
export function serveIdleInhibit(resource: Resource): void {
  implement(resource, "zwp_idle_inhibit_manager_v1", {
    destroy: () => {},
    create_inhibitor: serveIdleInhibitor,
  });
}

export function serveIdleInhibitor(resource: Resource): void {
  implement(resource, "zwp_idle_inhibitor_v1", { destroy: () => {} });
}
