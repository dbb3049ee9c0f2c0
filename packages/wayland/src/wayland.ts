/**
 * A Wayland compositor: windows of programs on one screen, drawn by the processor. Knows neither how bytes come and go
 * nor who looks at the screen (core/ports.ts).
 */
export { Compositor, FIRST_MONITOR, type CompositorOptions, type XwaylandConnections } from "./compositor.ts";
export type { CompositorPorts, Connection, SharedFile } from "./core/ports.ts";
export type { ClientEnd } from "./core/display.ts";
export { cursorName } from "./seat/cursor-shape.ts";
export type { Monitor } from "./output/output.ts";
export { MONITORS_MAX } from "./output/outputs.ts";
export type { Picture } from "./pictures.ts";
export type { Arranger, Filling, WindowState, WindowWish } from "./shell/arranger.ts";
export type { ScreenWindow } from "./shell/screen-window.ts";
export type { Rectangle } from "./geometry/rectangle.ts";
