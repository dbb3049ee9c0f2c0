/** A display and sound for the programs of a machine, in Node and in a browser's worker, and those who look at it. */
export { CopiedText } from "./copied-text.ts";
export { GuestDisplay } from "./guest-display.ts";
export { GuestSound } from "./guest-sound.ts";
export { Hearer, PAGE_STORE_MS } from "./hearer.ts";
export { MachineDisplay } from "./machine-display.ts";
export { type Message, PageInput, parseMessage } from "./page-input.ts";
export { type ScreenSource, ScreenViewers, type ViewerEnd, type Watching } from "./screen-viewers.ts";
export type { ShownScreen } from "./shown-screen.ts";
