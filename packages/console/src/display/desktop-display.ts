/** A display for the programs of a machine, as desktops use it, in Node and in a browser's worker. */
export { CopiedText } from "./copied-text.ts";
export { GuestDisplay } from "./guest-display.ts";
export { type Message, PageInput } from "./page-input.ts";
