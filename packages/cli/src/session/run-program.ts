/** `stratos run`, `trace` and the shell: one program in a clone of an image, from its options to its exit status. */
import { randomInt } from "node:crypto";
import { closeSync, openSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { keptTranslations, nodePorts, stratosHome } from "@stratos/host-node";
import { Machine } from "@stratos/machine";
import {
  type EnvironmentSetting,
  exitStatusOf,
  findGuestUser,
  guestEnvironment,
  type GuestUser,
  type HostFolder,
  type InputGate,
  MachineSession,
  readerOf,
  Recorder,
  writeResolverConfiguration,
} from "@stratos/session";
import { UsageError } from "../command-error.ts";
import type { RunOptions } from "./run-options.ts";
import { adviceFor } from "./advice.ts";
import { forwardSignals } from "./forward-signals.ts";
import { openNetwork } from "./host-network.ts";
import { defaultImage, hostFolders, ImageStore, openImage } from "@stratos/images";
import { ensureDefaultImage, memoryOf } from "./machine-options.ts";
import { runStatistics } from "./run-statistics.ts";
import { hasTerminal, openStandardFiles, type StandardFiles, terminalSize } from "./standard-files.ts";

interface Program {
  /** Byte strings: what to execute, and how it is called. */
  readonly program: string;
  readonly argv: readonly string[];
}

/** For who looks at a run, or steers it. */
interface RunHooks {
  /** Folders of the host as the machine is to have them. */
  folders?(folders: readonly HostFolder[]): readonly HostFolder[];
  /** Before the program starts. */
  attach?(machine: Machine): void;
  /** What decides when something comes in; it has the session's turns. */
  gate?(session: MachineSession): InputGate;
  /** Instead of those of this process, whose signals are then its own. */
  standard?(session: MachineSession, gate: InputGate): StandardFiles;
  /** The machine has ended. */
  end?(session: MachineSession): void;
}

/** @param program  made when the user is known: a login shell is the user's */
export async function runProgram(
  program: (user: GuestUser) => Program,
  options: RunOptions,
  hooks: RunHooks = {},
): Promise<number> {
  const home = stratosHome();
  const imageName = options.image ?? defaultImage(home);
  const memoryBytes = memoryOf(options, home);
  await ensureDefaultImage(imageName);
  const seed = options.seed ?? (options.record === undefined ? undefined : randomInt(2 ** 31));
  if (options.record !== undefined && options.net !== "none")
    throw new UsageError("--record", "what comes from the network is not recorded; use --net none");
  const wantsDisplay = options.display === true || options.screenshot !== undefined;
  const displays = wantsDisplay ? await import("../display/run-display.ts") : null;
  displays?.checkDisplay(options);
  const network = openNetwork(options.net, options.publish);
  const image = openImage(imageName, { home, keep: options.keep, deltaBytes: memoryBytes });
  let isWhole = false;
  try {
    const files = image.opened.volume.root;
    const user = findGuestUser(readerOf(files), options.user ?? "root");
    if (network !== null) writeResolverConfiguration(files, network);
    const harts = options.harts ?? 1;
    const environment = (more: readonly EnvironmentSetting[]): string[] =>
      guestEnvironment(user, [...more, ...options.env], { isTerminal: hasTerminal(), host: process.env });
    const request = {
      ...program(user),
      user,
      environment: environment([]),
      workingDirectory: options.workdir === undefined ? "/" : utf8ToByteString(options.workdir),
    };
    const folders = hostFolders(options.volume);
    const { description } = new ImageStore(home).require(imageName);
    const recording =
      options.record === undefined
        ? null
        : openRecording(
            options.record,
            {
              ...request,
              image: imageName,
              imageCreatedAt: description.createdAt,
              imageLayers: description.layers,
              user: options.user ?? "root",
              seed: seed!,
              memoryBytes,
              harts,
              terminal: hasTerminal() ? terminalSize() : null,
              isErrorTerminal: isatty(2),
            },
            folders,
          );
    const recorder = recording?.recorder;
    const session = new MachineSession({
      ports: { ...nodePorts(), codeArchive: options.cache === false ? undefined : keptTranslations(home) },
      volume: image.opened.volume,
      memoryBytes,
      windows: options.addressMode === "window",
      sockets: network,
      folders: recorder?.folders ?? hooks.folders?.(folders) ?? folders,
      harts,
      log: kernelLog(),
      ...(seed === undefined ? {} : { seed }),
    });
    hooks.attach?.(session.machine);
    const display = displays === null ? null : await displays.openRunDisplay(session, user, options);
    const gate = recorder?.attach(session) ?? hooks.gate?.(session) ?? null;
    const standard = hooks.standard?.(session, gate!) ?? openStandardFiles(session, gate);
    const stopForwarding = hooks.standard === undefined ? forwardSignals(gate ?? session) : () => {};
    const startMs = performance.now();
    let status: number;
    try {
      session.start(
        display === null ? request : { ...request, environment: environment(display.environment) },
        standard.files,
      );
      status = exitStatusOf(await session.run(options.timeout ?? display?.timeoutMs));
      status = display?.finish(status) ?? status;
      recorder?.end(status);
      hooks.end?.(session);
    } finally {
      stopForwarding();
      display?.close();
      recording?.close();
      await standard.finish();
    }
    session.machine.sync(options.keep !== undefined);
    isWhole = true;
    if (hooks.standard !== undefined) return status;
    for (const line of adviceFor(session.machine.kernel.notices, {
      status,
      program: byteStringToUtf8(request.program),
      memoryBytes,
    })) {
      process.stderr.write(`stratos: ${line}\n`);
    }
    session.machine.processor.submitProfile();
    // Since this process began: what a user waits for.
    if (options.stats === true)
      process.stderr.write(
        JSON.stringify(
          runStatistics(session.machine, { wallMs: performance.now(), startMs, runMs: session.pump.runMs }),
        ) + "\n",
      );
    return status;
  } finally {
    image.finish(isWhole);
  }
}

type RecordedRun = ConstructorParameters<typeof Recorder>[0];

function openRecording(
  path: string,
  run: RecordedRun,
  folders: readonly HostFolder[],
): { recorder: Recorder; close(): void } {
  const fd = openSync(path, "w");
  const recorder = new Recorder(run, { folders, write: (line) => void writeSync(fd, line) });
  return { recorder, close: () => closeSync(fd) };
}

/** Kernel messages are for who asks for them. */
function kernelLog(): (message: string) => void {
  if ((process.env["STRATOS_DEBUG"] ?? "") === "") return () => {};
  return (message) =>
    void process.stderr.write(`stratos: kernel: ${byteStringToUtf8(message)}${hasTerminal() ? "\r" : ""}\n`);
}
