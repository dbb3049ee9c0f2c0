/** Bytes of which the last is urgent (tcp(7), MSG_OOB). */
import { EPIPE } from "@stratos/abi";
import type { IoCursor } from "../../ground/io-cursor.ts";
import { ShortCursor } from "../part-cursor.ts";

/** Who carries them (tcp-transport.ts). */
interface StreamCarrier {
  write(from: IoCursor, capacity: number, hasMore: boolean): number;
  sendUrgent(byte: number, capacity: number): number;
}

/** @returns bytes taken, or what the carrier says */
export function sendWithUrgent(transport: StreamCarrier, from: IoCursor, capacity: number): number {
  if (from.remaining === 1) return sendLast(transport, from, capacity);
  const limited = transport.write(new ShortCursor(from, from.remaining - 1), capacity, false);
  if (limited < 0 || from.remaining > 1) return limited;
  const urgent = sendLast(transport, from, capacity);
  // The reset that the others brought loses this one too.
  if (urgent === -EPIPE) return limited + 1;
  return urgent < 0 ? limited : limited + urgent;
}

function sendLast(transport: StreamCarrier, from: IoCursor, capacity: number): number {
  const byte = new Uint8Array(1);
  const taken = from.take(byte, 0, 1);
  return taken < 0 ? taken : transport.sendUrgent(byte[0]!, capacity);
}
