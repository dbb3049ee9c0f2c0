/** What programs ask over netlink(7): requests with attributes. */
import { Nlattr, NLA_TYPE_MASK, Nlmsghdr } from "@stratos/abi";
import { viewOf } from "../../ground/words.ts";
import { alignNetlink } from "./netlink-writer.ts";

export interface NetlinkRequest {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  /** Where the next one begins. */
  readonly end: number;
}

/**
 * Answers to a request: messages, or a negated errno for NLMSG_ERROR. `isDump`: they are followed by NLMSG_DONE, which
 * may tell of a failure, and may have flags of its own; they are asked for as there is room for them, so that those of
 * what there can be many of are made then. Null: something was looked at that isn't told of.
 */
export type NetlinkAnswer =
  | {
      readonly isDump: boolean;
      readonly messages: Iterable<Uint8Array | null>;
      readonly failed?: { readonly errno: number; readonly text?: string; readonly doneFlags?: number };
      readonly doneFlags?: number;
    }
  | number;

/** The requests in the bytes of one sendmsg; a malformed rest is ignored, as in Linux. */
export function* parseRequests(bytes: Uint8Array): Generator<NetlinkRequest> {
  const view = viewOf(bytes);
  const { nlmsg_len, nlmsg_type, nlmsg_flags, nlmsg_seq } = Nlmsghdr.offset;
  for (let at = 0; at + Nlmsghdr.size <= bytes.length;) {
    const length = view.getUint32(at + nlmsg_len, true);
    if (length < Nlmsghdr.size || at + length > bytes.length) break;
    const end = at + alignNetlink(length);
    yield {
      type: view.getUint16(at + nlmsg_type, true),
      flags: view.getUint16(at + nlmsg_flags, true),
      sequence: view.getUint32(at + nlmsg_seq, true),
      payload: bytes.slice(at + Nlmsghdr.size, at + length),
      end,
    };
    at = end;
  }
}

/** Value of the first attribute `type` behind a fixed part of `start` bytes. */
export function attributeOf(payload: Uint8Array, start: number, type: number): Uint8Array | null {
  for (const attribute of attributesIn(payload, start)) {
    if (attribute === null) return null;
    if (attribute.type === type) return attribute.value;
  }
  return null;
}

/** The attributes behind a fixed part of `start` bytes; null, and the end, where one is malformed. */
export function* attributesIn(
  payload: Uint8Array,
  start: number,
): Generator<{ type: number; value: Uint8Array } | null> {
  const view = viewOf(payload);
  for (let at = start; at + Nlattr.size <= payload.length;) {
    const length = view.getUint16(at + Nlattr.offset.nla_len, true);
    if (length < Nlattr.size || at + length > payload.length) {
      yield null;
      return;
    }
    const type = view.getUint16(at + Nlattr.offset.nla_type, true) & NLA_TYPE_MASK;
    yield { type, value: payload.subarray(at + Nlattr.size, at + length) };
    at += alignNetlink(length);
  }
}

/** A text attribute, up to its zero byte. */
export function textOf(value: Uint8Array): string {
  let text = "";
  for (let at = 0; at < value.length && value[at] !== 0; at++) text += String.fromCharCode(value[at]!);
  return text;
}

/** An attribute is too short for what it is: the request is EINVAL, before anything of it was done. */
export class ShortAttribute extends Error {}

/** A number attribute: null when it isn't there. @throws ShortAttribute */
export function numberOf(value: Uint8Array | null): number | null {
  if (value === null) return null;
  if (value.length < 4) throw new ShortAttribute();
  return viewOf(value).getUint32(0, true);
}
