/** Where the service listens: a TCP port, by TLS or not, or a Unix socket that its owner alone may use. */
import { chmodSync, lstatSync, unlinkSync } from "node:fs";
import { createServer, type Server } from "node:https";
import { connect, type AddressInfo } from "node:net";
import { createAdaptorServer, type ServerType } from "@hono/node-server";
import { hostReason } from "@stratos/host-node/home";
import { followTlsFiles, tlsContext, type TlsFiles } from "@stratos/host-node/tls-files";
import { OperationError } from "@stratos/operation";

export type ListenPlace = { readonly socket: string } | { readonly host: string; readonly port: number };

interface ServedTls {
  readonly files: TlsFiles;
  /** Told of new files that are of no use. */
  readonly onDefect: (words: string) => void;
}

interface ServiceListener {
  /** URL, or unix:PATH. */
  readonly address: string;
  readonly server: ServerType;
  close(): Promise<void>;
}

/** @throws OperationError when the place cannot be had, or the certificate is of no use */
export async function listenAt(
  place: ListenPlace,
  fetch: (request: Request) => Response | Promise<Response>,
  tls: ServedTls | null = null,
): Promise<ServiceListener> {
  const hostname = "socket" in place ? "localhost" : place.host;
  const server = tls === null ? createAdaptorServer({ fetch, hostname }) : secureServer(fetch, hostname, tls.files);
  const unfollow = tls === null ? () => {} : followTlsFiles(server as Server, tls.files, tls.onDefect);
  const close = (): Promise<void> =>
    new Promise((resolve) => {
      unfollow();
      server.close(() => resolve());
      if ("closeAllConnections" in server) server.closeAllConnections();
    });
  if (!("socket" in place)) {
    await listening(server, `${place.host}:${place.port}`, () => server.listen(place.port, place.host));
    const { port } = server.address() as AddressInfo;
    const host = place.host.includes(":") ? `[${place.host}]` : place.host;
    return { address: `${tls === null ? "http" : "https"}://${host}:${port}/`, server, close };
  }
  await freeSocket(place.socket);
  const umask = process.umask(0o177);
  try {
    await listening(server, place.socket, () => server.listen(place.socket));
  } finally {
    process.umask(umask);
  }
  chmodSync(place.socket, 0o600);
  return { address: `unix:${place.socket}`, server, close };
}

/** @param hostname  of requests that name none (HTTP/1.0), as balancers' health checks are */
function secureServer(
  fetch: (request: Request) => Response | Promise<Response>,
  hostname: string,
  files: TlsFiles,
): ServerType {
  return createAdaptorServer({ fetch, hostname, createServer, serverOptions: tlsContext(files) });
}

async function listening(server: ServerType, what: string, listen: () => void): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("listening", resolve);
    server.once("error", (error) => reject(new OperationError("volume", what, hostReason(error), { cause: error })));
    listen();
  });
}

/**
 * Takes away a socket that a service left behind that was killed.
 *
 * @throws OperationError for one that is in use, and for anything else of that name
 */
async function freeSocket(path: string): Promise<void> {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (stat === undefined) return;
  if (!stat.isSocket()) throw new OperationError("volume", path, "is there already, and no socket");
  const isServed = await new Promise<boolean>((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", (error: NodeJS.ErrnoException) => resolve(error.code !== "ECONNREFUSED"));
  });
  if (isServed) throw new OperationError("volume", path, "another process listens there");
  unlinkSync(path);
}
