/** The worker of a page in which machines run. */
import { EngineServer } from "@stratos/sdk";
import { BrowserEngineHost } from "./browser-engine-host.ts";

/** What is used of a worker's own. */
interface WorkerScope {
  onmessage: ((event: { readonly data: Uint8Array | Attachment }) => void) | null;
  postMessage(message: Uint8Array, transfer: readonly ArrayBufferLike[]): void;
}
interface Attachment {
  readonly attached: number;
  readonly object: object;
}

const scope = globalThis as unknown as WorkerScope;
const host = new BrowserEngineHost(new URL("./zstd.wasm", import.meta.url).href);
const server = new EngineServer(host, (bytes) => scope.postMessage(bytes, [bytes.buffer]));
scope.onmessage = ({ data }) => {
  if (data instanceof Uint8Array) server.receive(data);
  else host.attach(data.attached, data.object);
};
