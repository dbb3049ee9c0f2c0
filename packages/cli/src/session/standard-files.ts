/** The guest's descriptors 0, 1 and 2: the terminal that Stratos was started on, or the pipes and files. */
import { isatty } from "node:tty";
import type { HostStreamOut } from "@stratos/host";
import { NodeConsole, openStreamIn, openStreamOut } from "@stratos/host-node";
import { attachConsole, type OpenFile, openConsoleTerminal, openHostInput, openHostOutput } from "@stratos/kernel";
import type { InputGate, MachineSession } from "@stratos/session";

type OutputStream = HostStreamOut & { drain(): Promise<void> };

/** Takes output that nobody is to see. */
export const UNSEEN: OutputStream = {
  write: (_bytes, _at, count) => count,
  room: 1 << 16,
  isBroken: false,
  onWritable: () => {},
  drain: () => Promise.resolve(),
};

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

export function terminalSize(): { rows: number; columns: number } {
  return { rows: process.stdout.rows ?? 24, columns: process.stdout.columns ?? 80 };
}

/** @param gate  for runs that are recorded: what comes in goes through it */
export function openStandardFiles(session: MachineSession, gate: InputGate | null = null): StandardFiles {
  const { kernel } = session.machine;
  const outputs: { drain(): Promise<void> }[] = [];
  const output = (fd: number): OpenFile => {
    const stream = openStreamOut(fd);
    outputs.push(stream);
    return openHostOutput(kernel, gate === null ? stream : gate.streamOut(stream));
  };
  const drain = async (): Promise<void> => void (await Promise.all(outputs.map((stream) => stream.drain())));
  if (!hasTerminal()) {
    const input = openStreamIn(0);
    return {
      files: [openHostInput(kernel, gate === null ? input : gate.streamIn(input)), output(1), output(2)],
      isTerminal: false,
      finish: drain,
    };
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
    isTerminal: true,
    finish: async () => {
      await drain();
      await host.drain();
      host.close();
    },
  };
}

/** The standard files of a replay: input comes from the recording, output is shown, or not. */
export function openReplayFiles(
  session: MachineSession,
  gate: InputGate,
  recorded: { terminal: { rows: number; columns: number } | null; isErrorTerminal: boolean },
  streams: readonly OutputStream[] = [openStreamOut(1), openStreamOut(2)],
): StandardFiles {
  const { kernel } = session.machine;
  const drain = async (): Promise<void> => void (await Promise.all(streams.map((stream) => stream.drain())));
  const output = (index: 0 | 1): OpenFile => openHostOutput(kernel, gate.streamOut(streams[index]!));
  if (recorded.terminal === null)
    return {
      files: [openHostInput(kernel, gate.streamIn(null)), output(0), output(1)],
      isTerminal: false,
      finish: drain,
    };
  const shown = streams[0]!;
  const terminal = attachConsole(
    kernel,
    gate.console(null, recorded.terminal, (bytes) => void shown.write(bytes, 0, bytes.length)),
  );
  const line = openConsoleTerminal(kernel, terminal);
  return {
    files: [line, line.retain(), recorded.isErrorTerminal ? line.retain() : output(1)],
    isTerminal: true,
    finish: drain,
  };
}
