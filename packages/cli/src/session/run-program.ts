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
import { hasTerminal, openStandardFiles } from "./standard-files.ts";

interface Program {
  /** Byte strings: what to execute, and how it is called. */
  readonly program: string;
  readonly argv: readonly string[];
}

interface RunHooks {
  /** Before the program starts. */
  attach?(machine: Machine): void;
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
      folders: recorder?.folders ?? folders,
      harts,
      log: kernelLog(),
      ...(seed === undefined ? {} : { seed }),
    });
    hooks.attach?.(session.machine);
    const display = displays === null ? null : await displays.openRunDisplay(session, user, options);
    const gate = recorder?.attach(session) ?? null;
    const standard = openStandardFiles(session, gate);
    const stopForwarding = forwardSignals(gate ?? session);
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
    } finally {
      stopForwarding();
      display?.close();
      recording?.close();
      await standard.finish();
    }
    session.machine.sync(options.keep !== undefined);
    isWhole = true;
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

function terminalSize(): { rows: number; columns: number } {
  return { rows: process.stdout.rows ?? 24, columns: process.stdout.columns ?? 80 };
}

/** Kernel messages are for who asks for them. */
function kernelLog(): (message: string) => void {
  if ((process.env["STRATOS_DEBUG"] ?? "") === "") return () => {};
  return (message) =>
    void process.stderr.write(`stratos: kernel: ${byteStringToUtf8(message)}${hasTerminal() ? "\r" : ""}\n`);
}
