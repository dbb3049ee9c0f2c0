/** A helper of the pool in thread-codec-pool.ts. */
import { workerData } from "node:worker_threads";
import { helpWith } from "./thread-codec-pool.ts";

helpWith(workerData as SharedArrayBuffer);
