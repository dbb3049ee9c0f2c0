/** Runs a command in a system as root, without a terminal or a network, and hands on its output by lines. */
import { byteString } from "@stratos/base";
import type { CodeArchive, HostStreamIn, HostStreamOut } from "@stratos/host";
import { nodePorts } from "@stratos/host-node";
import { openHostInput, openHostOutput } from "@stratos/kernel";
import { exitStatusOf, findGuestUser, GUEST_PATH, MachineSession, readerOf } from "@stratos/session";
import { DEFAULT_MEMORY } from "./defaults.ts";
import { hostFolders, type SharedFolder } from "./host-folders.ts";
import type { OpenVolume } from "./image-volume.ts";

export interface GuestCommand {
  /** byte strings */
  readonly argv: readonly string[];
  /** folders of the host that it sees */
  readonly volumes?: readonly SharedFolder[];
  /** where translations are kept (keptTranslations); undefined: nowhere */
  readonly codeArchive: CodeArchive | undefined;
  /** it is ended then */
  readonly timeoutMs?: number;
  /** lines of output, and the kernel's messages as `kernel: …`; byte strings */
  onLine(line: string): void;
}

/** @returns its exit status as a shell would say it; all that it wrote is in the volume, which is not yet synced */
export async function runGuestCommand(opened: OpenVolume, command: GuestCommand): Promise<number> {
  const session = new MachineSession({
    ports: { ...nodePorts(), codeArchive: command.codeArchive },
    volume: opened.volume,
    memoryBytes: DEFAULT_MEMORY,
    folders: hostFolders(command.volumes ?? []),
    keepsRun: true,
    log: (line) => command.onLine(`kernel: ${line}`),
  });
  const output = lineOutput((line) => command.onLine(line));
  const { kernel } = session.machine;
  const files = [openHostInput(kernel, EMPTY_INPUT), openHostOutput(kernel, output), openHostOutput(kernel, output)];
  const user = findGuestUser(readerOf(opened.volume.root), "0");
  session.start(
    {
      program: command.argv[0]!,
      argv: command.argv,
      environment: [`PATH=${GUEST_PATH}`, "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"],
      workingDirectory: "/",
      user,
    },
    files,
  );
  const status = exitStatusOf(await session.run(command.timeoutMs));
  session.machine.sync();
  session.machine.processor.submitProfile();
  return status;
}

export const EMPTY_INPUT: HostStreamIn = { read: () => 0, available: 0, isEnded: true, onReadable: () => {} };

/** Takes whole lines as byte strings; it is never slow. */
export function lineOutput(onLine: (line: string) => void): HostStreamOut {
  let rest = "";
  return {
    room: 1 << 16,
    isBroken: false,
    onWritable: () => {},
    write(bytes, at, count) {
      const lines = (rest + byteString(bytes, at, at + count)).split("\n");
      rest = lines.pop()!;
      for (const line of lines) onLine(line);
      return count;
    },
  };
}
