/**
 * The thread that serves a mount: it opens the volume, waits for the mounted descriptor, and then does nothing but answer the kernel.
 * It is a thread of its own because it blocks: the main one keeps signals and timers.
 */
import { parentPort, workerData } from "node:worker_threads";
import { FuseServer } from "@stratos/fuse";
import { NodeClock } from "../clock.ts";
import { DevFuse, type MainThread } from "./dev-fuse.ts";
import { GATHERING, openServedVolume, SCHEDULE_PROPERTY, type ServedVolumeOptions, type ThreadMessage, type ThreadStart } from "./served-volume.ts";

const port = parentPort!;
const tell = (message: ThreadMessage): void => port.postMessage(message);
const options = workerData as ServedVolumeOptions;
const WAIT_MS = 2000;

/** The main thread sends it: the kernel may ask us for something before it takes a message, and then we must be free to answer. */
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
};

try {
  const served = openServedVolume(options);
  tell({ kind: "opened", readOnly: served.files.readOnly, hasSchedule: typeof served.volume.properties.get(SCHEDULE_PROPERTY) !== "number" });
  port.once("message", (start: ThreadStart | null) => {
    if (start === null) {
      served.close();
      return;
    }
    try {
      const server = new FuseServer(new DevFuse(start.fd, main), served.volume, new NodeClock(), { ...options.serve, files: served.files });
      const result = server.serve();
      served.close();
      tell({ kind: "ended", result });
    } catch (error) {
      // A defect of ours: what the disk holds is the last commit, and stays that.
      tell({ kind: "broken", detail: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
} catch (error) {
  tell({ kind: "refused", reason: (error as Error).message });
}
