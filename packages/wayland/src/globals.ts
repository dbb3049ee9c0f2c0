/** What programs can bind, and who handles objects that are nothing beside their requests. */
import type { Global } from "./core/display.ts";
import type { Resource } from "./core/resource.ts";
import { events, implement, type InterfaceName, INTERFACES, stand } from "./protocol/protocol.ts";
import type { CompositorParts } from "./saved-compositor.ts";
import { serveCursorShapeDevice, serveCursorShapes } from "./seat/cursor-shape.ts";
import { serveDecorations } from "./shell/decoration.ts";
import { bindWmBase } from "./shell/xdg-surface.ts";
import {
  bindPresentation,
  serveFractionalScale,
  serveIdleInhibit,
  serveIdleInhibitor,
  servePresentation,
  serveViewporter,
} from "./surface/extensions.ts";
import { createRegion } from "./surface/region.ts";
import { bindShm, serveShm } from "./surface/shm.ts";
import { serveSinglePixelBuffers } from "./surface/single-pixel.ts";
import { serveSubcompositor } from "./surface/subsurface.ts";
import { Surface, type SurfaceOwner } from "./surface/surface.ts";

interface Served {
  /** Once they are there. */
  parts(): CompositorParts;
  readonly surfaces: SurfaceOwner;
  readonly drawsFrames: boolean;
}

/** With the versions that we speak. */
export function globalsOf(served: Served): Global[] {
  const { parts, drawsFrames } = served;
  const global = (name: InterfaceName, version: number, bind: (resource: Resource) => void): Global => ({
    interface: INTERFACES.get(name)!,
    version,
    bind,
  });
  return [
    global("wl_compositor", 6, (resource) => serveCompositor(resource, served)),
    global("wl_subcompositor", 1, serveSubcompositor),
    global("wl_shm", 2, bindShm),
    global("wl_seat", 7, (resource) => parts().seat.bind(resource)),
    global("zxdg_output_manager_v1", 3, (resource) => parts().outputs.serveXdg(resource)),
    global("wl_data_device_manager", 3, (resource) => parts().data.serve(resource)),
    global("zwp_primary_selection_device_manager_v1", 1, (resource) => parts().data.servePrimary(resource)),
    global("zwp_text_input_manager_v3", 1, (resource) => parts().textInputs.serve(resource)),
    global("zwp_pointer_constraints_v1", 1, (resource) => parts().seat.constraints.serve(resource)),
    global("zwp_relative_pointer_manager_v1", 1, (resource) => parts().seat.constraints.serveRelativeManager(resource)),
    global("zwp_idle_inhibit_manager_v1", 1, serveIdleInhibit),
    global("xdg_activation_v1", 1, (resource) => parts().activation.serve(resource)),
    global("xdg_wm_base", 6, (resource) => bindWmBase(resource, parts().screen)),
    global("zxdg_decoration_manager_v1", 1, (resource) => serveDecorations(resource, drawsFrames)),
    global("wp_viewporter", 1, serveViewporter),
    global("wp_single_pixel_buffer_manager_v1", 1, serveSinglePixelBuffers),
    global("wp_presentation", 1, bindPresentation),
    global("wp_cursor_shape_manager_v1", 1, (resource) => serveCursorShapes(resource, parts().seat.pointer)),
    global("wp_fractional_scale_manager_v1", 1, serveFractionalScale),
  ];
}

/** Handlers of objects that have no part: what `bind` and requests give them, without what is told. */
export function handlersOf(served: Served): Map<InterfaceName, (resource: Resource) => void> {
  const { parts, drawsFrames } = served;
  const nothing = (): void => {};
  return new Map<InterfaceName, (resource: Resource) => void>([
    ["wl_callback", nothing],
    ["wp_presentation_feedback", nothing],
    ["wl_compositor", (resource) => serveCompositor(resource, served)],
    ["wl_subcompositor", serveSubcompositor],
    ["wl_shm", serveShm],
    ["wl_seat", (resource) => parts().seat.serve(resource)],
    ["wl_keyboard", (resource) => parts().seat.keyboard.serve(resource)],
    ["wl_pointer", (resource) => parts().seat.pointer.serve(resource)],
    ["wl_touch", (resource) => parts().seat.touch.serve(resource)],
    ["wl_output", (resource) => parts().outputs.serve(resource)],
    ["zxdg_output_manager_v1", (resource) => parts().outputs.serveXdg(resource)],
    ["zxdg_output_v1", (resource) => parts().outputs.serveXdgOutput(resource)],
    ["wl_data_device_manager", (resource) => parts().data.serve(resource)],
    ["wl_data_device", (resource) => parts().data.serveDevice(resource)],
    ["zwp_primary_selection_device_manager_v1", (resource) => parts().data.servePrimary(resource)],
    ["zwp_primary_selection_device_v1", (resource) => parts().data.servePrimaryDevice(resource)],
    ["zwp_text_input_manager_v3", (resource) => parts().textInputs.serve(resource)],
    ["zwp_pointer_constraints_v1", (resource) => parts().seat.constraints.serve(resource)],
    ["zwp_relative_pointer_manager_v1", (resource) => parts().seat.constraints.serveRelativeManager(resource)],
    ["zwp_relative_pointer_v1", (resource) => parts().seat.constraints.serveRelative(resource)],
    ["zwp_idle_inhibit_manager_v1", serveIdleInhibit],
    ["zwp_idle_inhibitor_v1", serveIdleInhibitor],
    ["xdg_activation_v1", (resource) => parts().activation.serve(resource)],
    ["zxdg_decoration_manager_v1", (resource) => serveDecorations(resource, drawsFrames)],
    ["wp_viewporter", serveViewporter],
    ["wp_single_pixel_buffer_manager_v1", serveSinglePixelBuffers],
    ["wp_presentation", servePresentation],
    ["wp_cursor_shape_manager_v1", (resource) => serveCursorShapes(resource, parts().seat.pointer)],
    ["wp_cursor_shape_device_v1", (resource) => serveCursorShapeDevice(resource, parts().seat.pointer)],
    ["wp_fractional_scale_manager_v1", serveFractionalScale],
  ]);
}

function serveCompositor(resource: Resource, { surfaces, parts }: Served): void {
  implement(resource, "wl_compositor", {
    create_surface: (id) => {
      const { scale } = parts().outputs.first.monitor;
      stand(id, new Surface(id, surfaces, scale));
      events.wl_surface.preferred_buffer_scale(id, Math.ceil(scale));
    },
    create_region: (id) => createRegion(id),
  });
}
