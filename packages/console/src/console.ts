/** Debian in a browser's tab: the page, the folder that it is served from, and a server for it; see ARCHITECTURE.md. */
export { joinFolder, joinPage, joinTab } from "./join-page.ts";
export { webFolderServer } from "./serve-web-folder.ts";
export { keepWebFolder, pageFiles, pageFilesOf, readPage, tabFiles, writePage, writeWebFolder } from "./web-folder.ts";
