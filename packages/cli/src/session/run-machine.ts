/**
 * The machine of a run as it is before its program starts: a clone of the image with the run's folders and network,
 * from the image's warm start where that one does, and with a recorder where the run is recorded.
 */
import { randomInt } from "node:crypto";
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import type { SocketProvider } from "@stratos/host";
import { keptTranslations, nodePorts } from "@stratos/host-node";
import { hostFolders, openImage } from "@stratos/images";
import type { WarmStart } from "@stratos/images/warm-start";
import {
  type EnvironmentSetting,
  findGuestUser,
  guestEnvironment,
  type GuestUser,
  type HostFolder,
  MachineSession,
  mountHostFolders,
  type ProgramRequest,
  readerOf,
  type Recorder,
  writeResolverConfiguration,
} from "@stratos/session";
import type { RunOptions } from "./run-options.ts";
import { openRecording } from "./run-recording.ts";
import { hasTerminal } from "./standard-files.ts";
import { startWarmOrCold, warmStartFor } from "./warm-start.ts";

/** Byte strings: what to execute, and how it is called. */
export type Program = Pick<ProgramRequest, "program" | "argv">;

interface MachineRequest {
  /** Made when the user is known: a login shell is the user's. */
  readonly program: (user: GuestUser) => Program;
  /** It may start from its image's warm start, and is this one: a byte string. */
  readonly warmProgram: string | undefined;
  /** STRATOS_HOME */
  readonly home: string;
  readonly image: string;
  readonly memoryBytes: number;
  readonly network: SocketProvider | null;
  /** Folders of the host as the machine is to have them. */
  folders(folders: readonly HostFolder[]): readonly HostFolder[];
}

interface RunMachine {
  readonly session: MachineSession;
  readonly user: GuestUser;
  readonly recorder: Recorder | null;
  /** What it has started from, or why it has not. */
  readonly warm: WarmStart | string;
  /** What is to be started. @param more  settings that those of the run's options override */
  requestWith(more: readonly EnvironmentSetting[]): ProgramRequest;
  /** The run is over. @param isWhole  the machine was synced: what `--keep` asks for is published */
  close(isWhole: boolean): void;
}

/** @throws OperationError, SessionError and what the host says; nothing is open then */
export function openRunMachine(request: MachineRequest, options: RunOptions): RunMachine {
  return startWarmOrCold(warmStartFor(request, options), (from) => openMachine(request, options, from));
}

function openMachine(
  { program, home, image: name, memoryBytes, network, folders: shown }: MachineRequest,
  options: RunOptions,
  from: WarmStart | null,
): Omit<RunMachine, "warm"> {
  const image = openImage(name, {
    home,
    keep: options.keep,
    deltaBytes: memoryBytes,
    changes: from === null ? null : from.changes,
  });
  let closeRecording = (): void => {};
  const close = (isWhole: boolean): void => {
    closeRecording();
    image.finish(isWhole);
  };
  try {
    const files = image.opened.volume.root;
    const user = findGuestUser(readerOf(files), options.user ?? "root");
    if (network !== null) writeResolverConfiguration(files, network);
    const requestWith = (more: readonly EnvironmentSetting[]): ProgramRequest => ({
      ...program(user),
      user,
      environment: guestEnvironment(user, [...more, ...options.env], {
        isTerminal: hasTerminal(),
        host: process.env,
      }),
      workingDirectory: options.workdir === undefined ? "/" : utf8ToByteString(options.workdir),
    });
    const harts = options.harts ?? 1;
    const seed = options.seed ?? (options.record === undefined ? undefined : randomInt(2 ** 31));
    let folders = shown(hostFolders(options.volume));
    let recorder: Recorder | null = null;
    if (options.record !== undefined) {
      const run = { home, image: name, user: options.user ?? "root", seed: seed!, memoryBytes, harts };
      const recording = openRecording(options.record, run, { ...requestWith([]), folders });
      ({ recorder, close: closeRecording } = recording);
      folders = recorder.folders;
    }
    const session = new MachineSession({
      ports: { ...nodePorts(), codeArchive: options.cache === false ? undefined : keptTranslations(home) },
      volume: image.opened.volume,
      memoryBytes,
      windows: options.addressMode === "window",
      sockets: network,
      folders,
      harts,
      log: kernelLog(),
      ...(seed === undefined ? {} : { seed }),
      ...(from === null ? {} : { saved: from.saved }),
    });
    // A machine that waits has none yet.
    if (from !== null) mountHostFolders(session.machine, folders);
    return { session, user, recorder, requestWith, close };
  } catch (error) {
    close(false);
    throw error;
  }
}

/** Kernel messages are for who asks for them. */
function kernelLog(): (message: string) => void {
  if ((process.env["STRATOS_DEBUG"] ?? "") === "") return () => {};
  return (message) =>
    void process.stderr.write(`stratos: kernel: ${byteStringToUtf8(message)}${hasTerminal() ? "\r" : ""}\n`);
}
