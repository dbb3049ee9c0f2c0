import {
  ENOENT,
  SIOCGSTAMP,
  SO_TIMESTAMP,
  SO_TIMESTAMPING,
  SO_TIMESTAMPING_NEW,
  SO_TIMESTAMPNS,
  SOF_TIMESTAMPING_RX_SOFTWARE,
  SOF_TIMESTAMPING_SOFTWARE,
  SOL_SOCKET,
  Timespec,
  Timeval,
} from "@stratos/abi";
import { putFields, viewOf } from "../ground/words.ts";
import type { IncomingMessage } from "./message.ts";
import type { SocketCaller, SocketKernel } from "./socket-kernel.ts";
import type { SocketOptions } from "./socket-options.ts";

const ASKS_TIMESTAMPING = SOF_TIMESTAMPING_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE;

/**
 * The time now, as the receiver has asked for it: SCM_TIMESTAMP or SCM_TIMESTAMPNS; and SCM_TIMESTAMPING, the first of
 * whose three times is the kernel's, the others a device's, which there is not (Linux
 * Documentation/networking/timestamping.rst).
 */
export function addTimestamps(kernel: SocketKernel, options: SocketOptions, message: IncomingMessage): void {
  const { timestamp, stored } = options;
  if (timestamp === 0 && (options.stampSeconds < 0 || options.keepsStamps)) stampSocket(kernel, options);
  if (timestamp !== 0) {
    const isMicroseconds = timestamp === SO_TIMESTAMP;
    message.addControl(SOL_SOCKET, isMicroseconds ? SO_TIMESTAMP : SO_TIMESTAMPNS, timeNow(kernel, 1, isMicroseconds));
  }
  if (((stored.get(SO_TIMESTAMPING) ?? 0) & ASKS_TIMESTAMPING) === ASKS_TIMESTAMPING) {
    const type = stored.get(SO_TIMESTAMPING_NEW) === 1 ? SO_TIMESTAMPING_NEW : SO_TIMESTAMPING;
    message.addControl(SOL_SOCKET, type, timeNow(kernel, 3, false));
  }
}

/**
 * When the last message came, for SIOCGSTAMP. One that came before anybody asked bears 0: the time of the question
 * answers for it (net/core/sock.c, sock_gettstamp).
 */
function stampSocket(kernel: SocketKernel, options: SocketOptions): void {
  const { seconds, nanoseconds } = options.keepsStamps ? kernel.realtime() : { seconds: 0, nanoseconds: 0 };
  options.stampSeconds = seconds;
  options.stampNanoseconds = nanoseconds;
}

/** SIOCGSTAMP, SIOCGSTAMPNS. −ENOENT: nothing was received; −EFAULT */
export function storeStamp(task: SocketCaller, options: SocketOptions, command: number, address: number): number {
  options.keepsStamps = true;
  if (options.stampSeconds < 0) return -ENOENT;
  if (options.stampSeconds === 0) stampSocket(task.kernel, options);
  const { stampSeconds: seconds, stampNanoseconds: nanoseconds } = options;
  const stamp = oneTime({ seconds, nanoseconds }, command === SIOCGSTAMP);
  return task.space.copyOut(address, stamp, 0, stamp.length);
}

/** The first of so many times; the others are 0. */
function timeNow(kernel: SocketKernel, times: number, isMicroseconds: boolean): Uint8Array {
  const data = new Uint8Array(times * Timespec.size);
  data.set(oneTime(kernel.realtime(), isMicroseconds));
  return data;
}

function oneTime(
  { seconds, nanoseconds }: { seconds: number; nanoseconds: number },
  isMicroseconds: boolean,
): Uint8Array {
  const data = new Uint8Array(Timespec.size);
  const view = viewOf(data);
  if (isMicroseconds) putFields(view, Timeval, { tv_sec: seconds, tv_usec: Math.floor(nanoseconds / 1000) });
  else putFields(view, Timespec, { tv_sec: seconds, tv_nsec: nanoseconds });
  return data;
}
