/** The guest's descriptors 0, 1 and 2: the terminal that Stratos was started on, or the pipes and files. */
import { isatty } from "node:tty";
import { NodeConsole, openStreamIn, openStreamOut } from "@stratos/host-node";
import { attachConsole, type OpenFile, openConsoleTerminal, openHostInput, openHostOutput } from "@stratos/kernel";
import type { HostStreamIn } from "@stratos/host";
import type { InputGate, MachineSession, StandardFiles, TerminalShape } from "@stratos/session";

/** A program that has both directions of a terminal gets it as a terminal; else each descriptor is what it is. */
export function hasTerminal(): boolean {
  return isatty(0) && isatty(1);
}

export function ownTerminal(): TerminalShape {
  const { rows = 24, columns = 80 } = process.stdout;
  return { terminal: hasTerminal() ? { rows, columns } : null, isErrorTerminal: isatty(2) };
}

/** @param gate  for runs that are recorded: what comes in goes through it */
export function openStandardFiles(session: MachineSession, gate: InputGate | null = null): StandardFiles {
  const { kernel } = session.machine;
  const outputs: { drain(): Promise<void> }[] = [];
  const output = (fd: 1 | 2): OpenFile => {
    const stream = openStreamOut(fd);
    outputs.push(stream);
    return openHostOutput(kernel, gate === null ? stream : gate.streamOut(stream, fd));
  };
  const drain = async (): Promise<void> => void (await Promise.all(outputs.map((stream) => stream.drain())));
  if (!hasTerminal()) {
    const input = openStreamIn(0);
    const read = openHostInput(kernel, gate === null ? input : gate.streamIn(input));
    return { files: [read, output(1), output(2)], finish: drain };
  }
  const host = new NodeConsole();
  const terminal = attachConsole(
    kernel,
    gate === null ? host : gate.console(host, host.size(), (bytes) => host.writeWhole(bytes)),
  );
  host.open();
  const line = openConsoleTerminal(kernel, terminal);
  return {
    files: [line, line.retain(), isatty(2) ? line.retain() : output(2)],
    finish: async () => {
      await drain();
      await host.drain();
      host.close();
    },
  };
}

const STDERR = 2;
const NO_INPUT: HostStreamIn = { read: () => 0, available: 0, isEnded: true, onReadable: () => {} };

/**
 * Standard input and output are another's, a debugger's: the program reads nothing, and writes to our standard error.
 */
export function openErrorOutputAlone({ machine: { kernel } }: MachineSession): StandardFiles {
  const output = openStreamOut(STDERR);
  return {
    files: [openHostInput(kernel, NO_INPUT), openHostOutput(kernel, output), openHostOutput(kernel, output)],
    finish: () => output.drain(),
  };
}
