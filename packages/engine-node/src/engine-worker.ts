/** A worker thread of machines: answers the library's calls, and ends when it is told `null`. */
import { parentPort } from "node:worker_threads";
import { tellWork } from "@stratos/host-node/work-done";
import { openEngine } from "./engine-here.ts";

const port = parentPort!;
const engine = openEngine((bytes) => port.postMessage(bytes, [bytes.buffer as ArrayBuffer]));
tellWork(engine.operations);
port.on("message", (bytes: Uint8Array | null) => {
  if (bytes !== null) return engine.receive(bytes);
  engine.close();
  // Of this thread.
  process.exit(0);
});
