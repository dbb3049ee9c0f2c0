import { SO_TIMESTAMP, SO_TIMESTAMPNS, SOL_SOCKET, Timespec, Timeval } from "@stratos/abi";
import { putFields, viewOf } from "../ground/words.ts";
import type { IncomingMessage } from "./message.ts";
import type { SocketKernel } from "./socket-kernel.ts";

/** SCM_TIMESTAMP or SCM_TIMESTAMPNS with the time now. */
export function addTimestamp(kernel: SocketKernel, kind: number, message: IncomingMessage): void {
  const { seconds, nanoseconds } = kernel.realtime();
  const data = new Uint8Array(Timespec.size);
  const view = viewOf(data);
  if (kind === SO_TIMESTAMP) putFields(view, Timeval, { tv_sec: seconds, tv_usec: Math.floor(nanoseconds / 1000) });
  else putFields(view, Timespec, { tv_sec: seconds, tv_nsec: nanoseconds });
  message.addControl(SOL_SOCKET, kind === SO_TIMESTAMP ? SO_TIMESTAMP : SO_TIMESTAMPNS, data);
}
