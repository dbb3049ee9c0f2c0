/** `stratos run`, `trace` and the shell: one program in a clone of an image, from its options to its exit status. */
import { byteStringToUtf8, utf8ToByteString } from "@stratos/base";
import { readConfig, stratosHome } from "@stratos/host-node";
import type { Machine } from "@stratos/machine";
import { CommandError } from "../command-error.ts";
import { DEFAULT_IMAGE, DEFAULT_MEMORY } from "../defaults.ts";
import { ImageStore } from "../image/image-store.ts";
import { parseMemory } from "../option-values.ts";
import type { RunOptions } from "../program/run-options.ts";
import { forwardSignals } from "./forward-signals.ts";
import { guestEnvironment } from "./guest-environment.ts";
import { findGuestUser, type GuestUser } from "./guest-user.ts";
import { openNetwork, writeResolverConfiguration } from "./host-network.ts";
import { MachineSession } from "./machine-session.ts";
import { defaultImage, openImage } from "./open-image.ts";
import { runStatistics } from "./run-statistics.ts";
import { hasTerminal, openStandardFiles } from "./standard-files.ts";

export interface Program {
  /** Byte strings: what to execute, and how it is called. */
  readonly program: string;
  readonly argv: readonly string[];
}

export interface RunHooks {
  /** Before the program starts. */
  attach?(machine: Machine): void;
}

/** @param program  made when the user is known: a login shell is the user's */
export async function runProgram(program: (user: GuestUser) => Program, options: RunOptions, hooks: RunHooks = {}): Promise<number> {
  const home = stratosHome();
  const imageName = options.image ?? defaultImage(home);
  await ensureDefaultImage(imageName);
  const memoryBytes = options.memory ?? configuredMemory(home) ?? DEFAULT_MEMORY;
  const network = openNetwork(options.net);
  const image = openImage(imageName, { keep: options.keep, deltaBytes: memoryBytes });
  let isWhole = false;
  try {
    const files = image.opened.volume.root;
    const user = findGuestUser(files, options.user ?? "root");
    if (network !== null) writeResolverConfiguration(files, network);
    const session = new MachineSession({
      volume: image.opened.volume, memoryBytes, sockets: network, volumes: options.volume, log: kernelLog(),
      ...(options.seed === undefined ? {} : { seed: options.seed }),
    });
    hooks.attach?.(session.machine);
    const standard = openStandardFiles(session);
    const stopForwarding = forwardSignals(session);
    const startMs = performance.now();
    let status: number;
    try {
      session.start({
        ...program(user), user,
        environment: guestEnvironment(user, options.env, { isTerminal: standard.isTerminal, host: process.env }),
        workingDirectory: options.workdir === undefined ? "/" : utf8ToByteString(options.workdir),
      }, standard.files);
      status = await session.run(options.timeout);
    } finally {
      stopForwarding();
      await standard.finish();
    }
    session.machine.sync();
    isWhole = true;
    // Since this process began: what a user waits for.
    if (options.stats === true) process.stderr.write(`${JSON.stringify(runStatistics(session.machine, { wallMs: performance.now(), startMs, runMs: session.pump.runMs }))}\n`);
    return status;
  } finally {
    image.finish(isWhole);
  }
}

/** The default image makes itself when it is first needed. */
async function ensureDefaultImage(name: string): Promise<void> {
  if (name !== DEFAULT_IMAGE || new ImageStore(stratosHome()).find(name) !== null) return;
  const { buildDefaultImage } = await import("../image/build-image.ts");
  await buildDefaultImage();
}

function configuredMemory(home: string): number | undefined {
  const text = readConfig(home).memory;
  if (text === undefined) return undefined;
  try {
    return parseMemory(text);
  } catch (error) {
    throw new CommandError("config.json", `"memory": ${(error as Error).message}`);
  }
}

/** Kernel messages are for who asks for them. */
function kernelLog(): (message: string) => void {
  if ((process.env["STRATOS_DEBUG"] ?? "") === "") return () => {};
  return (message) => void process.stderr.write(`stratos: kernel: ${byteStringToUtf8(message)}${hasTerminal() ? "\r" : ""}\n`);
}
