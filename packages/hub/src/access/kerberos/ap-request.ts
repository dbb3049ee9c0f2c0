/**
 * A client's proof that a key distribution centre knows it: a ticket that only this service's key opens, and an
 * authenticator made with the key in the ticket (AP-REQ, RFC 4120 §3.2 and §5.5.1).
 */
import { createHash } from "node:crypto";
import type { BaseBlock } from "asn1js";
import {
  bytes,
  bytesOf,
  DerError,
  field,
  fieldsOf,
  flagsOf,
  itemsOf,
  number,
  numberOf,
  readDer,
  sequence,
  tagged,
  textOf,
  timeOf,
  untagged,
  writeDer,
  type Fields,
} from "./der.ts";
import { decrypt, encrypt, isSupportedType, KerberosCryptoError, typeName, type EncryptionKey } from "./encryption.ts";
import type { KeytabEntry } from "./keytab.ts";

/** Why a client is not believed, in words for its user and the hub's owner. */
export class KerberosRefusal extends Error {}

export interface Accepted {
  readonly realm: string;
  /** `alice`, or `alice`, `admin`. */
  readonly names: readonly string[];
  /** The same for the same request; to be kept until `replayUntilMs`, so that it is taken once. */
  readonly fingerprint: string;
  /** Since 1970. */
  readonly replayUntilMs: number;
  /** Since 1970: when the ticket ends. */
  readonly ticketUntilMs: number;
  /** AP-REP; null: the client does not ask for it. */
  readonly reply: Buffer | null;
}

/** RFC 4120 §3.2.3: how far clocks may lie apart. */
const SKEW_MS = 5 * 60_000;
const VERSION = 5;
const AP_REQUEST = 14;
const AP_REPLY = 15;
const IF_RELEVANT = 1;
/** Bits of flags, the first the highest. */
const MUTUAL_REQUIRED = 0x8000_0000 >>> 2;
const INVALID = 0x8000_0000 >>> 7;
const TRANSITED_CHECKED = 0x8000_0000 >>> 12;
/** RFC 4120 §7.5.1. */
const USAGE = { ticket: 2, authenticator: 11, reply: 12 };

/**
 * @param keys  of this service
 * @param nowMs  since 1970
 * @throws KerberosRefusal
 */
export function acceptApRequest(message: Buffer, keys: readonly KeytabEntry[], nowMs: number): Accepted {
  try {
    return accept(message, keys, nowMs);
  } catch (error) {
    if (error instanceof DerError || error instanceof KerberosCryptoError)
      throw new KerberosRefusal(error.message, { cause: error });
    throw error;
  }
}

function accept(message: Buffer, keys: readonly KeytabEntry[], nowMs: number): Accepted {
  const request = fieldsOf(untagged(readDer(message), "application", AP_REQUEST));
  demandVersion(request, 0);
  if (numberOf(field(request, 1)) !== AP_REQUEST) throw new DerError("the message is no AP-REQ");
  const { ticket, realm } = openTicket(field(request, 3), keys);

  const flags = flagsOf(field(ticket, 0));
  if ((flags & INVALID) !== 0) throw new KerberosRefusal("the ticket is postdated and not valid yet");
  const begins = timeOf(ticket.get(6) ?? field(ticket, 5));
  const ticketUntilMs = timeOf(field(ticket, 7));
  if (begins - SKEW_MS > nowMs) throw new KerberosRefusal("the ticket is not valid yet: do the clocks agree?");
  if (ticketUntilMs + SKEW_MS < nowMs) throw new KerberosRefusal("the ticket has expired");
  // Behind a balancer the address of the client is not known.
  const addresses = ticket.get(9);
  if (addresses !== undefined && itemsOf(addresses).length > 0)
    throw new KerberosRefusal("the ticket is bound to addresses, which is not supported (kinit -A asks for none)");
  refuseRestrictions(ticket.get(10));
  const session = keyOf(field(ticket, 1));
  const client = { realm: textOf(field(ticket, 2)), names: namesOf(field(ticket, 3)) };
  if (client.realm !== realm && (flags & TRANSITED_CHECKED) === 0)
    throw new KerberosRefusal(`the way from the realm ${client.realm} was not checked by the one of this hub`);

  const sealed = encryptedOf(field(request, 4));
  if (sealed.type !== session.type) throw new KerberosRefusal("the authenticator is of another kind than its key");
  const opened = decrypt(session, USAGE.authenticator, sealed.cipher);
  const authenticator = fieldsOf(untagged(readDer(opened), "application", 2));
  demandVersion(authenticator, 0);
  const named = namesOf(field(authenticator, 2));
  if (textOf(field(authenticator, 1)) !== client.realm || named.join("\0") !== client.names.join("\0"))
    throw new KerberosRefusal("the ticket is somebody else's");
  refuseRestrictions(authenticator.get(8));
  const sentMs = timeOf(field(authenticator, 5));
  if (Math.abs(sentMs - nowMs) > SKEW_MS)
    throw new KerberosRefusal(`clocks lie ${Math.round(Math.abs(sentMs - nowMs) / 1_000)} s apart; 300 are tolerated`);

  const asksReply = (flagsOf(field(request, 2)) & MUTUAL_REQUIRED) !== 0;
  return {
    ...client,
    fingerprint: createHash("sha256").update(sealed.cipher).digest("hex"),
    replayUntilMs: sentMs + SKEW_MS,
    ticketUntilMs,
    reply: asksReply ? replyFor(authenticator, session) : null,
  };
}

