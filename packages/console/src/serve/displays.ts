/**
 * Displays of named systems on the page: one WebSocket each. After the page's key it says { show: NAME }, and then both
 * say what display/src/screen-viewers.ts has. Here nothing is kept, and whoever comes again is shown all anew.
 */
import type { WebSocket } from "ws";
import type { Watching } from "@stratos/display";
import { mayAct } from "@stratos/volumes/roles";
import type { SupervisorClient } from "@stratos/sdk/systems";
import type { AuditLog } from "./access/audit-log.ts";
import type { Identity } from "./access/sign-in.ts";
import type { ConsoleOptions, CookieName } from "./console-service.ts";
import { viewerAt } from "../display/socket-viewer.ts";
import { SystemScreen } from "../display/system-screen.ts";
import { PageSockets, parseObject, TRY_AGAIN } from "./page-sockets.ts";

/** Bytes of a message of the page; a longer one ends its connection. */
const MESSAGE_MAX = 1 << 16;

export function displaySockets(options: ConsoleOptions, cookie: CookieName, audit: AuditLog): PageSockets {
  const limits = { path: "/v1/displays", messageBytesMax: MESSAGE_MAX };
  return new PageSockets(options, cookie, limits, (socket, identity) => serve(socket, identity, options, audit));
}

function serve(socket: WebSocket, { name, role }: Identity, { openSupervisor }: ConsoleOptions, audit: AuditLog): void {
  const maySteer = mayAct(role, "operator");
  const supervisor = openSupervisor();
  let watching: Watching | null = null;
  const take = (client: SupervisorClient, message: Buffer): void => {
    if (watching !== null) return watching.take(message.toString());
    const { show } = parseObject(message);
    if (typeof show !== "string" || socket.readyState !== socket.OPEN) return;
    const onShown = (): void => {
      if (maySteer) audit.add({ name, role, operation: "openDisplay", target: show, status: 101 });
    };
    watching = new SystemScreen(client, show).connect(viewerAt(socket), maySteer, onShown);
  };
  // What has come by then waits, in its order; more does not come.
  socket.pause();
  socket.on("message", (data, isBinary) => {
    if (!isBinary) supervisor.then((client) => take(client, data as Buffer)).catch(() => {});
  });
  supervisor.then(
    () => socket.resume(),
    () => socket.close(TRY_AGAIN, "the supervisor cannot be reached"),
  );
  socket.once("close", () => {
    supervisor.then(
      (client) => client.close(),
      () => {},
    );
  });
}
