import type { DesktopPrograms } from "../machine/desktop-programs.ts";
import type { DisplaySocket } from "./display-socket.ts";
import type { DesktopMachine } from "../machine/desktop-machine.ts";
import type { PageSocket } from "./page-socket.ts";
import { serveScreen } from "./screen-socket.ts";
import type { SoundSocket } from "./sound-socket.ts";
import { serveTerminal } from "./terminal-socket.ts";

/** @returns what serves a page's connection to a path; null: nothing is there */
export function connectionAt(
  path: string,
  {
    display,
    sound,
    machine: { screen },
    programs,
  }: {
    readonly display: DisplaySocket | null;
    readonly sound: SoundSocket | null;
    readonly machine: DesktopMachine;
    readonly programs: DesktopPrograms;
  },
): ((socket: PageSocket) => void) | null {
  if (path === "/v1/display" && display !== null) return (socket) => display.serve(socket);
  if (path === "/v1/sound" && sound !== null) return (socket) => sound.serve(socket);
  if (path === "/v1/screen" && screen !== null) return (socket) => serveScreen(socket, screen);
  const terminal = programs.terminals.get(Number(/^\/v1\/terminals\/(\d+)$/.exec(path)?.[1] ?? -1));
  return terminal === undefined ? null : (socket) => serveTerminal(socket, terminal);
}
