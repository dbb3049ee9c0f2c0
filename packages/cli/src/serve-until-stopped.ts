import { once } from "node:events";
import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { CommandError, hostReason } from "./command-error.ts";
import { EXIT_SIGNAL_BASE } from "./exit-status.ts";

/**
 * Serves until a signal ends it. The first line of output is the server's URL.
 * @param more  a further line, for who is to use it
 * @returns the exit status. @throws CommandError when the address cannot be had
 */
export async function serveUntilStopped(
  server: Server,
  listen: { readonly host: string; readonly port: number },
  more?: (url: string) => string,
): Promise<number> {
  server.listen(listen.port, listen.host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new CommandError(`${listen.host}:${listen.port}`, hostReason(error), { cause: error });
  }
  const { address, port, family } = server.address() as AddressInfo;
  const url = `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
  process.stdout.write(`${url}\n${more === undefined ? "" : `${more(url)}\n`}`);
  const signal = await new Promise<"SIGINT" | "SIGTERM">((resolve) => {
    for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => resolve(name));
  });
  server.closeAllConnections();
  server.close();
  return EXIT_SIGNAL_BASE + (signal === "SIGTERM" ? 15 : 2);
}
