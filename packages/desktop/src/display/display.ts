/** A display for the programs of a machine: its Wayland socket, its X server, what a page says that a person does. */
export { GuestDisplay } from "./guest-display.ts";
export { KEYS, US_CHARACTERS } from "./keys.ts";
export { type Message, PageInput } from "./page-input.ts";
