/** A port of this computer's loopback, for connections that go on elsewhere. */
import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import type { Listening, StreamPair } from "@stratos/sdk/client";

export async function listenOnLoopback(onConnection: (connection: StreamPair) => void): Promise<Listening> {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    // Who reads from it hears of it.
    socket.on("error", () => {});
    onConnection(pairOf(socket));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  // The host's program ends although the port is open.
  server.unref();
  const close = (): void => {
    server.close();
    for (const socket of sockets) socket.destroy();
  };
  return { port: (server.address() as AddressInfo).port, close };
}

/** For one who writes at a time. */
export function pairOf(socket: Socket): StreamPair {
  let wake = (): void => {};
  for (const event of ["drain", "close"]) socket.on(event, () => wake());
  return {
    output: socket,
    async write(bytes) {
      if (socket.destroyed) throw new Error("the connection was closed");
      if (socket.write(bytes)) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    },
    end(hasFailed) {
      if (hasFailed) socket.destroy();
      else socket.end();
    },
  };
}
