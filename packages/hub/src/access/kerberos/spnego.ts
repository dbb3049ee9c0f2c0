/**
 * What stands behind `Authorization: Negotiate` (RFC 4559): a token of Kerberos (RFC 4121 §4.1), bare or wrapped by the
 * negotiation of mechanisms (SPNEGO, RFC 4178).
 */
import {
  bytes,
  bytesOf,
  DerError,
  enumerated,
  fieldsOf,
  identifier,
  identifierOf,
  itemsOf,
  readDer,
  sequence,
  tagged,
  untagged,
  writeDer,
} from "./der.ts";

const SPNEGO = "1.3.6.1.5.5.2";
const KERBEROS = "1.2.840.113554.1.2.2";
/** Kerberos, as old Windows writes it: a mistake of a bit that stayed. */
const KERBEROS_OF_WINDOWS = "1.2.840.48018.1.2.2";
const AP_REQUEST = 0x0100;
const AP_REPLY = 0x0200;
const ACCEPTED = 0;

export interface Negotiation {
  readonly apRequest: Buffer;
  /** Wraps the reply as the request was. @param apReply  null: the client asked for none */
  answer(apReply: Buffer | null): Buffer;
}

/** @throws DerError with what is wrong, in words */
export function readNegotiation(token: Buffer): Negotiation {
  if (token.subarray(0, 8).toString("latin1") === "NTLMSSP\0")
    throw new DerError("the client offers NTLM: it has no ticket for this hub");
  const { mechanism, inner } = unframed(token);
  if (mechanism === KERBEROS)
    return { apRequest: requestIn(token), answer: (reply) => (reply === null ? Buffer.alloc(0) : replyToken(reply)) };
  if (mechanism !== SPNEGO) throw new DerError(`the mechanism ${mechanism} is not Kerberos`);
  const fields = fieldsOf(untagged(readDer(inner), "context", 0));
  const [types, mechToken] = [fields.get(0), fields.get(2)];
  if (types === undefined) throw new DerError("the negotiation names no mechanism");
  const offered = itemsOf(types).map(identifierOf);
  // The first is the one that the token is of (RFC 4178 §4.2.1).
  const first = offered[0];
  if (first !== KERBEROS && first !== KERBEROS_OF_WINDOWS)
    throw new DerError("the client does not begin with Kerberos: it has no ticket for this hub");
  if (mechToken === undefined) throw new DerError("the negotiation brings no ticket");
  return {
    apRequest: requestIn(bytesOf(mechToken)),
    answer: (reply) =>
      writeDer(
        tagged(
          "context",
          1,
          sequence([enumerated(ACCEPTED), identifier(first), reply === null ? null : bytes(replyToken(reply))]),
        ),
      ),
  };
}

function requestIn(token: Buffer): Buffer {
  const { mechanism, inner } = unframed(token);
  if (mechanism !== KERBEROS || inner.length < 2 || inner.readUInt16BE(0) !== AP_REQUEST)
    throw new DerError("the token is no request of Kerberos");
  return inner.subarray(2);
}

/** The frame of each first token (RFC 2743 §3.1). What is in it need not be ASN.1, so that it is read by hand. */
function unframed(token: Buffer): { mechanism: string; inner: Buffer } {
  const at = token[0] === 0x60 ? contentAt(token, 0) : -1;
  if (at < 0 || at + 2 > token.length || token[at] !== 0x06) throw new DerError("the token is none of GSS-API");
  const end = at + 2 + token[at + 1]!;
  return { mechanism: identifierOf(readDer(token.subarray(at, end))), inner: token.subarray(end) };
}

/** @returns -1 unless the value at `at` reaches to the end of the bytes */
function contentAt(token: Buffer, at: number): number {
  const first = token[at + 1] ?? 0x80;
  const more = first < 0x80 ? 0 : first - 0x80;
  if (first === 0x80 || more > 3 || at + 2 + more > token.length) return -1;
  const length = more === 0 ? first : token.readUIntBE(at + 2, more);
  return at + 2 + more + length === token.length ? at + 2 + more : -1;
}

function replyToken(apReply: Buffer): Buffer {
  const id = Buffer.alloc(2);
  id.writeUInt16BE(AP_REPLY);
  const content = Buffer.concat([writeDer(identifier(KERBEROS)), id, apReply]);
  const length =
    content.length < 0x80
      ? [content.length]
      : content.length < 0x100
        ? [0x81, content.length]
        : [0x82, content.length >> 8, content.length & 0xff];
  return Buffer.concat([Buffer.from([0x60, ...length]), content]);
}
