/** The console, listening: composition root of `serve/`. */
import type { Server } from "node:http";
import { type ListenPlace, listenAt, type TlsFiles } from "@stratos/volumes/serve";
import { type ConsoleOptions, createConsoleService } from "./console-service.ts";
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
  const terminals = new Terminals(options, cookie);
  const { address, server, close } = await listenAt(
    place,
    createConsoleService(options, cookie, terminals).fetch,
    tls === null ? null : { files: tls, onDefect: options.onDefect },
  );
  // RFC 6265bis, 4.1.3: browsers take a cookie of this prefix from this host alone, by TLS.
  if (!("socket" in place)) cookie.text = `${tls === null ? "" : "__Host-"}stratos_session_${new URL(address).port}`;
  (server as Server).maxConnections = CONNECTIONS_MAX;
  terminals.serve(server as Server);
  const sweeping = setInterval(() => options.signIn?.sweep(), SWEEP_MS);
  sweeping.unref();
  return {
    address,
    close: async () => {
      clearInterval(sweeping);
      terminals.close();
      await close();
    },
  };
}
