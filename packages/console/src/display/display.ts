/** Windows of programs: a display in the guest, the page that shows it, pictures of it. */
export { CopiedText } from "./copied-text.ts";
export { GuestDisplay } from "./guest-display.ts";
export { type Message, PageInput } from "./page-input.ts";
export { openRunDisplay } from "./run-display.ts";
export { checkPictureFile } from "./screenshot.ts";
