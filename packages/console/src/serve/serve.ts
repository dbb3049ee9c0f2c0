/** `stratos serve`: the user's named systems over HTTP, for programs and for a page. */
export { CONSOLE_OPERATIONS } from "./console-service.ts";
export { startConsole } from "./console-server.ts";
export { type HubLink, remoteHub } from "./hub/hub-link.ts";
export { OwnHub } from "./hub/own-hub.ts";
export { REACH } from "./jobs/reach.ts";
export { SignIn } from "./access/sign-in.ts";
export { CONSOLE_API } from "./system-routes.ts";
export { hostShellLack, hostShellUser } from "./host-shell/host-shell.ts";
