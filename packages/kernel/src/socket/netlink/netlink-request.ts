/** What programs ask over netlink(7): requests with attributes. */
import { alignNetlink, NLMSG_HDRLEN } from "./netlink-writer.ts";

export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** Answers to a request: messages, or a negated errno for NLMSG_ERROR. `isDump`: they are followed by NLMSG_DONE. */
export type NetlinkAnswer = { readonly isDump: boolean; readonly messages: Uint8Array[] } | number;

/** The requests in the bytes of one sendmsg; a malformed rest is ignored, as in Linux. */
export function parseRequests(bytes: Uint8Array): NetlinkRequest[] {
  const requests: NetlinkRequest[] = [];
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + NLMSG_HDRLEN <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < NLMSG_HDRLEN || at + length > bytes.length) break;
    requests.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.slice(at + NLMSG_HDRLEN, at + length),
    });
    at += alignNetlink(length);
  }
  return requests;
}

/** Value of the first attribute `type` behind a fixed part of `start` bytes. */
export function attributeOf(payload: Uint8Array, start: number, type: number): Uint8Array | null {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length);
  for (let at = start; at + 4 <= payload.length;) {
    const length = view.getUint16(at, true);
    if (length < 4 || at + length > payload.length) return null;
    if ((view.getUint16(at + 2, true) & 0x3fff) === type) return payload.subarray(at + 4, at + length);
    at += alignNetlink(length);
  }
  return null;
}

/** A text attribute, up to its zero byte. */
export function textOf(value: Uint8Array): string {
  let text = "";
  for (let at = 0; at < value.length && value[at] !== 0; at++) text += String.fromCharCode(value[at]!);
  return text;
}

/** A number attribute: null when it isn't there, NaN when it is too short. */
export function numberOf(value: Uint8Array | null): number | null {
  if (value === null) return null;
  return value.length < 4 ? NaN : new DataView(value.buffer, value.byteOffset).getUint32(0, true);
}
