/**
 * How a program begins TLS, as far as it tells which host it means.
 *
 * Source: RFC 8446 §5.1 (records), §4 and §4.1.2 (ClientHello); RFC 6066 §3 (server_name).
 */

/** What begins longer is none of a program that anybody knows. */
export const HELLO_BYTES_MAX = 1 << 16;

const HANDSHAKE = 22,
  CLIENT_HELLO = 1,
  SERVER_NAME = 0,
  HOST_NAME = 0;
const RECORD_HEADER = 5,
  HANDSHAKE_HEADER = 4;
/** legacy_version and random. */
const FIXED_BYTES = 2 + 32;

/** null: the program names no host. */
interface ClientHello {
  readonly serverName: string | null;
}

/** @param bytes  the first that a program sends. @returns null: it is no TLS; "more": they may become one */
export function readClientHello(bytes: Uint8Array): ClientHello | "more" | null {
  const message = handshakeOf(bytes);
  if (message === null || message === "more") return message;
  try {
    return { serverName: serverNameOf(new Fields(message)) };
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** The first handshake message, which may go on in further records. */
function handshakeOf(bytes: Uint8Array): Uint8Array | "more" | null {
  const parts: number[] = [];
  for (let at = 0; at < bytes.length;) {
    if (bytes[at] !== HANDSHAKE || (bytes[at + 1] ?? 3) !== 3) return null;
    if (at + RECORD_HEADER > bytes.length) break;
    const end = at + RECORD_HEADER + (bytes[at + 3]! << 8) + bytes[at + 4]!;
    for (const byte of bytes.subarray(at + RECORD_HEADER, end)) parts.push(byte);
    if (parts.length > 0 && parts[0] !== CLIENT_HELLO) return null;
    if (parts.length >= HANDSHAKE_HEADER) {
      const length = (parts[1]! << 16) | (parts[2]! << 8) | parts[3]!;
      if (length > HELLO_BYTES_MAX) return null;
      if (parts.length >= HANDSHAKE_HEADER + length)
        return Uint8Array.from(parts.slice(HANDSHAKE_HEADER, HANDSHAKE_HEADER + length));
    }
    at = end;
  }
  return bytes.length > HELLO_BYTES_MAX ? null : "more";
}

/** @throws RangeError: it is damaged */
function serverNameOf(hello: Fields): string | null {
  hello.take(FIXED_BYTES);
  hello.field(1); // legacy_session_id
  hello.field(2); // cipher_suites
  hello.field(1); // legacy_compression_methods
  if (hello.left === 0) return null;
  const extensions = new Fields(hello.field(2));
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const data = extensions.field(2);
    if (type !== SERVER_NAME) continue;
    const names = new Fields(new Fields(data).field(2));
    while (names.left > 0) {
      const kind = names.number(1);
      const name = names.field(2);
      if (kind === HOST_NAME) return String.fromCharCode(...name).toLowerCase();
    }
  }
  return null;
}

class Fields {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Uint8Array {
    if (count > this.left) throw new RangeError("cut short");
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }

  number(width: number): number {
    return this.take(width).reduce((sum, byte) => sum * 256 + byte, 0);
  }

  /** One that begins with its length, of so many bytes. */
  field(width: number): Uint8Array {
    return this.take(this.number(width));
  }
}
