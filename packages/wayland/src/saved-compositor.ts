/** What a compositor is, beside what its parts hold: the root of a saved display. */
import { flag, list, maybe, record, text, uint32, whole } from "@stratos/base/value-check";
import type { Client } from "./core/client.ts";
import type { Display } from "./core/display.ts";
import { a, rectangle } from "./saved/saved-class.ts";
import { areSavedDevices, type DataDevices, type Devices } from "./data/data-device.ts";
import { isSavedDrag, type Drags } from "./data/drag.ts";
import { isSavedSelection, type Selection } from "./data/selection.ts";
import type { Rectangle } from "./geometry/rectangle.ts";
import { areSavedOutputs, type Outputs } from "./output/outputs.ts";
import { isSavedPointing, type Pointing } from "./pointing.ts";
import { isSavedKeyboard, type Keyboard } from "./seat/keyboard.ts";
import { isSavedPointer, type Pointer } from "./seat/pointer.ts";
import { areSavedConstraints, type PointerConstraints } from "./seat/pointer-constraints.ts";
import type { Seat } from "./seat/seat.ts";
import { areSavedTextInputs, type TextInputs } from "./seat/text-input.ts";
import { isSavedTouch, type Touch } from "./seat/touch.ts";
import { type Activation, isSavedActivation } from "./shell/activation.ts";
import { isSavedScreen, type Screen } from "./shell/screen.ts";
import type { DisplayParts } from "./saved-display.ts";
import type { Surface } from "./surface/surface.ts";
import { isSavedWindowManager, type WindowManager } from "./x11/window-manager.ts";
import type { XSelection } from "./x11/x-selection.ts";
import type { XwaylandShell } from "./x11/xwayland-shell.ts";

/** What a compositor is made of, each of which saves what is its own. */
export interface CompositorParts {
  readonly display: Display;
  readonly outputs: Outputs;
  readonly seat: Seat;
  readonly screen: Screen;
  readonly textInputs: TextInputs;
  readonly activation: Activation;
  readonly clipboard: Selection;
  readonly primary: Selection;
  readonly data: DataDevices;
  readonly pointing: Pointing;
}

/** By the names under which objects of programs refer to them. */
export function namedParts(
  { display, screen, seat, textInputs, activation, clipboard, primary, data }: CompositorParts,
  surfaces: object,
  more: DisplayParts,
): DisplayParts {
  return {
    ...more,
    display,
    surfaces,
    screen,
    constraints: seat.constraints,
    "text inputs": textInputs,
    activation,
    clipboard,
    "primary selection": primary,
    "clipboard devices": data.clipboard,
    "primary devices": data.primary,
    drags: data.drags,
  };
}

/** What a display has of X11, by such names. */
export function x11Parts(
  [clipboard, primary]: readonly XSelection[],
  manager: WindowManager | null,
  shell: XwaylandShell | null,
): DisplayParts {
  const selections = { "X clipboard": clipboard!, "X primary selection": primary! };
  return manager === null || shell === null
    ? selections
    : { ...selections, "window manager": manager, "xwayland shell": shell };
}

/** What they have of programs whose connections are kept. */
export function savedParts(parts: CompositorParts): Omit<SavedCompositor, keyof OwnState> {
  const { display, outputs, seat, screen, textInputs, activation, clipboard, primary, data, pointing } = parts;
  return {
    serial: display.serial,
    outputs: outputs.save(),
    keyboard: seat.keyboard.save(),
    pointer: seat.pointer.save(),
    touch: seat.touch.save(),
    constraints: seat.constraints.save(),
    textInputs: textInputs.save(),
    activation: activation.save(),
    clipboard: clipboard.save(),
    primary: primary.save(),
    clipboardDevices: data.clipboard.save(),
    primaryDevices: data.primary.save(),
    drag: data.drags.save(),
    screen: screen.save(),
    pointing: pointing.save(),
  };
}

/** Of parts that are new. */
export function goOnParts(parts: CompositorParts, state: SavedCompositor): void {
  const { display, outputs, seat, screen, textInputs, activation, clipboard, primary, data, pointing } = parts;
  display.serial = state.serial;
  outputs.goOn(state.outputs);
  seat.keyboard.goOn(state.keyboard);
  seat.pointer.goOn(state.pointer);
  seat.touch.goOn(state.touch);
  seat.constraints.goOn(state.constraints);
  textInputs.goOn(state.textInputs);
  activation.goOn(state.activation);
  clipboard.goOn(state.clipboard);
  primary.goOn(state.primary);
  data.clipboard.goOn(state.clipboardDevices);
  data.primary.goOn(state.primaryDevices);
  data.drags.goOn(state.drag);
  screen.goOn(state.screen);
  pointing.goOn(state.pointing);
}

/** A key, or text that is being composed or is there for good, which waits behind keys. */
export type HeldInput =
  | { readonly key: number; readonly isDown: boolean }
  | { readonly text: string; readonly isComposed: boolean };

/** Of the compositor itself. */
interface OwnState {
  readonly clients: readonly Client[];
  /** Of the last frame. */
  readonly shown: readonly { readonly surface: Surface; readonly place: Rectangle }[];
  readonly frames: number;
  readonly layout: string;
  readonly held: readonly HeldInput[];
  /** Of X11's; null: there is none, or it is not kept. */
  readonly windowManager: ReturnType<WindowManager["save"]> | null;
}

export interface SavedCompositor extends OwnState {
  readonly serial: number;
  readonly outputs: ReturnType<Outputs["save"]>;
  readonly keyboard: ReturnType<Keyboard["save"]>;
  readonly pointer: ReturnType<Pointer["save"]>;
  readonly touch: ReturnType<Touch["save"]>;
  readonly constraints: ReturnType<PointerConstraints["save"]>;
  readonly textInputs: ReturnType<TextInputs["save"]>;
  readonly activation: ReturnType<Activation["save"]>;
  readonly clipboard: ReturnType<Selection["save"]>;
  readonly primary: ReturnType<Selection["save"]>;
  readonly clipboardDevices: ReturnType<Devices["save"]>;
  readonly primaryDevices: ReturnType<Devices["save"]>;
  readonly drag: ReturnType<Drags["save"]>;
  readonly screen: ReturnType<Screen["save"]>;
  readonly pointing: ReturnType<Pointing["save"]>;
}

const isHeldKey = record({ key: uint32, isDown: flag });
const isHeldText = record({ text: text(2 ** 24), isComposed: flag });

export const isSavedCompositor = record({
  clients: list(a("Client"), 256),
  shown: list(record({ surface: a("Surface"), place: rectangle }), 1 << 18),
  serial: uint32,
  frames: whole(0, 2 ** 53),
  layout: text(4096),
  outputs: areSavedOutputs,
  keyboard: isSavedKeyboard,
  pointer: isSavedPointer,
  touch: isSavedTouch,
  constraints: areSavedConstraints,
  textInputs: areSavedTextInputs,
  windowManager: maybe(isSavedWindowManager),
  held: list((value) => isHeldKey(value) || isHeldText(value), 1024),
  activation: isSavedActivation,
  clipboard: isSavedSelection,
  primary: isSavedSelection,
  clipboardDevices: areSavedDevices,
  primaryDevices: areSavedDevices,
  drag: isSavedDrag,
  screen: isSavedScreen,
  pointing: isSavedPointing,
});
