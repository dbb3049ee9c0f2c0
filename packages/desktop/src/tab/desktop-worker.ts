/** The worker that is the machine and its desktop: what a server does for `stratos desktop`, beside the page. */
import { Hono } from "hono";
import { openSystem, serveTab, TabMachine } from "@stratos/console/tab-worker";
import type { ProgramEnd } from "@stratos/session";
import { connectionAt } from "../serve/connections.ts";
import { addDesktopRoutes } from "../serve/desktop-routes.ts";
import { runDesktop } from "../serve/running-desktop.ts";
import type { DesktopStart } from "./messages.ts";
import { servePort } from "./port-service.ts";
import { openTabMachine } from "./tab-machine.ts";
import { TabSettings } from "./tab-settings.ts";

serveTab<DesktopStart>(async (message, tell) => {
  const parts = await openSystem(message, tell);
  const kept = message.keeping === "files" ? await parts.files!.handle("desktop.json") : null;
  const machine = await openTabMachine(parts.volume, parts.sockets, message.memoryBytes);
  const tab = new TabMachine(message, parts, machine.session, tell);
  const { promise: ended, resolve: end } = Promise.withResolvers<ProgramEnd>();
  const desktop = runDesktop(machine, new TabSettings(kept), {
    onEnd: () => end({ kind: "exited", status: 0 }),
    onDefect: (words) => tell({ kind: "told", words }),
    tell: (words) => tell({ kind: "told", words }),
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
