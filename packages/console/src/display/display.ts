/** Windows of programs in the command line: the page that shows them, pictures of them. */
export { openRunDisplay } from "./run-display.ts";
export { checkOutputFile } from "./screenshot.ts";
export { pictureSystem, serveSystemDisplay } from "./system-display.ts";
