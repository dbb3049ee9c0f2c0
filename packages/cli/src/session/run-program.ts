/** `stratos run`, `trace` and the shell: one program in a clone of an image, from its options to its exit status. */
import { randomInt } from "node:crypto";
import { isatty } from "node:tty";
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { keptTranslations, nodePorts, stratosHome } from "@stratos/host-node";
import { Machine } from "@stratos/machine";
import {
  exitStatusOf,
  findGuestUser,
  guestEnvironment,
  type GuestUser,
  MachineSession,
  mountHostFolders,
  readerOf,
  writeResolverConfiguration,
} from "@stratos/session";
import { UsageError } from "../command-error.ts";
import { InputGate } from "../recording/input-gate.ts";
import { RecordingWriter } from "../recording/recording-file.ts";
import type { RunOptions } from "./run-options.ts";
import { adviceFor } from "./advice.ts";
import { forwardSignals } from "./forward-signals.ts";
import { openNetwork } from "./host-network.ts";
import { defaultImage, hostFolders, ImageStore, openImage } from "@stratos/images";
import { startWarmOrCold, warmStartFor } from "./warm-start.ts";
import { ensureDefaultImage, memoryOf } from "./machine-options.ts";
import { countsOf, runStatistics } from "./run-statistics.ts";
import { hasTerminal, openStandardFiles } from "./standard-files.ts";

interface Program {
  /** Byte strings: what to execute, and how it is called. */
  readonly program: string;
  readonly argv: readonly string[];
}

interface RunHooks {
  /** Before the program starts. */
  attach?(machine: Machine): void;
  /** It may start from its image's warm start, and is this one: a byte string. */
  readonly warmProgram?: string;
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
  if (options.record !== undefined) refuseUnrecordable(options);
  const wantsDisplay = options.display === true || options.screenshot !== undefined;
  const displays = wantsDisplay ? await import("../display/run-display.ts") : null;
  displays?.checkDisplay(options);
  const network = openNetwork(options.net, options.publish);
  const { image, user, session, warm } = startWarmOrCold(
    warmStartFor({ program: hooks.warmProgram, image: imageName, home, memoryBytes }, options),
    (from) => {
      const changes = from?.changes ?? null;
      const image = openImage(imageName, { home, keep: options.keep, deltaBytes: memoryBytes, changes });
      try {
        const files = image.opened.volume.root;
        const user = findGuestUser(readerOf(files), options.user ?? "root");
        if (network !== null) writeResolverConfiguration(files, network);
        const folders = hostFolders(options.volume);
        const session = new MachineSession({
          ports: { ...nodePorts(), codeArchive: options.cache === false ? undefined : keptTranslations(home) },
          volume: image.opened.volume,
          memoryBytes,
          windows: options.addressMode === "window",
          sockets: network,
          folders,
          harts: options.harts ?? 1,
          log: kernelLog(),
          ...(seed === undefined ? {} : { seed }),
          ...(from === null ? {} : { saved: from.saved }),
        });
        // A machine that waits has none yet.
        if (from !== null) mountHostFolders(session.machine, folders);
        return { image, user, session };
      } catch (error) {
        image.finish(false);
        throw error;
      }
    },
  );
  let isWhole = false;
  try {
    hooks.attach?.(session.machine);
    const display = displays === null ? null : await displays.openRunDisplay(session, user, options);
    const gate =
      options.record === undefined
        ? null
        : new InputGate(session.machine, () => session.pump.wake(), { signal: (signal) => session.sendSignal(signal) });
    session.pump.gate = gate;
    const standard = openStandardFiles(session, gate);
    const stopForwarding = forwardSignals(gate === null ? session : { sendSignal: (signal) => gate.signal(signal) });
    let recorder: RecordingWriter | null = null;
    const startMs = performance.now();
    const before = countsOf(session.machine);
    let status: number;
    let started = "";
    try {
      const request = {
        ...program(user),
        user,
        environment: guestEnvironment(user, [...(display?.environment ?? []), ...options.env], {
          isTerminal: standard.isTerminal,
          host: process.env,
        }),
        workingDirectory: options.workdir === undefined ? "/" : utf8ToByteString(options.workdir),
      };
      if (gate !== null) {
        const { description } = new ImageStore(home).require(imageName);
        const writer = new RecordingWriter(options.record!, {
          format: "stratos-recording-2",
          callWork: session.machine.kernel.work.limit,
          image: imageName,
          imageCreatedAt: description.createdAt,
          imageLayers: description.layers,
          program: request.program,
          argv: request.argv,
          environment: request.environment,
          workingDirectory: request.workingDirectory,
          user: options.user ?? "root",
          seed: seed!,
          memoryBytes,
          harts: options.harts ?? 1,
          terminal: standard.isTerminal ? terminalSize() : null,
          isErrorTerminal: isatty(2),
        });
        recorder = writer;
        gate.record((event) => writer.add(event));
      }
      started = request.program;
      if (typeof warm === "string") session.start(request, standard.files);
      else {
        session.handOver(request.workingDirectory, standard.files);
        warm.request.ask(request);
      }
      status = exitStatusOf(await session.run(options.timeout ?? display?.timeoutMs));
      status = display?.finish(status) ?? status;
      if (gate !== null) recorder!.add(gate.end(status));
    } finally {
      stopForwarding();
      display?.close();
      recorder?.close();
      await standard.finish();
    }
    session.machine.sync(options.keep !== undefined);
    isWhole = true;
    for (const line of adviceFor(session.machine.kernel.notices, {
      status,
      program: byteStringToUtf8(started),
      memoryBytes,
    })) {
      process.stderr.write(`stratos: ${line}\n`);
    }
    session.machine.processor.submitProfile();
    // Since this process began: what a user waits for.
    if (options.stats === true)
      process.stderr.write(
        JSON.stringify(
          runStatistics(session.machine, {
            wallMs: performance.now(),
            startMs,
            runMs: session.pump.runMs,
            coldBecause: typeof warm === "string" ? warm : "",
            before: typeof warm === "string" ? null : before,
          }),
        ) + "\n",
      );
    return status;
  } finally {
    image.finish(isWhole);
  }
}

/** What can't be put into a recording must not reach the machine. */
function refuseUnrecordable(options: RunOptions): void {
  if (options.net !== "none")
    throw new UsageError("--record", "what comes from the network is not recorded; use --net none");
  if (options.volume.length > 0)
    throw new UsageError("--record", "what comes from folders of the host is not recorded; leave -v away");
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
