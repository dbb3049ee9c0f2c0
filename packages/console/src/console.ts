/** Debian in a browser's tab: the page, the folder that it is served from, and a server for it; see ARCHITECTURE.md. */
export { joinPage } from "./join-page.ts";
export { webFolderServer } from "./serve-web-folder.ts";
export { keepWebFolder, pageFiles, writePage, writeWebFolder } from "./web-folder.ts";
