/** One debugger at a time, at a port of the loopback or at the other end of a pipe. */
import { createServer, type Server, type Socket } from "node:net";

const LOOPBACK = "127.0.0.1";

/** A debugger's side of one connection. */
interface Served {
  feed(bytes: Uint8Array): void;
  hangUp(): void;
  readonly ended: Promise<void>;
}
type Serve = (write: (bytes: Uint8Array) => void) => Served;

export async function servePipe(serve: Serve): Promise<void> {
  const server = serve((bytes) => void process.stdout.write(bytes));
  const feed = (bytes: Buffer): void => server.feed(bytes);
  const hangUp = (): void => server.hangUp();
  process.stdin.on("data", feed).on("end", hangUp).on("error", hangUp);
  process.stdout.on("error", hangUp);
  try {
    await server.ended;
  } finally {
    process.stdin.off("data", feed).pause();
  }
}

/** Serves the first client that comes, and then is done. @param told  says where that is */
export async function servePort(port: number, serve: Serve, told: (port: number) => string): Promise<void> {
  const listener = createServer({ pauseOnConnect: true });
  const stopWaiting = new AbortController();
  const stop = (): void => stopWaiting.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  let client: Socket | null = null;
  try {
    await listening(listener, port);
    const { port: chosen } = listener.address() as { port: number };
    process.stderr.write(`stratos: ${told(chosen)}\n`);
    client = await connection(listener, stopWaiting.signal);
    listener.close();
    if (client === null) return;
    const socket = client;
    socket.setNoDelay(true);
    const server = serve((bytes) => void socket.write(bytes));
    stopWaiting.signal.addEventListener("abort", () => server.hangUp());
    socket.on("data", (bytes) => server.feed(bytes));
    socket.on("close", () => server.hangUp());
    socket.on("error", () => server.hangUp());
    socket.resume();
    await server.ended;
  } finally {
    process.off("SIGINT", stop).off("SIGTERM", stop);
    listener.close();
    client?.end();
    client?.destroySoon();
  }
}

function listening(listener: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    listener.once("error", reject);
    listener.listen(port, LOOPBACK, () => {
      listener.off("error", reject);
      resolve();
    });
  });
}

function connection(listener: Server, signal: AbortSignal): Promise<Socket | null> {
  return new Promise((resolve) => {
    listener.once("connection", resolve);
    signal.addEventListener("abort", () => resolve(null));
  });
}
