/** The console, listening: composition root of `serve/`. */
import type { Server } from "node:http";
import { join } from "node:path";
import { nodePorts } from "@stratos/host-node";
import type { TlsFiles } from "@stratos/host-node/tls-files";
import { type ListenPlace, listenAt } from "@stratos/volumes/serve";
import { AuditLog } from "./access/audit-log.ts";
import { Treefiles } from "./composes/treefiles.ts";
import { type ConsoleOptions, createConsoleService } from "./console-service.ts";
import type { HostParts } from "./host-routes.ts";
import { Commands } from "./jobs/commands.ts";
import { Jobs } from "./jobs/jobs.ts";
import { displaySockets } from "./displays.ts";
import { refuseUpgrade } from "./page-sockets.ts";
import { Relay } from "./relay/relay.ts";
import { Terminals } from "./terminals.ts";

interface ConsoleServer {
  /** URL, or unix:PATH. */
  readonly address: string;
  close(): Promise<void>;
}

/** Sessions whose keys are gone, or that are over, end within this time even if nobody asks anything. */
const SWEEP_MS = 2000;
/** Connections at once, of whoever. */
const CONNECTIONS_MAX = 1000;

/** @throws OperationError when the place cannot be had, or the certificate is of no use */
export async function startConsole(
  place: ListenPlace,
  options: ConsoleOptions,
  tls: TlsFiles | null = null,
): Promise<ConsoleServer> {
  const cookie = { text: "stratos_session" };
  const host = hostParts(options);
  const terminals = new Terminals(options, cookie, host.audit);
  const sockets = [terminals.sockets, displaySockets(options, cookie, host.audit)];
  const { address, server, close } = await listenAt(
    place,
    createConsoleService(options, cookie, { host, terminals }).fetch,
    tls === null ? null : { files: tls, onDefect: options.onDefect },
  );
  // RFC 6265bis, 4.1.3: browsers take a cookie of this prefix from this host alone, by TLS.
  if (!("socket" in place)) cookie.text = `${tls === null ? "" : "__Host-"}stratos_session_${new URL(address).port}`;
  (server as Server).maxConnections = CONNECTIONS_MAX;
  const relay = relayOf(options);
  server.on("upgrade", (request, stream, head) => {
    // An upgrade takes Node's own listener away, and a reset would end the whole process.
    stream.on("error", () => stream.destroy());
    if (relay?.upgrade(request, stream, head) === true) return;
    if (!sockets.some((each) => each.upgrade(request, stream, head))) refuseUpgrade(stream, "404 Not Found");
  });
  const sweeping = setInterval(() => options.signIn?.sweep(), SWEEP_MS);
  sweeping.unref();
  return {
    address,
    close: async () => {
      clearInterval(sweeping);
      for (const each of sockets) each.close();
      relay?.close();
      await Promise.all([host.jobs.close(), host.commands.close(), close()]);
      await options.hub?.close();
    },
  };
}

/** What it carries is noted apart: whoever has a tab must not push out of the log what others did. */
function relayOf({ relay, signIn, names, isSecure, home, onDefect }: ConsoleOptions): Relay | null {
  if (relay === undefined || signIn === null) return null;
  const audit = new AuditLog(join(home, "serve.relay"), onDefect);
  return new Relay(relay, { signIn, names, isSecure, loop: nodePorts().loop, audit, onDefect });
}

/** Jobs, treefiles and the audit log are in files below `home`. */
export function hostParts({
  home,
  commandLine,
  onDefect,
}: Pick<ConsoleOptions, "home" | "commandLine" | "onDefect">): HostParts {
  const folder = join(home, "composes");
  const treefiles = new Treefiles(folder);
  const commands = new Commands({ ...commandLine, folder });
  const jobs = new Jobs(join(home, "jobs"), commands, onDefect);
  return { home, commands, jobs, treefiles, audit: new AuditLog(join(home, "serve.audit"), onDefect) };
}
