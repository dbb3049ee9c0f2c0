/** zxdg_decoration_manager_v1: who draws a window's title and frame. */
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { toplevelOf } from "./toplevel.ts";

const { error, mode } = enums.zxdg_toplevel_decoration_v1;

/** @param drawsFrames  a desktop does, for programs that leave it to us; else they draw them themselves */
export function bindDecorations(resource: Resource, drawsFrames: boolean): void {
  implement(resource, "zxdg_decoration_manager_v1", {
    destroy: () => {},
    get_toplevel_decoration: (id, toplevelResource) => {
      const toplevel = toplevelOf(toplevelResource);
      if (toplevel.configureDecoration !== null) id.fail(error.already_constructed, "the window has one already");
      if (toplevel.xdgSurface.surface.hasBuffer) id.fail(error.unconfigured_buffer, "the window has a buffer already");
      const settle = (wanted: number): void => {
        toplevel.decoration = drawsFrames && wanted !== mode.client_side ? "desktop" : "program";
      };
      settle(mode.server_side);
      toplevel.configureDecoration = () => {
        const settled = toplevel.decoration === "desktop" ? mode.server_side : mode.client_side;
        events.zxdg_toplevel_decoration_v1.configure(id, settled);
      };
      id.onDestroy(() => {
        toplevel.configureDecoration = null;
        toplevel.decoration = null;
      });
      const tell = (): void => {
        if (toplevel.xdgSurface.hasConfigured && !toplevel.resource.isDestroyed) toplevel.xdgSurface.configure();
      };
      implement(id, "zxdg_toplevel_decoration_v1", {
        destroy: () => {},
        set_mode: (wanted) => {
          settle(wanted);
          tell();
        },
        unset_mode: () => {
          settle(mode.server_side);
          tell();
        },
      });
    },
  });
}
