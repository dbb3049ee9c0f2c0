/**
 * Who says where windows lie, in place of the screen's own rules: a desktop, which draws their frames and may hide
 * them. What programs wish is told to it, and what it decides comes by `ScreenWindow.arrange`, `moveTo`,
 * `Screen.focus` and `Screen.hide`.
 */
import type { ScreenWindow } from "./screen-window.ts";

export type Filling = "" | "maximized" | "fullscreen";

/** What a program wants of its window. */
export type WindowWish =
  | { readonly kind: "raise" | "minimize" }
  /** "": as it was. */
  | {
      readonly kind: "fill";
      readonly filling: Filling;
      /** Monitor.id, where it wants one; null: that on which it lies. */
      readonly monitor: number | null;
    }
  /** To be pulled by the pointer, which is pressed. @see xdg_toplevel.resize_edge; 0: to be moved */
  | { readonly kind: "drag"; readonly edges: number };

/** As the desktop has it. */
export interface WindowState {
  /** 0: as the program likes. */
  readonly width: number;
  readonly height: number;
  readonly filling: Filling;
  readonly isResizing: boolean;
}

export interface Arranger {
  /** It has drawn for the first time. */
  opened(window: ScreenWindow): void;
  closed(window: ScreenWindow): void;
  wished(window: ScreenWindow, wish: WindowWish): void;
}
