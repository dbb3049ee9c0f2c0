/** The machine: a clone of an image on the web, and root's shell on the page's terminal. */
import { browserPorts, MessageConsole, openWebImage, RefusedPortError } from "@stratos/host-browser";
import { attachConsole, openConsoleTerminal } from "@stratos/kernel";
import { findGuestUser, guestEnvironment, MachineSession, type ProgramEnd, readerOf } from "@stratos/session";
import type { StartMessage, WorkerMessage } from "./messages.ts";

const tell = (message: WorkerMessage): void => postMessage(message);
const fail = (words: string): void => tell({ kind: "failed", words });

onmessage = ({ data }: MessageEvent<StartMessage>) => {
  run(data).then(
    (end) => tell({ kind: "ended", words: endWords(end) }),
    (error: unknown) => fail(error instanceof Error ? error.message : String(error)),
  );
};

async function run(message: StartMessage): Promise<ProgramEnd> {
  if (message.net === "host") throw new RefusedPortError("sockets");
  const { volume } = await openWebImage(message.image, {
    changesBytes: message.memoryBytes,
    zstdUrl: new URL("zstd.wasm", location.href).href,
    onFailure: (words) => fail(`the image cannot be read any more: ${words}`),
  });
  const session = new MachineSession({
    ports: browserPorts(),
    volume,
    memoryBytes: message.memoryBytes,
    log: () => {},
  });
  const { kernel } = session.machine;
  const terminal = attachConsole(kernel, new MessageConsole(message.console, message));
  const line = openConsoleTerminal(kernel, terminal);
  const user = findGuestUser(readerOf(volume.root), "root");
  session.start(
    {
      program: user.shell,
      argv: [`-${user.shell.slice(user.shell.lastIndexOf("/") + 1)}`],
      environment: guestEnvironment(user, [], { isTerminal: true, host: { TERM: "xterm-256color" } }),
      workingDirectory: user.home,
      user,
    },
    [line, line.retain(), line.retain()],
  );
  tell({ kind: "started" });
  return await session.run();
}

function endWords(end: ProgramEnd): string {
  switch (end.kind) {
    case "exited":
      return `the shell has ended with status ${end.status}`;
    case "killed":
      return `the shell was ended by signal ${end.signal}`;
    default:
      return "the machine was stopped";
  }
}
