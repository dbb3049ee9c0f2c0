/** Windows of a run: a display in the guest, the page that shows it, pictures of it. */
export { openRunDisplay } from "./run-display.ts";
export { checkPictureFile } from "./screenshot.ts";
