/**
 * The worker that is the machine: a clone of the pack's image, its changes in a file, root's shell on the terminal; or
 * what ran when the tab before was left.
 */
import { StateError } from "@stratos/base";
import { browserPorts, MessageConsole } from "@stratos/host-browser";
import { attachConsole, openConsoleTerminal } from "@stratos/kernel";
import { MachineSession, rootShell, writeResolverConfiguration } from "@stratos/session";
import type { StartMessage } from "./messages.ts";
import { openSystem, type SystemParts } from "./open-system.ts";
import { serveTab, TabMachine } from "./tab-machine.ts";

const TERM = "xterm-256color";
/** The page's terminal among what a kept machine holds of the host's. */
const CONSOLE = "console";

serveTab<StartMessage>(async (message, tell) => {
  const opened = await openSystem(message, tell, true);
  const ports = browserPorts();
  const console = new MessageConsole(message.console, message);
  const write = console.write.bind(console);
  console.write = (bytes) => {
    console.write = write;
    write(bytes);
    tell({ kind: "prompted" });
  };
  const streams = new Map([[CONSOLE, console]]);
  const goingOn = goOn(opened);
  const session = goingOn ?? begin(opened);
  const parts = { ...opened, left: goingOn === null ? null : opened.left };
  const machine = new TabMachine(message, parts, session, tell);
  machine.keepRunning({
    streams,
    screen: () => console.screen(),
    breathe: () => new Promise((resolve) => ports.loop.callSoon(resolve)),
  });
  machine.begin(session.run());
  // Memory of what goes on comes when it is touched, and all of it soon.
  if (goingOn !== null) session.settleSoon(() => {});
  return machine;

  function begin({ volume, sockets }: SystemParts): MachineSession {
    writeResolverConfiguration(volume.root, sockets);
    const { memoryBytes } = message;
    const fresh = new MachineSession({ ports, volume, memoryBytes, sockets, log: () => {} });
    const { kernel } = fresh.machine;
    const line = openConsoleTerminal(kernel, attachConsole(kernel, console));
    fresh.start(rootShell(volume, TERM), [line, line.retain(), line.retain()]);
    return fresh;
  }

  /** @returns null: another version kept it, or it is damaged; the files are what they are all the same */
  function goOn({ volume, sockets, running, left }: SystemParts): MachineSession | null {
    if (left === null) return null;
    const { memoryBytes } = message;
    const saved = { bytes: left.state, streams, isLazy: true };
    // Before programs write: they go on behind it.
    if (left.screen !== "") console.write(new TextEncoder().encode(left.screen));
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
