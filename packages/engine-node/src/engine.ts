/** The process of machines: answers the library's calls on descriptor 3, and ends when that is closed. */
import { Socket } from "node:net";
import { keepCompiledCode, ownProcess, stratosHome } from "@stratos/host-node/home";

// The bundle keeps more than Node does (cli's bundle-main.ts).
if (import.meta.url.endsWith(".ts")) keepCompiledCode(stratosHome());
ownProcess();
void serve();

async function serve(): Promise<void> {
  const { EngineServer } = await import("@stratos/sdk");
  const { NodeEngineHost } = await import("./node-engine-host.ts");
  const channel = new Socket({ fd: 3, readable: true, writable: true });
  const { SlicedChannel } = await import("./sliced-channel.ts");
  const out = new SlicedChannel(channel);
  const server = new EngineServer(new NodeEngineHost(), (bytes) => out.write(bytes));
  channel.on("data", (bytes) => server.receive(bytes));
  // The other side is gone, in whatever way: so is all that was open for it.
  channel.on("error", () => process.exit(1));
  channel.on("end", () => {
    server.close();
    process.exit(0);
  });
}
