/** `stratos replay --gdb`: one debugger at a time, at a port of the loopback or at the other end of a pipe. */
import { createServer, type Server, type Socket } from "node:net";
import { nodePorts } from "@stratos/host-node";
import { DebugServer, describePlace, ReplayError, Timeline } from "@stratos/session";
import { InvalidArgumentError } from "commander";
import { EXIT_SUCCESS } from "../exit-status.ts";
import { parsePosition } from "../option-values.ts";
import { openRecordedRun, replayFailure, ShownOutput, startReplay } from "./recorded-run.ts";
import { goTo } from "./replay-to.ts";

const LOOPBACK = "127.0.0.1";
const STDERR = 2;

export async function replayGdb(file: string, port: number | "-", options: { readonly pid?: number }): Promise<number> {
  const run = openRecordedRun(file);
  // Standard output is gdb's when it is at the other end of a pipe.
  const output = new ShownOutput(port === "-" ? [STDERR, STDERR] : [1, STDERR]);
  try {
    const timeline = await Timeline.open({ loop: nodePorts().loop, open: () => startReplay(run, output) });
    try {
      const pid = options.pid ?? timeline.firstPid;
      if (!(await timeline.lookAt(pid)))
        throw replayFailure(file, `no process ${pid} executes a program in what is recorded`);
      const monitor = async (words: readonly string[]): Promise<readonly string[]> => {
        const [command, position = ""] = words;
        const where = (): string[] => describePlace(timeline.replay, run.recording.events.length);
        if (command === "where" && words.length === 1) return where();
        if (command !== "seek" || words.length !== 2) return MONITOR_HELP;
        try {
          const isThere = await goTo(timeline, parsePosition(position), run.recording);
          return [...(isThere ? [] : ["the recording ends before:"]), ...where(), CACHE_HINT];
        } catch (error) {
          if (error instanceof InvalidArgumentError) return [error.message];
          throw error;
        }
      };
      const serve = (write: (bytes: Uint8Array) => void): DebugServer =>
        new DebugServer(timeline, { pid, write, monitor });
      await (port === "-" ? servePipe(serve) : servePort(port, serve));
      return EXIT_SUCCESS;
    } finally {
      await timeline.drain();
      timeline.close();
    }
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error;
    throw replayFailure(file, `the replay went another way: ${error.message}`);
  }
}

const CACHE_HINT = "type: maintenance flush register-cache";
const MONITOR_HELP = [
  "monitor where           the position, and where each program is",
  "monitor seek POSITION   go there: N (instructions), event:N, line:N or end; then type",
  "                        maintenance flush register-cache",
];

type Serve = (write: (bytes: Uint8Array) => void) => DebugServer;

async function servePipe(serve: Serve): Promise<void> {
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

/** Serves the first client that comes, and then is done. */
async function servePort(port: number, serve: Serve): Promise<void> {
  const listener = createServer({ pauseOnConnect: true });
  const stopWaiting = new AbortController();
  const stop = (): void => stopWaiting.abort();
  process.once("SIGINT", stop).once("SIGTERM", stop);
  let client: Socket | null = null;
  try {
    await listening(listener, port);
    const { port: chosen } = listener.address() as { port: number };
    process.stderr.write(`stratos: gdb: target remote :${chosen}\n`);
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
