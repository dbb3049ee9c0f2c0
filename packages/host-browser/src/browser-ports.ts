import { type MachinePorts, WebAssemblyEngine, type WebAssemblyNamespace } from "@stratos/host";
import { browserClock } from "./browser-clock.ts";
import { BrowserEventLoop } from "./browser-event-loop.ts";
import { browserRandom } from "./browser-random-source.ts";

/** TypeScript declares the global only with the DOM's types. */
declare const WebAssembly: WebAssemblyNamespace;

/** What every machine needs of the browser. For a worker: a machine compiles, reads and runs without waiting. */
export function browserPorts(): MachinePorts {
  return {
    engine: new WebAssemblyEngine(WebAssembly),
    clock: browserClock,
    random: browserRandom,
    loop: new BrowserEventLoop(),
  };
}
