/**
 * Warm starts: a machine of an image, saved while its program waits at descriptor 3 to be told what to be
 * (warm-request.ts), from which runs of that program start (docs/decisions/0021-warm-start.md). It stands beside the
 * image's layers (warm-file.ts), and is used where a machine that was started cold would have been the
 * same: any doubt is a cold start, with a reason.
 */
import { randomBytes } from "node:crypto";
import { renameSync, rmSync } from "node:fs";
import { loadState, saveState, StateError } from "@stratos/base";
import { type CodeArchive, MemoryBlockDevice } from "@stratos/host";
import { nodePorts, sourcesVersion } from "@stratos/host-node";
import { openHostInput, openHostOutput } from "@stratos/kernel";
import { OperationError } from "@stratos/operation";
import {
  exitStatusOf,
  findGuestUser,
  guestEnvironment,
  MachineSession,
  readerOf,
  type SessionOptions,
} from "@stratos/session";
import { keptTranslations } from "../translations/kept-translations.ts";
import { DEFAULT_MEMORY } from "../defaults.ts";
import { EMPTY_INPUT, lineOutput } from "../guest-command.ts";
import { ImageStore } from "../image-store.ts";
import { cloneVolume, type OpenVolume } from "../image-volume.ts";
import { layerContent } from "../layer-content.ts";
import { readWarmHead, readWarmParts, type WarmHead, writeWarmFile } from "./warm-file.ts";
import { WARM_PYTHON } from "./warm-python.ts";
import { RequestStream } from "./warm-request.ts";

/** What a machine must be like to go on from a warm start; its program is root's, in the usual environment. */
type MachineKind = Pick<WarmHead, "memoryBytes" | "harts" | "program">;

/** A machine that waits, whole. */
export interface WarmStart {
  readonly saved: NonNullable<SessionOptions["saved"]>;
  /** Of its root. */
  readonly changes: MemoryBlockDevice;
  readonly request: RequestStream;
}

/** What a program may say before it ends without having waited. */
const LOG_LINES = 20;

interface MakeRequest {
  readonly image: string;
  /** STRATOS_HOME */
  readonly home: string;
  /** Byte strings. `python3 -c CODE` waits once CODE has run; other programs read descriptor 3. */
  readonly argv: readonly string[];
  readonly memoryBytes?: number;
  /** How long the program may take until it waits; default: as long as it takes. */
  readonly limitMs?: number;
}

/** What starting from it saves. */
interface Made {
  readonly sizeBytes: number;
  /** Milliseconds of processor time until the program waited, and to go on from there. */
  readonly coldMs: number;
  readonly warmMs: number;
}

/**
 * @throws OperationError  of kind command: the program ended without waiting, took longer than it may, or starts no
 *   sooner so; image: it cannot be saved
 */
export async function makeWarmStart(request: MakeRequest): Promise<Made> {
  const { image, home, argv, memoryBytes = DEFAULT_MEMORY, limitMs } = request;
  const store = new ImageStore(home);
  const entry = store.require(image);
  const layers = store.layerPaths(entry);
  const clone = cloneVolume(layers, memoryBytes);
  try {
    const codeArchive = keptTranslations(home);
    const begin = process.cpuUsage();
    const { session, kind } = await saveWaiting(clone, { image, argv, memoryBytes, codeArchive, limitMs });
    const coldMs = cpuMsSince(begin);
    const head: WarmHead = { ...kind, build: sourcesVersion(), content: layerContent(layers) };
    const path = store.warmStartPath(entry);
    const draft = `${path}.${process.pid}-${randomBytes(4).toString("hex")}`;
    try {
      const sizeBytes = writeWarmFile(draft, head, [session, saveState(clone.changes, new Map())]);
      const warmMs = tryOut(readWarmStart(draft), layers, memoryBytes);
      if (warmMs >= coldMs)
        throw new OperationError(
          "command",
          argv.join(" "),
          `going on from a saved machine takes ${Math.round(warmMs)} ms of processor time, and a start no more than ` +
            `${Math.round(coldMs)}; nothing was kept`,
        );
      renameSync(draft, path);
      return { sizeBytes, coldMs, warmMs };
    } finally {
      rmSync(draft, { force: true });
    }
  } finally {
    clone.close();
  }
}

/** @returns false: there was none */
export function removeWarmStart(image: string, home: string): boolean {
  const store = new ImageStore(home);
  try {
    rmSync(store.warmStartPath(store.require(image)));
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return false;
    throw error;
  }
}

