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

const TOLD = {
  gdb: (port: number) => `gdb: target remote :${port}`,
  dap: (port: number) => `debug adapter: port ${port} of 127.0.0.1`,
} as const;

/** Serves the first client that comes, and then is done. @param stop  it is to be done now */
export function serveDebugger(
  protocol: keyof typeof TOLD,
  port: number | "-",
  serve: Serve,
  stop: AbortSignal = new AbortController().signal,
): Promise<void> {
  return port === "-" ? servePipe(serve, stop) : servePort(port, serve, { told: TOLD[protocol], stop });
}

async function servePipe(serve: Serve, stop: AbortSignal): Promise<void> {
  const server = serve((bytes) => void process.stdout.write(bytes));
  const feed = (bytes: Buffer): void => server.feed(bytes);
  const hangUp = (): void => server.hangUp();
  process.stdin.on("data", feed).on("end", hangUp).on("error", hangUp);
  process.stdout.on("error", hangUp);
  stop.addEventListener("abort", hangUp);
  try {
    await server.ended;
  } finally {
    process.stdin.off("data", feed).pause();
  }
}

/** @param how.told  says where that is */
async function servePort(
  port: number,
  serve: Serve,
  how: { readonly told: (port: number) => string; readonly stop: AbortSignal },
): Promise<void> {
  const listener = createServer({ pauseOnConnect: true });
  const stopWaiting = new AbortController();
  const stop = (): void => stopWaiting.abort();
  how.stop.addEventListener("abort", stop);
  process.once("SIGINT", stop).once("SIGTERM", stop);
  let client: Socket | null = null;
  try {
    await listening(listener, port);
    const { port: chosen } = listener.address() as { port: number };
    process.stderr.write(`stratos: ${how.told(chosen)}\n`);
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
