/** The process of machines: answers the library's calls on descriptor 3, and ends when that is closed. */
import { Socket } from "node:net";
import { keepCompiledCode, ownProcess, stratosHome } from "@stratos/host-node/home";
import { tellWork } from "@stratos/host-node/work-done";

// The bundle keeps more than Node does (cli's bundle-main.ts).
if (import.meta.url.endsWith(".ts")) keepCompiledCode(stratosHome());
ownProcess();
void serve();

const CHANNEL_FD = 3;
/** A call, and much of what follows it. */
const READ_BYTES = 1 << 16;

async function serve(): Promise<void> {
  const { EngineServer } = await import("@stratos/sdk");
  const { NodeEngineHost } = await import("./node-engine-host.ts");
  const { SlicedChannel } = await import("./sliced-channel.ts");
  const server = new EngineServer(new NodeEngineHost({ hasOwnProcess: true }), (bytes) => out.write(bytes));
  tellWork(server.operations);
  const read = new Uint8Array(READ_BYTES);
  // What is saved of a sandbox comes where it stays, in pieces as large as the kernel has them.
  const onread = {
    buffer: () => server.room ?? read,
    callback: (count: number, into: Uint8Array) => {
      if (into === read) server.receive(read.slice(0, count));
      else server.filled(count);
      return true;
    },
  };
  const channel = new Socket({ fd: CHANNEL_FD, readable: true, writable: true, onread });
  const out = new SlicedChannel(channel, CHANNEL_FD);
  // The other side is gone, in whatever way: so is all that was open for it.
  channel.on("error", () => process.exit(1));
  channel.on("end", () => {
    server.close();
    process.exit(0);
  });
}