/** The warm start of an image for such a machine, or why there is none: a word or two, the same each time. */
export function findWarmStart(image: string, home: string, kind: MachineKind): WarmStart | string {
  const store = new ImageStore(home);
  const entry = store.require(image);
  const path = store.warmStartPath(entry);
  try {
    const head = readWarmHead(path);
    if (head.build !== sourcesVersion()) return "made by another version";
    if (head.content !== layerContent(store.layerPaths(entry))) return "of another state of the image";
    if (head.program !== kind.program) return "of another program";
    if (head.memoryBytes !== kind.memoryBytes) return "of another memory";
    if (head.harts !== kind.harts) return "of other harts";
    return readWarmStart(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return "none in the image";
    return `not readable: ${(error as Error).message}`;
  }
}

interface WaitRequest {
  readonly image: string;
  readonly argv: readonly string[];
  readonly memoryBytes: number;
  readonly codeArchive: CodeArchive | undefined;
  readonly limitMs: number | undefined;
}

/** Runs the program until it waits. */
async function saveWaiting(
  { volume }: OpenVolume,
  { image, argv, memoryBytes, codeArchive, limitMs }: WaitRequest,
): Promise<{ session: Uint8Array; kind: MachineKind }> {
  const session = new MachineSession({
    ports: { ...nodePorts(), codeArchive },
    volume,
    memoryBytes,
    harts: 1,
    log: () => {},
  });
  let timer: NodeJS.Timeout | undefined;
  try {
    const { kernel } = session.machine;
    const log: string[] = [];
    const output = lineOutput((line) => {
      log.push(line);
      if (log.length > LOG_LINES) log.shift();
    });
    const request = new RequestStream();
    const user = findGuestUser(readerOf(volume.root), "root");
    const kind: MachineKind = { memoryBytes, harts: 1, program: argv[0]! };
    const environment = guestEnvironment(user, [], { isTerminal: false, host: {} });
    const files = [openHostInput(kernel, EMPTY_INPUT), openHostOutput(kernel, output), openHostOutput(kernel, output)];
    session.start({ program: kind.program, argv: waitingArgv(argv), environment, workingDirectory: "/", user }, [
      ...files,
      openHostInput(kernel, request),
    ]);
    const waiting = Promise.withResolvers<"waits" | "late">();
    if (limitMs !== undefined) timer = setTimeout(() => waiting.resolve("late"), limitMs);
    session.pump.gate = {
      isBlocked: false,
      beforeTurn: () => {},
      afterTurn: () => {
        if (request.isAwaited) waiting.resolve("waits");
      },
    };
    const end = await Promise.race([waiting.promise, session.run()]);
    if (end === "late")
      throw new OperationError("command", argv.join(" "), `did not wait at descriptor 3 within ${limitMs! / 1000} s`);
    if (end !== "waits")
      throw new OperationError(
        "command",
        argv.join(" "),
        `ended with status ${exitStatusOf(end)} without having waited at descriptor 3` +
          log.map((line) => `\n  ${line}`).join(""),
      );
    const streams = new Map<string, object>([["request", request], ...standardStreams(EMPTY_INPUT, output)]);
    const bytes = session.save(streams);
    session.machine.processor.submitProfile();
    return { session: bytes, kind };
  } catch (error) {
    if (error instanceof StateError) throw new OperationError("image", image, error.message, { cause: error });
    throw error;
  } finally {
    clearTimeout(timer);
    session.close();
  }
}

/** What of a machine that waits is nobody's: the files of a run take its place. */
function standardStreams(input: object, output: object): [string, object][] {
  return [
    ["input", input],
    ["output", output],
  ];
}

function waitingArgv(argv: readonly string[]): readonly string[] {
  const [program, option, code, ...rest] = argv;
  return /^(.*\/)?python3(\.\d+)?$/.test(program!) && option === "-c" && code !== undefined
    ? [program!, "-c", WARM_PYTHON, code, ...rest]
    : argv;
}

/** Milliseconds of processor time that a start from it takes. */
function tryOut(found: WarmStart, layers: readonly string[], memoryBytes: number): number {
  const begin = process.cpuUsage();
  const clone = cloneVolume(layers, memoryBytes, found.changes);
  try {
    new MachineSession({
      ports: nodePorts(),
      volume: clone.volume,
      memoryBytes,
      log: () => {},
      saved: found.saved,
    }).close();
    return cpuMsSince(begin);
  } finally {
    clone.close();
  }
}

function cpuMsSince(begin: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(begin);
  return (user + system) / 1000;
}

/** @throws StateError, and what the host says */
function readWarmStart(path: string): WarmStart {
  const [session, root] = readWarmParts(path);
  const changes = loadState(root, { ports: new Map(), given: new Map() });
  if (!(changes instanceof MemoryBlockDevice)) throw new StateError("foreign", "no machine is in it");
  const request = new RequestStream();
  const streams = new Map<string, object>([
    ["request", request],
    ...standardStreams(
      EMPTY_INPUT,
      lineOutput(() => {}),
    ),
  ]);
  return { saved: { bytes: session, streams, identity: "fresh", isVerified: true, isLazy: true }, changes, request };
}
