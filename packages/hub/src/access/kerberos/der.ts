/** ASN.1 values as Kerberos and SPNEGO write them: sequences whose fields each have a number (X.690). */
import {
  BitString,
  Constructed,
  Enumerated,
  fromBER,
  GeneralizedTime,
  GeneralString,
  Integer,
  ObjectIdentifier,
  OctetString,
  Sequence,
  type BaseBlock,
} from "asn1js";

export class DerError extends Error {}

export type Fields = ReadonlyMap<number, BaseBlock>;

const APPLICATION = 2;
const CONTEXT = 3;

/** @throws DerError unless the bytes are one value and nothing else */
export function readDer(bytes: Uint8Array): BaseBlock {
  const { offset, result } = parsed(bytes);
  if (offset !== bytes.length || result.error !== "") throw new DerError("no ASN.1 value");
  return result;
}

/** Most mistakes are in what asn1js gives back, but it throws at a time that is none. */
function parsed(bytes: Uint8Array): ReturnType<typeof fromBER> {
  try {
    return fromBER(Uint8Array.from(bytes).buffer);
  } catch (error) {
    throw new DerError("no ASN.1 value", { cause: error });
  }
}

/** What the tag of a message holds. */
export function untagged(block: BaseBlock, kind: "application" | "context", number: number): BaseBlock {
  const { tagClass, tagNumber } = block.idBlock;
  const [inner, ...more] = childrenOf(block);
  if (tagClass !== (kind === "application" ? APPLICATION : CONTEXT) || tagNumber !== number || more.length > 0)
    throw new DerError(`no message with the tag ${number}`);
  if (inner === undefined) throw new DerError(`the message with the tag ${number} is empty`);
  return inner;
}

export function fieldsOf(block: BaseBlock): Fields {
  if (!(block instanceof Sequence)) throw new DerError("expected a sequence");
  const fields = new Map<number, BaseBlock>();
  for (const child of childrenOf(block)) {
    const { tagClass, tagNumber } = child.idBlock;
    const [inner, ...more] = childrenOf(child);
    if (tagClass !== CONTEXT || inner === undefined || more.length > 0 || fields.has(tagNumber))
      throw new DerError("a field of a sequence is malformed");
    fields.set(tagNumber, inner);
  }
  return fields;
}

export function itemsOf(block: BaseBlock): readonly BaseBlock[] {
  if (!(block instanceof Sequence)) throw new DerError("expected a list");
  return childrenOf(block);
}

export function field(fields: Fields, number: number): BaseBlock {
  const found = fields.get(number);
  if (found === undefined) throw new DerError(`the field ${number} is missing`);
  return found;
}

export function numberOf(block: BaseBlock): number {
  if (!(block instanceof Integer) || block.valueBlock.valueHexView.length > 5) throw new DerError("expected a number");
  return block.valueBlock.valueDec;
}

export function bytesOf(block: BaseBlock): Buffer {
  if (!(block instanceof OctetString)) throw new DerError("expected bytes");
  return Buffer.from(block.getValue());
}

/** Flags of at least 32 bits, the first the highest (RFC 4120 §5.2.8). */
export function flagsOf(block: BaseBlock): number {
  if (!(block instanceof BitString) || block.valueBlock.valueHexView.length < 4) throw new DerError("expected flags");
  return Buffer.from(block.valueBlock.valueHexView).readUInt32BE(0);
}

export function textOf(block: BaseBlock): string {
  if (!(block instanceof GeneralString)) throw new DerError("expected a text");
  return Buffer.from(block.valueBlock.valueHexView).toString("utf8");
}

/** @returns milliseconds since 1970 */
export function timeOf(block: BaseBlock): number {
  if (!(block instanceof GeneralizedTime)) throw new DerError("expected a time");
  const timeMs = block.toDate().getTime();
  if (Number.isNaN(timeMs)) throw new DerError("expected a time");
  return timeMs;
}

export function identifierOf(block: BaseBlock): string {
  if (!(block instanceof ObjectIdentifier)) throw new DerError("expected an object identifier");
  return block.getValue();
}

export const bytes = (value: Uint8Array): BaseBlock => new OctetString({ valueHex: Uint8Array.from(value).buffer });
export const number = (value: number): BaseBlock => Integer.fromBigInt(value);
export const enumerated = (value: number): BaseBlock => new Enumerated({ value });
export const identifier = (value: string): BaseBlock => new ObjectIdentifier({ value });

/** @param fields  by number; null: left out */
export function sequence(fields: readonly (BaseBlock | null)[]): BaseBlock {
  return new Sequence({
    value: fields.flatMap((value, at) => (value === null ? [] : [tagged("context", at, value)])),
  });
}

export function tagged(kind: "application" | "context", tagNumber: number, value: BaseBlock): BaseBlock {
  return new Constructed({
    idBlock: { tagClass: kind === "application" ? APPLICATION : CONTEXT, tagNumber },
    value: [value],
  });
}

export function writeDer(block: BaseBlock): Buffer {
  return Buffer.from(block.toBER());
}

function childrenOf(block: BaseBlock): readonly BaseBlock[] {
  return block instanceof Constructed ? (block.valueBlock.value as BaseBlock[]) : [];
}
