/**
 * The worker that is the machine: a clone of the pack's image, its changes in a file, root's shell on the terminal; or
 * what ran when the tab before was left.
 */
import { StateError } from "@stratos/base";
import { browserPorts, MessageConsole, type Running } from "@stratos/host-browser";
import { attachConsole, openConsoleTerminal } from "@stratos/kernel";
import { MachineSession, rootShell, writeResolverConfiguration } from "@stratos/session";
import type { StartMessage } from "./messages.ts";
import { openSystem } from "./open-system.ts";
import { serveTab, TabMachine } from "./tab-machine.ts";

const TERM = "xterm-256color";
/** The page's terminal among what a kept machine holds of the host's. */
const CONSOLE = "console";
/** By which what runs is this page's. */
const PAGE = "terminal";

serveTab<StartMessage>(async (message, tell) => {
  const { left, ...parts } = await openSystem(message, tell, PAGE);
  const { volume, sockets, running } = parts;
  const { memoryBytes } = message;
  const ports = browserPorts();
  const console = new MessageConsole(message.console, message);
  const write = console.write.bind(console);
  console.write = (bytes) => {
    console.write = write;
    write(bytes);
    tell({ kind: "prompted" });
  };
  const streams = new Map([[CONSOLE, console]]);
  const begun = left === null ? null : goOn(left);
  const session = begun ?? begin();
  const screen = (): Promise<string> => console.screen();
  const save = (): Generator<void, Uint8Array> => session.saveInPieces(streams);
  const goingOn = { loop: ports.loop, page: PAGE, save, screen, hasBegun: begun !== null };
  const machine = new TabMachine(message, parts, session, tell, goingOn);
  machine.begin(session.run());
  // Memory of what goes on comes when it is touched, and all of it soon.
  begun?.settleSoon(() => {});
  return machine;

  function begin(): MachineSession {
    writeResolverConfiguration(volume.root, sockets);
    const fresh = new MachineSession({ ports, volume, memoryBytes, sockets, log: () => {} });
    const { kernel } = fresh.machine;
    const line = openConsoleTerminal(kernel, attachConsole(kernel, console));
    fresh.start(rootShell(volume, TERM), [line, line.retain(), line.retain()]);
    return fresh;
  }

  /** @returns null: another version kept it, or it is damaged; the files are what they are all the same */
  function goOn({ state, screen }: Running): MachineSession | null {
    const saved = { bytes: state, streams, isLazy: true };
    // Before programs write: they go on behind it.
    if (screen !== "") console.write(new TextEncoder().encode(screen));
    try {
      return new MachineSession({ ports, volume, memoryBytes, sockets, log: () => {}, saved });
    } catch (error) {
      if (!(error instanceof StateError)) throw error;
      running!.drop();
      volume.root.freeOrphans();
      tell({ kind: "told", words: `what ran before cannot go on: ${error.message}` });
      return null;
    }
  }
});
