/**
 * What a machine in a tab and its relay say to each other, over one WebSocket (RFC 6455): a binary message is a frame.
 *
 *     byte 0     what it says (KINDS)
 *     1 … 4      the socket that it is about: a number that the tab chose, from 1, and never uses again
 *     5 …        by kind; numbers are big-endian, addresses 16 bytes (IPv4 as ::ffff:a.b.c.d, RFC 4291 §2.5.5.2)
 *
 *     tab → relay   connect    address, port        a TCP connection
 *                   open                            a UDP socket
 *     relay → tab   connected
 *                   failed     errno (2 bytes), why (UTF-8; may be empty)     the socket is gone
 *     both          data       bytes of a connection
 *                   credit     bytes (4) that may be sent beyond those before
 *                   finish                          no more data from this side
 *                   datagram   address, port, bytes
 *     tab → relay   close                           the socket is gone; what was sent goes out
 *                   reset                           the socket is gone, now
 *
 * Each side may send WINDOW_BYTES of a connection at first, and what the other credits when it has passed bytes on: so
 * neither holds more than that for whoever does not read. Datagrams have no credit; who has no room drops them. Frames
 * about a socket that is gone mean nothing, as they may have met its end on the way. Whatever else breaks these rules
 * ends the WebSocket.
 *
 * The token comes in the handshake, as a second subprotocol: pages cannot set headers, addresses are logged.
 */
import type { HostAddress } from "@stratos/host";
import { ipOfText, isV4, textOfIp } from "@stratos/kernel";

/** Of the WebSocket; a change of the frames is another name. */
export const RELAY_PROTOCOL = "stratos-relay.1";
/** Codes of the WebSocket's end (RFC 6455, 7.4; 4000 and more are an application's). */
export const RELAY_CLOSED = { protocol: 1002, tryLater: 1013, stranger: 4401, mayNot: 4403 } as const;

export const WINDOW_BYTES = 1 << 17;
/** Of one frame's data. */
export const DATA_MAX = 1 << 15;
/** RFC 768: what a UDP packet over IPv4 has room for. */
export const DATAGRAM_MAX = 65_507;
export const FRAME_MAX = 5 + 18 + DATAGRAM_MAX;
const WORDS_MAX = 300;

/**
 * Where the tab's programs find what stands beyond, as those of QEMU's user networking do: an own address, the relay's
 * host under a name of its own (its loopback, which rules must allow), and a name server.
 */
export const RELAY_NETWORK = { address: "10.0.2.15", address6: "fd00:0:0:2::15", host: "10.0.2.2", names: "10.0.2.3" };
export const NAME_PORT = 53;

export type RelayFrame =
  | { readonly kind: "connect"; readonly id: number; readonly to: HostAddress }
  | { readonly kind: "datagram"; readonly id: number; readonly to: HostAddress; readonly bytes: Uint8Array }
  | { readonly kind: "failed"; readonly id: number; readonly errno: number; readonly words: string }
  | { readonly kind: "data"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly kind: "credit"; readonly id: number; readonly count: number }
  | { readonly kind: "open" | "connected" | "finish" | "close" | "reset"; readonly id: number };

const KINDS = [
  "connect",
  "open",
  "connected",
  "failed",
  "data",
  "credit",
  "finish",
  "datagram",
  "close",
  "reset",
] as const;
const HEAD = 5,
  PLACE = 18;
/** Linux's own end at 4095 (include/linux/err.h). */
const ERRNO_MAX = 4095;

export function relayFrame(frame: RelayFrame): Uint8Array<ArrayBuffer> {
  const words = frame.kind === "failed" ? new TextEncoder().encode(frame.words).subarray(0, WORDS_MAX) : null;
  const bytes = "bytes" in frame ? frame.bytes : words;
  const place = "to" in frame ? PLACE : 0;
  const fixed = frame.kind === "credit" ? 4 : frame.kind === "failed" ? 2 : place;
  const message = new Uint8Array(HEAD + fixed + (bytes?.length ?? 0));
  const view = new DataView(message.buffer);
  message[0] = KINDS.indexOf(frame.kind);
  view.setUint32(1, frame.id);
  if ("to" in frame) writePlace(view, frame.to);
  if (frame.kind === "credit") view.setUint32(HEAD, frame.count);
  if (frame.kind === "failed") view.setUint16(HEAD, frame.errno);
  if (bytes !== null) message.set(bytes, HEAD + fixed);
  return message;
}

/** Its bytes are the message's. @returns null: it is none */
export function parseRelayFrame(message: Uint8Array): RelayFrame | null {
  const kind = KINDS[message[0] ?? KINDS.length];
  if (kind === undefined || message.length < HEAD || message.length > FRAME_MAX) return null;
  const view = new DataView(message.buffer, message.byteOffset, message.byteLength);
  const id = view.getUint32(1);
  const length = message.length - HEAD;
  if (id === 0) return null;
  switch (kind) {
    case "connect":
      return length === PLACE ? { kind, id, to: readPlace(view) } : null;
    case "datagram": {
      if (length < PLACE) return null;
      return { kind, id, to: readPlace(view), bytes: message.subarray(HEAD + PLACE) };
    }
    case "failed": {
      const errno = length < 2 || length > 2 + WORDS_MAX ? 0 : view.getUint16(HEAD);
      if (errno === 0 || errno > ERRNO_MAX) return null;
      return { kind, id, errno, words: new TextDecoder().decode(message.subarray(HEAD + 2)) };
    }
    case "data":
      return length > 0 && length <= DATA_MAX ? { kind, id, bytes: message.subarray(HEAD) } : null;
    case "credit": {
      const count = length === 4 ? view.getUint32(HEAD) : 0;
      return count > 0 && count <= WINDOW_BYTES ? { kind, id, count } : null;
    }
    default:
      return length === 0 ? { kind, id } : null;
  }
}

function writePlace(view: DataView, { address, port }: HostAddress): void {
  const ip = ipOfText(address);
  if (ip === null) throw new RangeError(`no address: ${address}`);
  ip.forEach((word, index) => view.setUint32(HEAD + 4 * index, word));
  view.setUint16(HEAD + 16, port);
}

function readPlace(view: DataView): HostAddress {
  const ip = Uint32Array.from({ length: 4 }, (_, index) => view.getUint32(HEAD + 4 * index));
  return { family: isV4(ip) ? 4 : 6, address: textOfIp(ip), port: view.getUint16(HEAD + 16) };
}

/** What a page offers when it connects. @param token  any text */
export function relayProtocols(token: string): string[] {
  return [RELAY_PROTOCOL, `${TOKEN_PREFIX}${base64Url(new TextEncoder().encode(token))}`];
}

/** @param offered  the header Sec-WebSocket-Protocol. @returns null: it is no page of ours */
export function relayToken(offered: string): string | null {
  const [protocol, second, ...more] = offered.split(",").map((text) => text.trim());
  if (protocol !== RELAY_PROTOCOL || second?.startsWith(TOKEN_PREFIX) !== true || more.length > 0) return null;
  try {
    const letters = second.slice(TOKEN_PREFIX.length).replaceAll("-", "+").replaceAll("_", "/");
    return new TextDecoder().decode(Uint8Array.from(atob(letters), (letter) => letter.charCodeAt(0)));
  } catch {
    return null;
  }
}

/** A subprotocol is a token of RFC 9110 §5.6.2: letters, digits and few signs. */
const TOKEN_PREFIX = "bearer.";

function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replaceAll("=", "");
}
