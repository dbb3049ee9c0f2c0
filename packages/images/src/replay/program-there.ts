/** A program in the system of a recorded run as it is at a place. */
import { utf8ToByteString } from "@stratos/base";
import { stopAllProcesses } from "@stratos/kernel";
import {
  exitStatusOf,
  findGuestUser,
  guestEnvironment,
  type MachineSession,
  readerOf,
  type Replay,
  type StandardFiles,
} from "@stratos/session";

interface ProgramSurroundings {
  standard(session: MachineSession): StandardFiles;
  /** Hands the host's signals over. @returns what ends that */
  signals(receiver: { sendSignal(signal: number): void }): () => void;
  /** Its standard files are one. */
  readonly isTerminal: boolean;
}

/**
 * Runs a program in the machine as it stands; the recorded ones stop where they are.
 *
 * @param argv  byte strings
 * @returns its exit status, as a shell would say it
 */
export async function runThere(
  replay: Replay,
  argv: readonly string[],
  { standard: open, signals, isTerminal }: ProgramSurroundings,
): Promise<number> {
  const { session } = replay;
  const { header, volume } = replay;
  replay.leave();
  stopAllProcesses(session.machine.kernel);
  const user = findGuestUser(readerOf(volume.root), header.user);
  const standard = open(session);
  let status = 0;
  const pid = session.start(
    {
      program: argv[0]!,
      argv,
      user,
      workingDirectory: header.workingDirectory,
      environment: [
        ...guestEnvironment(user, [], { isTerminal, host: process.env }),
        ...header.environment.filter((setting) => !setting.startsWith(utf8ToByteString("TERM="))),
      ],
    },
    standard.files,
    (waitStatus) => {
      const signal = waitStatus & 0x7f;
      status = exitStatusOf(
        signal === 0 ? { kind: "exited", status: (waitStatus >> 8) & 0xff } : { kind: "killed", signal },
      );
      session.stop();
    },
  );
  const stopForwarding = signals({ sendSignal: (signal) => session.machine.sendSignal(signal, pid) });
  try {
    await session.run();
    return status;
  } finally {
    stopForwarding();
    await standard.finish();
  }
}
