/**
 * The worker that is the machine and its desktop: what a server does for `stratos desktop`, beside the page. It goes on
 * with what ran when the tab before was left.
 */
import { Hono } from "hono/tiny";
import { browserPorts } from "@stratos/host-browser";
import { StratosError } from "@stratos/sdk/api";
import { openSystem, serveTab, TabMachine } from "@stratos/console/tab-worker";
import type { ProgramEnd } from "@stratos/session";
import { connectionAt } from "../serve/connections.ts";
import { addDesktopRoutes } from "../serve/desktop-routes.ts";
import { type KeptDesktop, runDesktop } from "../serve/running-desktop.ts";
import type { DesktopStart } from "./messages.ts";
import { servePort } from "./port-service.ts";
import { openTabMachine } from "./tab-machine.ts";
import { TabSettings } from "./tab-settings.ts";

/** By which what runs is this page's. */
const PAGE = "desktop";

serveTab<DesktopStart>(async (message, tell) => {
  const { left, ...parts } = await openSystem(message, tell, PAGE);
  const kept = message.keeping === "files" ? await parts.files!.handle("desktop.json") : null;
  const { volume, sockets, running } = parts;
  const { memoryBytes, keeping } = message;
  const open = (state: Uint8Array | null): ReturnType<typeof openTabMachine> =>
    openTabMachine(volume, sockets, { memoryBytes, keepsFiles: keeping === "files" }, state);
  let begun = left === null ? null : (JSON.parse(left.screen) as KeptDesktop);
  const machine = await open(left?.state ?? null).catch((error: unknown) => {
    if (begun === null || !(error instanceof StratosError && error.kind === "state")) throw error;
    begun = null;
    running!.drop();
    volume.root.freeOrphans();
    tell({ kind: "told", words: `what ran before cannot go on: ${error.message}` });
    return open(null);
  });
  const { promise: ended, resolve: end } = Promise.withResolvers<ProgramEnd>();
  const listeners = {
    onEnd: () => end({ kind: "exited", status: 0 }),
    onDefect: (words: string) => tell({ kind: "told", words }),
    tell: (words: string) => tell({ kind: "told", words }),
  } as const;
  const desktop = runDesktop(machine, new TabSettings(kept), listeners, begun);
  const { loop } = browserPorts();
  const tab = new TabMachine(message, parts, machine.session, tell, {
    loop,
    page: PAGE,
    hasBegun: begun !== null,
    save: () => machine.keeping.saveInPieces(new Map()),
    // What programs have written is on its way for a turn.
    screen: () => new Promise((resolve) => loop.callSoon(() => resolve(JSON.stringify(desktop.keep())))),
    isAtRest: () => desktop.display?.isAtRest !== false,
    revision: () => desktop.state.layouts + desktop.power.changes,
  });
  const service = new Hono();
  addDesktopRoutes(service, desktop);
  servePort(message.link, {
    fetch: (request) => service.fetch(request),
    connectionAt: (path) => connectionAt(path, desktop),
  });
  tab.begin(ended);
  return tab;
});
