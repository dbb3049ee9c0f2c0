/** A window as the screen has it: a program's own by xdg-shell, or one of X11. */
import type { Rectangle } from "../geometry/rectangle.ts";
import type { Surface } from "../surface/surface.ts";
import type { Filling, WindowState } from "./arranger.ts";
import type { Popup } from "./popup.ts";
import type { WindowFrame } from "./window-frame.ts";

export interface ScreenWindow {
  /** Of all that the screen has ever had, also of one that goes on where another was saved; 0: it was never shown. */
  number: number;
  readonly title: string;
  /** By which its program is known (xdg_toplevel.set_app_id, WM_CLASS); empty: it has not said. */
  readonly appId: string;
  readonly surface: Surface;
  /** Over it, from the bottom. */
  readonly popups: readonly Popup[];
  /** The part of its surface that is the window. */
  readonly geometry: Rectangle;
  readonly isMapped: boolean;
  /** It has the whole screen: it is not moved. */
  readonly isFilling: boolean;
  /** Drawn around it by us; null: the program draws its own. */
  readonly frame: WindowFrame | null;
  /** Its program draws its frame, or wants none. */
  readonly drawsFrame: boolean;
  readonly filling: Filling;
  /** It has said itself where it is to lie. */
  readonly isPlaced: boolean;
  /** Where its geometry begins on the screen. */
  readonly x: number;
  readonly y: number;
  isResizing: boolean;
  moveTo(x: number, y: number): void;
  /** The program is asked for another size. */
  resizeTo(width: number, height: number): void;
  /** The monitor that it fills is another one, or of another size. */
  fillAgain(): void;
  /** A desktop has it so now. */
  arrange(state: WindowState): void;
  /** The program is told again how it is to be: it became active, or is no more. */
  reconfigure(): void;
  /** The program is asked to close it. */
  close(): void;
}
