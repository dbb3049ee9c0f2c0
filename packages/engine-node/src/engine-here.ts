/** An engine in the thread that loads this: it tells by `send`, and ends with `close`. */
import { EngineServer } from "@stratos/sdk";
import { NodeEngineHost } from "./node-engine-host.ts";

export function openEngine(send: (bytes: Uint8Array) => void): Pick<EngineServer, "receive" | "close" | "operations"> {
  return new EngineServer(new NodeEngineHost(), send);
}
