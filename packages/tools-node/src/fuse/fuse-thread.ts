/**
 * The thread that serves a mount: it opens the volume, waits for the mounted descriptor, and then does nothing but
 * answer the kernel, save for commands that other processes ask for (`stratos fs snapshot create …` of a mounted
 * volume): they run here, between two requests. It is a thread of its own because it blocks: the main one keeps signals
 * and timers.
 */
import { parentPort, receiveMessageOnPort, workerData } from "node:worker_threads";
import { FAILURE_WORDS, type Failure } from "@stratos/aegisfs";
import { FuseServer } from "@stratos/fuse";
import { NodeClock } from "@stratos/host-node";
import { hostReason } from "@stratos/host-node/home";
import { DevFuse, type MainThread } from "./dev-fuse.ts";
import { FileClock } from "./file-clock.ts";
import { MountTurn, TURN_MS } from "./mount-turn.ts";
import {
  GATHERING,
  openServedVolume,
  SCHEDULE_PROPERTY,
  type MountedCall,
  type MountedCommands,
  type ServedVolume,
  type ServedVolumeOptions,
  type ThreadMessage,
  type ThreadStart,
} from "./served-volume.ts";

const port = parentPort!;
const tell = (message: ThreadMessage): void => port.postMessage(message);
const options = workerData as ServedVolumeOptions;
const WAIT_MS = 2000;
/** Opened before the mount is there, which may come to lie over its place. */
const kernelTime = FileClock.open();

/**
 * The main thread sends it: the kernel may ask us for something before it takes a message, and then we must be free to
 * answer.
 */
const main: MainThread = {
  notify(messages, waits) {
    const sent = new Int32Array(new SharedArrayBuffer(4));
    tell({ kind: "notify", messages, sent });
    if (waits) Atomics.wait(sent, 0, 0, WAIT_MS);
  },
  askForAll(token) {
    const answer = new Int32Array(new SharedArrayBuffer(4));
    tell({ kind: "gather", token, answer });
    Atomics.wait(answer, 0, 0, WAIT_MS);
    return Atomics.load(answer, 0) === GATHERING;
  },
  startPolling: (words) => tell({ kind: "poll", words }),
};

try {
  const served = openServedVolume(options);
  // The kernel claims the volume's block device when it mounts it: until then, and where it does not, the server does.
  claim(served, false);
  tell({
    kind: "opened",
    readOnly: served.files.readOnly,
    isWriteProtected: served.isWriteProtected,
    hasSchedule: typeof served.volume.properties.get(SCHEDULE_PROPERTY) !== "number",
  });
  port.once("message", (start: ThreadStart | null) => {
    if (start === null) {
      served.close();
      return;
    }
    // A defect of ours: what the disk holds is the last commit, and stays that.
    serve(served, start).catch((error: unknown) =>
      tell({ kind: "broken", detail: error instanceof Error ? (error.stack ?? error.message) : String(error) }),
    );
  });
} catch (error) {
  tell({ kind: "refused", reason: (error as Error).message });
}

/** Serves, and runs commands between two requests, until the mount ends. */
async function serve(served: ServedVolume, { fd, calls, claims, commitIntervalMs }: ThreadStart): Promise<void> {
  if (claims) claim(served, true);
  const server = new FuseServer(new DevFuse(fd, main), served.volume, new NodeClock(), {
    // Who passes a limit is told by write(2) only when each write comes at once: the kernel that gathers writes has
    // taken them already.
    writebackCache: !served.files.quotas.isOn,
    ...options.serve,
    commitIntervalMs,
    files: served.files,
    bell: calls.subarray(0, 1),
    ...(kernelTime !== null && { kernelTime }),
    onFailure: (failure, unsavedMs) => tell({ kind: "failed", words: failureWords(failure, unsavedMs, served) }),
  });
  const turn = new MountTurn(server, calls, () => tell({ kind: "ring" }));
  for (;;) {
    if (turn.end === null) turn.serve();
    if (turn.end !== null) break;
    for (let call = receiveMessageOnPort(port); call !== undefined; call = receiveMessageOnPort(port)) {
      tell({ kind: "taken" });
      tell({ kind: "called", status: await runCall(call.message as MountedCall, served, server, turn) });
    }
  }
  served.close();
  tell({ kind: "ended", result: turn.end });
}

/** The first device is the one that is mounted. */
function claim({ devices }: ServedVolume, isOurs: boolean): void {
  devices.files[0]!.claim(isOurs);
}

function failureWords({ kind, block }: Failure, unsavedMs: number, { devices }: ServedVolume): string {
  const { refused } = devices;
  const reason = refused === undefined ? "" : `: ${hostReason(refused.refusal)}`;
  const since = unsavedMs === 0 ? "since the last commit" : `in the last ${Math.ceil(unsavedMs / 1000)} seconds`;
  return (
    `the volume takes no changes any more: ${FAILURE_WORDS[kind]}${block < 0 ? "" : ` (block ${block})`}${reason}; ` +
    `what was changed ${since} and not synced is lost. Unmount it, look after its device, then \`stratos fs check\``
  );
}

async function runCall(
  call: MountedCall,
  served: ServedVolume,
  server: FuseServer,
  turn: MountTurn,
): Promise<number | null> {
  const { commands } = options;
  if (commands === undefined) return null;
  const { runMountedCommand } = (await import(commands.url)) as MountedCommands;
  // While the command waits for something else, the mount goes on.
  const timer = setInterval(() => turn.give(), TURN_MS);
  try {
    // What programs have written belongs to what the command sees.
    let isGathered = false;
    if (server.gather(() => void (isGathered = true))) while (!isGathered && turn.end === null) turn.serve();
    server.stampTime();
    // A command's user is not a file's: limits are for who writes through the mount.
    served.volume.enforcesQuotas = false;
    return await runMountedCommand(call, {
      path: options.path,
      mountPoint: commands.mountPoint,
      volume: served.volume,
      devices: served.devices,
      gathersWrites: server.gathersWrites,
      write: (stream, text) => tell({ kind: "output", stream, text }),
      breathe: () => {
        turn.giveWhenDue();
        served.volume.enforcesQuotas = false;
      },
      takeInterrupt: () => turn.takeInterrupt(),
      replaceFiles: () => server.replaceFiles(),
      filesReplaced: () => server.filesReplaced(),
      forgetSnapshotList: () => server.forgetSnapshotList(),
    });
  } finally {
    clearInterval(timer);
  }
}
