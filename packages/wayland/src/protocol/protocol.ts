/** All protocols that we speak, as one. */
import type { Handler, Interface, Resource } from "../core/resource.ts";
import { assert } from "@stratos/base";
import * as cursorShape from "./cursor-shape.ts";
import * as decoration from "./xdg-decoration.ts";
import * as fractionalScale from "./fractional-scale.ts";
import * as presentation from "./presentation-time.ts";
import * as singlePixel from "./single-pixel-buffer.ts";
import * as viewporter from "./viewporter.ts";
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
};

export type InterfaceName = keyof typeof interfaces;

type Requests = wayland.WaylandRequests &
  xdgShell.XdgShellRequests &
  viewporter.ViewporterRequests &
  presentation.PresentationTimeRequests &
  decoration.XdgDecorationUnstableV1Requests &
  singlePixel.SinglePixelBufferV1Requests &
  cursorShape.CursorShapeV1Requests &
  fractionalScale.FractionalScaleV1Requests;

export const events = {
  ...wayland.events,
  ...xdgShell.events,
  ...presentation.events,
  ...decoration.events,
  ...fractionalScale.events,
};

export const enums = {
  ...wayland.enums,
  ...xdgShell.enums,
  ...viewporter.enums,
  ...presentation.enums,
  ...decoration.enums,
  ...cursorShape.enums,
  ...fractionalScale.enums,
};

export const INTERFACES: ReadonlyMap<string, Interface> = new Map(Object.entries(interfaces));

/** `handler` gets the object's requests. */
export function implement<Name extends InterfaceName>(resource: Resource, name: Name, handler: Requests[Name]): void {
  assert(resource.interface.name === name, `${resource.interface.name} is handled as ${name}`);
  resource.handler = handler as unknown as Handler;
}
