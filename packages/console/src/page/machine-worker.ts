/** The worker that is the machine: a clone of the pack's image, its changes in a file, root's shell on the terminal. */
import { browserPorts, MessageConsole } from "@stratos/host-browser";
import { attachConsole, openConsoleTerminal } from "@stratos/kernel";
import { MachineSession, rootShell, writeResolverConfiguration } from "@stratos/session";
import type { StartMessage } from "./messages.ts";
import { openSystem } from "./open-system.ts";
import { serveTab, TabMachine } from "./tab-machine.ts";

const TERM = "xterm-256color";

serveTab<StartMessage>(async (message, tell) => {
  const parts = await openSystem(message, tell);
  const { memoryBytes } = message;
  const { volume, sockets } = parts;
  writeResolverConfiguration(volume.root, sockets);
  const session = new MachineSession({ ports: browserPorts(), volume, memoryBytes, sockets, log: () => {} });
  const { kernel } = session.machine;
  const console = new MessageConsole(message.console, message);
  const write = console.write.bind(console);
  console.write = (bytes) => {
    console.write = write;
    write(bytes);
    tell({ kind: "prompted" });
  };
  const line = openConsoleTerminal(kernel, attachConsole(kernel, console));
  session.start(rootShell(volume, TERM), [line, line.retain(), line.retain()]);
  const machine = new TabMachine(message, parts, session, tell);
  machine.begin(session.run());
  return machine;
});
