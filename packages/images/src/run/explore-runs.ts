/**
 * A program in clones of its image, under many schedules and faults (session, explore/), and where the threads of the
 * run that failed went another way than those of the undisturbed one.
 */
import { SYSCALL_NAMES } from "@stratos/abi";
import { utf8ToByteString } from "@stratos/base";
import { nodePorts, zstdCodec } from "@stratos/host-node";
import type { AppliedDisturbance, FaultKind } from "@stratos/kernel/faults";
import { createBoard } from "@stratos/machine";
import {
  ImageReads,
  explore,
  type Explored,
  type ExploreOptions,
  type ExploreProgress,
  findGuestUser,
  guestEnvironment,
  isEndless,
  readerOf,
} from "@stratos/session";
import { firstThreadDifference, type ThreadDifference, ThreadTrace, TraceWriter } from "@stratos/trace";
import { keptTranslations } from "../translations/kept-translations.ts";
import { hostFolders } from "../host-folders.ts";
import { ImageStore } from "../image-store.ts";
import { cloneVolume, cloneVolumeDurably, watchedLayers } from "../image-volume.ts";
import { layerContent } from "../layer-content.ts";
import type { RunSettings } from "./run-settings.ts";

interface ExploreRequest extends Pick<
  RunSettings,
  "user" | "workdir" | "env" | "volume" | "harts" | "addressMode" | "cache"
> {
  /** STRATOS_HOME */
  readonly home: string;
  readonly image: string;
  /** Byte strings. */
  readonly argv: readonly string[];
  readonly memoryBytes: number;
  readonly seed: number;
  /** Number of the first attempt: each does the same whenever it is made. */
  readonly from: number;
  readonly attempts: number;
  readonly faults: readonly FaultKind[];
  /** Tasks are held up. */
  readonly schedules: boolean;
  /** Of one run, in milliseconds. */
  readonly timeout: number;
  /** Statuses with which the program may end; absent: that of the undisturbed run. */
  readonly expect?: readonly number[];
  readonly compare: "status" | "output";
  /** Most runs to narrow what was found. */
  readonly narrow: number;
  /** The power fails, too; this shell line looks at what is left. */
  readonly powerCut?: string;
  /** The failing run is recorded. */
  readonly isRecorded: boolean;
  /** What each run has on its standard input; asked for once the image and the user are known. */
  input(): Promise<Uint8Array>;
}

interface ExploredRuns extends Explored {
  /** What came of the disturbances first; null: nothing was found, or it is not known. */
  readonly difference: ThreadDifference | null;
  /** Pieces of the failing run's recording; none unless that was asked for. */
  readonly recording: readonly Uint8Array[];
}

/** @throws OperationError, SessionError */
export async function exploreRuns(
  request: ExploreRequest,
  onProgress: (event: ExploreProgress) => void,
): Promise<ExploredRuns> {
  const recording: Uint8Array[] = [];
  const traces = { undisturbed: new ThreadTrace(), failing: new ThreadTrace() };
  const writers: TraceWriter[] = [];
  const explored = await explore({
    ...(await exploreOptions(request, recording)),
    onProgress,
    onMachine: (machine, run) => {
      // A run that is tried again begins anew.
      traces[run] = new ThreadTrace();
      const writer = new TraceWriter(traces[run], { isSummary: false });
      writer.attach(machine);
      writers.push(writer);
    },
  });
  const { found } = explored;
  if (isEndless(explored.undisturbed) || found === null || found.outcome.cut !== null)
    return { ...explored, difference: null, recording };
  for (const writer of writers) writer.finish();
  const difference = firstThreadDifference(traces.undisturbed, traces.failing, disturbedCalls(found.left));
  return { ...explored, difference, recording };
}

/** The call that is disturbed. */
export function disturbedCall({ call }: AppliedDisturbance): string {
  return SYSCALL_NAMES[call] ?? `syscall ${call}`;
}

/** Calls that differ because they were disturbed. */
function disturbedCalls(left: readonly AppliedDisturbance[]): { tid: number; name: string }[] {
  return left.filter(({ kind }) => kind !== "hold").map((each) => ({ tid: each.tid, name: disturbedCall(each) }));
}

async function exploreOptions(request: ExploreRequest, recording: Uint8Array[]): Promise<ExploreOptions> {
  const { argv, home, image, memoryBytes, powerCut } = request;
  const store = new ImageStore(home);
  const entry = store.require(image);
  const layers = store.layerPaths(entry);
  const reads = request.isRecorded ? new ImageReads() : undefined;
  const opened = reads === undefined ? layers : watchedLayers(layers, reads);
  const openVolume = (): ReturnType<typeof cloneVolume> =>
    powerCut === undefined ? cloneVolume(opened, memoryBytes) : cloneVolumeDurably(opened, memoryBytes);
  const folders = hostFolders(request.volume);
  const userName = request.user ?? "root";
  const { volume, close } = openVolume();
  let user;
  try {
    user = findGuestUser(readerOf(volume.root), userName);
  } finally {
    close();
  }
  const { seed, harts = 1 } = request;
  const program = {
    program: argv[0]!,
    argv,
    environment: guestEnvironment(user, request.env, { isTerminal: false, host: process.env }),
    workingDirectory: request.workdir === undefined ? "/" : utf8ToByteString(request.workdir),
  };
  const ports = nodePorts();
  const header = {
    ...{ ...program, image, imageCreatedAt: entry.description.createdAt, imageLayers: entry.description.layers },
    ...{ user: userName, seed, memoryBytes, harts, terminal: null, isErrorTerminal: false },
  };
  return {
    target: {
      ports,
      createBoard: () =>
        createBoard({
          engine: ports.engine,
          memoryBytes,
          windows: request.addressMode === "window",
          codeArchive: request.cache === false ? undefined : keptTranslations(home),
          nowMs: () => ports.loop.nowMs(),
        }),
      imageIdentity: layerContent(layers),
      ...{ openVolume, reads },
      ...{ memoryBytes, harts, seed, folders, request: { ...program, user } },
      input: await request.input(),
      check: powerCut === undefined ? null : { ...program, user, program: "/bin/sh", argv: shellLine(powerCut) },
      timeoutMs: request.timeout,
    },
    from: request.from,
    attempts: request.attempts,
    faults: powerCut === undefined ? request.faults : [...request.faults, "power"],
    schedules: request.schedules,
    expect: request.expect ?? null,
    compare: request.compare,
    narrowRuns: request.narrow,
    record: request.isRecorded
      ? { header, codec: zstdCodec, write: (bytes) => void recording.push(bytes.slice()) }
      : undefined,
  };
}

function shellLine(line: string): string[] {
  return ["sh", "-c", utf8ToByteString(line)];
}
