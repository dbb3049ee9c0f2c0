/** zxdg_decoration_manager_v1: who draws a window's title and frame. */
import { flag } from "@stratos/base/value-check";
import type { Resource } from "../core/resource.ts";
import { a, savedClass } from "../saved/saved-class.ts";
import { enums, events, implement, stand } from "../protocol/protocol.ts";
import { type Decorated, type Toplevel, toplevelOf } from "./toplevel.ts";

const { error, mode } = enums.zxdg_toplevel_decoration_v1;

/** @param drawsFrames  a desktop does, for programs that leave it to us; else they draw them themselves */
export function serveDecorations(resource: Resource, drawsFrames: boolean): void {
  implement(resource, "zxdg_decoration_manager_v1", {
    destroy: () => {},
    get_toplevel_decoration: (id, toplevelResource) => {
      const toplevel = toplevelOf(toplevelResource);
      if (toplevel.decorated !== null) id.fail(error.already_constructed, "the window has one already");
      if (toplevel.xdgSurface.surface.hasBuffer) id.fail(error.unconfigured_buffer, "the window has a buffer already");
      const decoration = new Decoration(id, toplevel, drawsFrames);
      decoration.settle(mode.server_side);
      toplevel.decorated = decoration;
      stand(id, decoration);
    },
  });
}

class Decoration implements Decorated {
  readonly resource: Resource;
  readonly toplevel: Toplevel;
  readonly drawsFrames: boolean;

  constructor(resource: Resource, toplevel: Toplevel, drawsFrames: boolean) {
    this.resource = resource;
    this.toplevel = toplevel;
    this.drawsFrames = drawsFrames;
  }

  settle(wanted: number): void {
    this.toplevel.decoration = this.drawsFrames && wanted !== mode.client_side ? "desktop" : "program";
  }

  configure(): void {
    const settled = this.toplevel.decoration === "desktop" ? mode.server_side : mode.client_side;
    events.zxdg_toplevel_decoration_v1.configure(this.resource, settled);
  }

  serve(): void {
    const { resource, toplevel } = this;
    resource.onDestroy(() => {
      toplevel.decorated = null;
      toplevel.decoration = null;
    });
    const tell = (): void => {
      if (toplevel.xdgSurface.hasConfigured && !toplevel.resource.isDestroyed) toplevel.xdgSurface.configure();
    };
    implement(resource, "zxdg_toplevel_decoration_v1", {
      destroy: () => {},
      set_mode: (wanted) => {
        this.settle(wanted);
        tell();
      },
      unset_mode: () => {
        this.settle(mode.server_side);
        tell();
      },
    });
  }

  static {
    savedClass("Decoration", this, { resource: a("Resource"), toplevel: a("Toplevel"), drawsFrames: flag });
  }
}
