import type { MachinePorts } from "@stratos/host";
import { NodeClock } from "./clock.ts";
import { NodeEventLoop } from "./event-loop.ts";
import { NodeRandomSource } from "./random-source.ts";
import { NodeWasmEngine } from "./wasm-engine.ts";

/** What every machine on Node needs of it. */
export function nodePorts(): MachinePorts {
  return {
    engine: new NodeWasmEngine(),
    clock: new NodeClock(),
    random: new NodeRandomSource(),
    loop: new NodeEventLoop(),
  };
}
