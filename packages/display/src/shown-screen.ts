import type { Compositor } from "@stratos/wayland";

/** What a page shows and steers: a compositor's screen, or the machine's own. */
export type ShownScreen = Pick<
  Compositor,
  | "button"
  | "canvas"
  | "commitText"
  | "composeText"
  | "copyText"
  | "cursor"
  | "isPointerLocked"
  | "key"
  | "movePointer"
  | "movePointerBy"
  | "readCopied"
  | "scroll"
  | "textPlace"
  | "touch"
  | "unlockPointer"
  | "windows"
>;
