/** The standard files of a replay: input comes from the recording, output is shown, or not. */
import type { HostStreamOut } from "@stratos/host";
import { attachConsole, type OpenFile, openConsoleTerminal, openHostInput, openHostOutput } from "@stratos/kernel";
import type { MachineSession } from "../machine-session.ts";
import type { StandardFiles, TerminalShape } from "../standard-files.ts";
import type { InputGate } from "./input-gate.ts";

/** Output that is drained between turns. */
export type OutputStream = HostStreamOut & { drain(): Promise<void> };

/** Takes output that nobody is to see. */
export const UNSEEN: OutputStream = {
  write: (_bytes, _at, count) => count,
  room: 1 << 16,
  isBroken: false,
  onWritable: () => {},
  drain: () => Promise.resolve(),
};

/** @param streams  for standard output and standard error */
export function openReplayFiles(
  session: MachineSession,
  gate: InputGate,
  recorded: TerminalShape,
  streams: readonly OutputStream[],
): StandardFiles {
  const { kernel } = session.machine;
  const finish = async (): Promise<void> => void (await Promise.all(streams.map((stream) => stream.drain())));
  const output = (stream: 1 | 2): OpenFile => openHostOutput(kernel, gate.streamOut(streams[stream - 1]!, stream));
  if (recorded.terminal === null)
    return { files: [openHostInput(kernel, gate.streamIn(null)), output(1), output(2)], finish };
  const shown = streams[0]!;
  const terminal = attachConsole(
    kernel,
    gate.console(null, recorded.terminal, (bytes) => void shown.write(bytes, 0, bytes.length)),
  );
  const line = openConsoleTerminal(kernel, terminal);
  return { files: [line, line.retain(), recorded.isErrorTerminal ? line.retain() : output(2)], finish };
}
