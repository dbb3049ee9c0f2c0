/** All protocols that we speak, as one. */
import type { Handler, Interface, Part, Resource } from "../core/resource.ts";
import { assert } from "@stratos/base";
import * as cursorShape from "./cursor-shape.ts";
import * as decoration from "./xdg-decoration.ts";
import * as fractionalScale from "./fractional-scale.ts";
import * as presentation from "./presentation-time.ts";
import * as singlePixel from "./single-pixel-buffer.ts";
import * as viewporter from "./viewporter.ts";
import * as activation from "./xdg-activation.ts";
import * as idleInhibit from "./idle-inhibit.ts";
import * as pointerConstraints from "./pointer-constraints.ts";
import * as primarySelection from "./primary-selection.ts";
import * as relativePointer from "./relative-pointer.ts";
import * as xdgOutput from "./xdg-output.ts";
import * as textInput from "./text-input.ts";
import * as xwaylandShell from "./xwayland-shell.ts";
import * as wayland from "./wayland.ts";
import * as xdgShell from "./xdg-shell.ts";

const interfaces = {
  ...wayland.interfaces,
  ...xdgShell.interfaces,
  ...viewporter.interfaces,
  ...presentation.interfaces,
  ...decoration.interfaces,
  ...singlePixel.interfaces,
  ...cursorShape.interfaces,
  ...fractionalScale.interfaces,
  ...xwaylandShell.interfaces,
  ...textInput.interfaces,
  ...relativePointer.interfaces,
  ...primarySelection.interfaces,
  ...pointerConstraints.interfaces,
  ...idleInhibit.interfaces,
  ...activation.interfaces,
  ...xdgOutput.interfaces,
};

export type InterfaceName = keyof typeof interfaces;

type Requests = wayland.WaylandRequests &
  xdgShell.XdgShellRequests &
  viewporter.ViewporterRequests &
  presentation.PresentationTimeRequests &
  decoration.XdgDecorationUnstableV1Requests &
  singlePixel.SinglePixelBufferV1Requests &
  cursorShape.CursorShapeV1Requests &
  fractionalScale.FractionalScaleV1Requests &
  xwaylandShell.XwaylandShellV1Requests &
  textInput.TextInputUnstableV3Requests &
  relativePointer.RelativePointerUnstableV1Requests &
  primarySelection.WpPrimarySelectionUnstableV1Requests &
  pointerConstraints.PointerConstraintsUnstableV1Requests &
  idleInhibit.IdleInhibitUnstableV1Requests &
  activation.XdgActivationV1Requests &
  xdgOutput.XdgOutputUnstableV1Requests;

export const events = {
  ...wayland.events,
  ...xdgShell.events,
  ...presentation.events,
  ...decoration.events,
  ...fractionalScale.events,
  ...textInput.events,
  ...relativePointer.events,
  ...primarySelection.events,
  ...pointerConstraints.events,
  ...activation.events,
  ...xdgOutput.events,
};

export const enums = {
  ...wayland.enums,
  ...xdgShell.enums,
  ...viewporter.enums,
  ...presentation.enums,
  ...decoration.enums,
  ...cursorShape.enums,
  ...fractionalScale.enums,
  ...xwaylandShell.enums,
  ...textInput.enums,
  ...pointerConstraints.enums,
  ...activation.enums,
};

export const INTERFACES: ReadonlyMap<string, Interface> = new Map(Object.entries(interfaces));

/** The object stands for `part` from here on. */
export function stand(resource: Resource, part: Part): void {
  resource.part = part;
  part.serve();
}

/** `handler` gets the object's requests. */
export function implement<Name extends InterfaceName>(resource: Resource, name: Name, handler: Requests[Name]): void {
  assert(resource.interface.name === name, `${resource.interface.name} is handled as ${name}`);
  resource.handler = handler as unknown as Handler;
}
