/** zxdg_decoration_manager_v1: who draws a window's title and frame. */
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { toplevelOf } from "./toplevel.ts";

const { error, mode } = enums.zxdg_toplevel_decoration_v1;

/** Programs draw them themselves: nothing here does. */
export function bindDecorations(resource: Resource): void {
  implement(resource, "zxdg_decoration_manager_v1", {
    destroy: () => {},
    get_toplevel_decoration: (id, toplevelResource) => {
      const toplevel = toplevelOf(toplevelResource);
      if (toplevel.configureDecoration !== null) id.fail(error.already_constructed, "the window has one already");
      if (toplevel.xdgSurface.surface.hasBuffer) id.fail(error.unconfigured_buffer, "the window has a buffer already");
      toplevel.configureDecoration = () => events.zxdg_toplevel_decoration_v1.configure(id, mode.client_side);
      id.onDestroy(() => void (toplevel.configureDecoration = null));
      const tell = (): void => {
        if (toplevel.xdgSurface.hasConfigured && !toplevel.resource.isDestroyed) toplevel.xdgSurface.configure();
      };
      implement(id, "zxdg_toplevel_decoration_v1", { destroy: () => {}, set_mode: tell, unset_mode: tell });
    },
  });
}
