/** The guest's descriptors 0, 1 and 2: the terminal that Stratos was started on, or the pipes and files. */
import { isatty } from "node:tty";
import { NodeConsole, openStreamIn, openStreamOut } from "@stratos/host-node";
import { attachConsole, type OpenFile, openConsoleTerminal, openHostInput, openHostOutput } from "@stratos/kernel";
import type { MachineSession } from "./machine-session.ts";
import { wakingConsole, wakingStreamIn, wakingStreamOut } from "./waking-ports.ts";

export interface StandardFiles {
  readonly files: readonly OpenFile[];
  /** The guest has a terminal: the host's is in raw mode, and its signals come as characters. */
  readonly isTerminal: boolean;
  /** Waits for output that is on its way, and gives the terminal back. */
  finish(): Promise<void>;
}

/** A program that has both directions of a terminal gets it as a terminal; else each descriptor is what it is. */
export function hasTerminal(): boolean {
  return isatty(0) && isatty(1);
}

export function openStandardFiles(session: MachineSession): StandardFiles {
  const { kernel } = session.machine;
  const wake = (): void => session.pump.wake();
  const outputs: { drain(): Promise<void> }[] = [];
  const output = (fd: number): OpenFile => {
    const stream = openStreamOut(fd);
    outputs.push(stream);
    return openHostOutput(kernel, wakingStreamOut(stream, wake));
  };
  const drain = async (): Promise<void> => void (await Promise.all(outputs.map((stream) => stream.drain())));
  if (!hasTerminal()) {
    return { files: [openHostInput(kernel, wakingStreamIn(openStreamIn(0), wake)), output(1), output(2)], isTerminal: false, finish: drain };
  }
  const host = new NodeConsole();
  const terminal = attachConsole(kernel, wakingConsole(host, wake));
  host.open();
  const line = openConsoleTerminal(kernel, terminal);
  return {
    files: [line, line.retain(), isatty(2) ? line.retain() : output(2)],
    isTerminal: true,
    finish: async () => {
      await drain();
      host.close();
    },
  };
}
