/**
 * The machine of a run as it is before its program starts: a clone of the image with the run's folders and network,
 * from the image's warm start where that one does, and with a recorder where the run is recorded.
 */
import { randomInt } from "node:crypto";
import { utf8ToByteString } from "@stratos/base";
import type { SocketProvider } from "@stratos/host";
import { nodePorts } from "@stratos/host-node";
import { attachDevices } from "@stratos/machine/devices";
import {
  type EnvironmentSetting,
  findGuestUser,
  guestEnvironment,
  type GuestUser,
  type HostFolder,
  ImageReads,
  MachineSession,
  mountHostFolders,
  type ProgramRequest,
  readerOf,
  type Recorder,
  scheduleDisturber,
  type TerminalShape,
  writeResolverConfiguration,
} from "@stratos/session";
import { keptTranslations } from "../translations/kept-translations.ts";
import { hostFolders } from "../host-folders.ts";
import { openImage } from "../open-image.ts";
import type { WarmStart } from "../warm/warm-start.ts";
import { openRecording } from "./run-recording.ts";
import { chosenSeed, type RunSettings } from "./run-settings.ts";
import { type ColdStart, startWarmOrCold, warmStartFor } from "./warm-or-cold.ts";

/** Byte strings: what to execute, and how it is called. */
export type Program = Pick<ProgramRequest, "program" | "argv">;

export interface RunRequest extends RunSettings {
  /** Made when the user is known: a login shell is the user's. */
  readonly program: (user: GuestUser) => Program;
  /** It may start from its image's warm start, and is this one: a byte string. */
  readonly warmProgram?: string;
  /** STRATOS_HOME */
  readonly home: string;
  readonly image: string;
  readonly memoryBytes: number;
  readonly network: SocketProvider | null;
}

/** What a machine has around it before its program starts. */
export interface MachineSurroundings {
  /** What the program's standard files are. */
  readonly terminal: TerminalShape;
  readonly hasDisplay: boolean;
  readonly hasSound: boolean;
  /** Folders of the host as the machine is to have them. */
  folders?(folders: readonly HostFolder[]): readonly HostFolder[];
  /** Messages of the kernel, as byte strings. */
  log?(message: string): void;
}

interface RunMachine {
  readonly session: MachineSession;
  readonly user: GuestUser;
  readonly recorder: Recorder | null;
  /** What it has started from, or why it has not. */
  readonly warm: WarmStart | ColdStart;
  /** What is to be started. @param more  settings that those of the run override */
  requestWith(more: readonly EnvironmentSetting[]): ProgramRequest;
  /** The run is over. @param isWhole  the machine was synced: what `--keep` asks for is published */
  close(isWhole: boolean): void;
}

/** @throws OperationError, SessionError and what the host says; nothing is open then */
export function openRunMachine(request: RunRequest, around: MachineSurroundings): RunMachine {
  const run = {
    ...request,
    hasNetwork: request.network !== null,
    hasDisplay: around.hasDisplay,
    hasSound: around.hasSound,
  };
  return startWarmOrCold(warmStartFor(run, request), (from) => openMachine(request, around, from));
}

function openMachine(
  { program, home, image: name, memoryBytes, network, ...options }: RunRequest,
  { terminal, folders: shown = (given) => given, log = () => {} }: MachineSurroundings,
  from: WarmStart | null,
): Omit<RunMachine, "warm"> {
  const reads = options.record === undefined ? undefined : new ImageReads();
  const image = openImage(name, {
    home,
    reads,
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
        isTerminal: terminal.terminal !== null,
        host: process.env,
      }),
      workingDirectory: options.workdir === undefined ? "/" : utf8ToByteString(options.workdir),
    });
    const harts = options.harts ?? 1;
    const { schedule } = options;
    const chosen = chosenSeed(options);
    const seed = chosen ?? (options.record === undefined ? undefined : randomInt(2 ** 31));
    let folders = shown(hostFolders(options.volume));
    let recorder: Recorder | null = null;
    let sockets = network;
    const ports = nodePorts();
    // Certificates and what else the outside dates are of now; a seed asks for a time that is the same each time.
    const hasTimeOfDay = network !== null && options.record !== undefined && chosen === undefined;
    const start = hasTimeOfDay ? { startMs: ports.clock.realtimeMs() } : {};
    const ordered = schedule === undefined ? {} : { schedule };
    if (options.record !== undefined && reads !== undefined) {
      const user = options.user ?? "root";
      const run = { home, image: name, user, seed: seed!, memoryBytes, harts, ...terminal, ...start, ...ordered };
      const outside = { folders, network, loop: ports.loop, image: { reads, volume: image.opened.volume } };
      const recording = openRecording(options.record, run, { ...requestWith([]), ...outside });
      ({ recorder, close: closeRecording } = recording);
      ({ folders, sockets } = recorder);
    }
    const session = new MachineSession({
      ports: { ...ports, codeArchive: options.cache === false ? undefined : keptTranslations(home) },
      volume: image.opened.volume,
      memoryBytes,
      windows: options.addressMode === "window",
      sockets,
      ...start,
      folders,
      harts,
      log,
      ...(seed === undefined ? {} : { seed }),
      ...(from === null ? {} : { saved: from.saved }),
    });
    if (schedule !== undefined) session.machine.kernel.disturber = scheduleDisturber(schedule);
    if (options.screen !== undefined) attachDevices(session.machine.kernel, options.screen);
    // A machine that waits has none yet.
    if (from !== null) mountHostFolders(session.machine, folders);
    return { session, user, recorder, requestWith, close };
  } catch (error) {
    close(false);
    throw error;
  }
}