/** @returns its secret part, and the realm of the service */
function openTicket(block: BaseBlock, keys: readonly KeytabEntry[]): { ticket: Fields; realm: string } {
  const outer = fieldsOf(untagged(block, "application", 1));
  demandVersion(outer, 0);
  const realm = textOf(field(outer, 1));
  const service = namesOf(field(outer, 2));
  const { type, version, cipher } = encryptedOf(field(outer, 3));
  const name = `${service.join("/")}@${realm}`;
  const ofService = keys.filter((key) => key.realm === realm && key.names.join("\0") === service.join("\0"));
  if (ofService.length === 0) throw new KerberosRefusal(`the ticket is for ${name}, for which this hub has no key`);
  if (!isSupportedType(type)) throw new KerberosRefusal(`the ticket is of ${typeName(type)}: expected AES`);
  const fitting = ofService.filter(({ key, version: at }) => key.type === type && (version === null || version === at));
  if (fitting.length === 0)
    throw new KerberosRefusal(
      `the ticket for ${name} needs the key ${typeName(type)}${version === null ? "" : `, version ${version}`}, ` +
        "which the keytab lacks: is the keytab older than the password, or the ticket older than the keytab?",
    );
  let failure: unknown;
  for (const { key } of fitting) {
    let opened: Buffer;
    try {
      opened = decrypt(key, USAGE.ticket, cipher);
    } catch (error) {
      failure = error;
      continue;
    }
    return { ticket: fieldsOf(untagged(readDer(opened), "application", 3)), realm };
  }
  throw new KerberosRefusal(`the ticket for ${name} was not made with the keytab's key`, { cause: failure });
}

/** AP-REP: that we could open the ticket. */
function replyFor(authenticator: Fields, session: EncryptionKey): Buffer {
  const proof = tagged("application", 27, sequence([field(authenticator, 5), field(authenticator, 4)]));
  const sealed = encrypt(session, USAGE.reply, writeDer(proof));
  return writeDer(
    tagged(
      "application",
      AP_REPLY,
      sequence([number(VERSION), number(AP_REPLY), sequence([number(session.type), null, bytes(sealed)])]),
    ),
  );
}

function demandVersion(fields: Fields, number: number): void {
  if (numberOf(field(fields, number)) !== VERSION) throw new DerError("the message is not of Kerberos 5");
}

function encryptedOf(block: BaseBlock): { type: number; version: number | null; cipher: Buffer } {
  const fields = fieldsOf(block);
  const version = fields.get(1);
  return {
    type: numberOf(field(fields, 0)),
    version: version === undefined ? null : numberOf(version),
    cipher: bytesOf(field(fields, 2)),
  };
}

function keyOf(block: BaseBlock): EncryptionKey {
  const fields = fieldsOf(block);
  return { type: numberOf(field(fields, 0)), value: bytesOf(field(fields, 1)) };
}

function namesOf(block: BaseBlock): string[] {
  return itemsOf(field(fieldsOf(block), 1)).map(textOf);
}

/** RFC 4120 §5.2.6: who does not know a restriction must not let it pass, unless it says that it may be ignored. */
function refuseRestrictions(block: BaseBlock | undefined): void {
  for (const item of block === undefined ? [] : itemsOf(block)) {
    const type = numberOf(field(fieldsOf(item), 0));
    if (type !== IF_RELEVANT)
      throw new KerberosRefusal(`the ticket has a restriction (${type}) that is not known here`);
  }
}
