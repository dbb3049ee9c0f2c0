/** What a thread of futures does: goes on with the heaps that it is sent, one after the other (future-threads.ts). */
import { parentPort, workerData } from "node:worker_threads";
import { NodeWasmEngine } from "@stratos/host-node/wasm-engine";
import { CompiledLisp, type FutureOutcome, Lisp } from "@stratos/lisp";
import type { FutureTask, FutureThreadData } from "./future-threads.ts";
import { nodeSystem } from "./node-system.ts";

export function serveFutures(): void {
  const data = workerData as FutureThreadData;
  parentPort!.on("message", (task: FutureTask) => {
    task.port.postMessage(outcomeOf(task, data));
    Atomics.store(task.word, 0, 1);
    Atomics.notify(task.word, 0);
  });
}

function outcomeOf({ heap }: FutureTask, { image, commandLine }: FutureThreadData): FutureOutcome {
  try {
    const lisp = new Lisp({ system: nodeSystem(commandLine) });
    const { engine } = new CompiledLisp(lisp, {
      wasm: new NodeWasmEngine({ isInterruptible: true }),
      image,
      running: heap,
    });
    const outcome = engine.answerAsFuture();
    lisp.flush();
    return outcome;
  } catch (error) {
    return { kind: "ended", text: error instanceof Error ? error.message : String(error) };
  }
}
