import { SO_TIMESTAMP, SO_TIMESTAMPNS, SOL_SOCKET } from "@stratos/abi";
import type { IncomingMessage } from "./message.ts";
import type { SocketKernel } from "./socket-kernel.ts";

/** SCM_TIMESTAMP or SCM_TIMESTAMPNS with the time now. */
export function addTimestamp(kernel: SocketKernel, kind: number, message: IncomingMessage): void {
  const { seconds, nanoseconds } = kernel.realtime();
  const data = new Uint8Array(16);
  const view = new DataView(data.buffer);
  view.setUint32(0, seconds >>> 0, true);
  view.setUint32(4, Math.floor(seconds / 0x100000000), true);
  view.setUint32(8, kind === SO_TIMESTAMP ? Math.floor(nanoseconds / 1000) : nanoseconds, true);
  message.addControl(SOL_SOCKET, kind === SO_TIMESTAMP ? SO_TIMESTAMP : SO_TIMESTAMPNS, data);
}
