/** A desktop in a browser, before a machine in Node; see ARCHITECTURE.md. */
export { type DesktopMachine, openOwnMachine, openSystemMachine } from "./machine/desktop-machine.ts";
export { DESKTOP_PAGE, type DesktopServer, startDesktop } from "./serve/desktop-server.ts";
