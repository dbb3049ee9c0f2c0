/** Where Node has engines: in processes of the machine's own Node, in threads of this one. */
import type { Isolation } from "@stratos/sdk/api";
import {
  CountedEngines,
  type EngineClient,
  type ExpectedSandbox,
  type Listening,
  type StreamPair,
  StratosError,
} from "@stratos/sdk/client";
import { startEngineProcess } from "./engine-process.ts";
import { startEngineThread } from "./engine-threads.ts";
import { listenOnLoopback } from "./loopback-listener.ts";
import { SpareEngines } from "./spare-engines.ts";

const USUAL: Isolation = "process";

export class NodeEngines extends CountedEngines {
  readonly #spares: SpareEngines;

  constructor() {
    const spares = new SpareEngines(startEngine);
    // What makes images and holds volumes open ends with them, whatever becomes of machines.
    super(startEngine, startEngineProcess, (isolation = USUAL) => spares.take(isolation));
    this.#spares = spares;
  }

  makeReady(isolation: Isolation = USUAL, expected: ExpectedSandbox): void {
    this.#spares.makeReady(isolation, expected);
  }

  listen(onConnection: (connection: StreamPair) => void): Promise<Listening> {
    return listenOnLoopback(onConnection);
  }
}

function startEngine(isolation: Isolation = USUAL): EngineClient {
  switch (isolation) {
    case "process":
      return startEngineProcess();
    case "worker":
    case "shared":
      return startEngineThread(isolation);
    default:
      throw new StratosError("option", 'isolation: "worker", "shared" or "process" is expected', {
        option: "isolation",
      });
  }
}
