/** Messages (D-Bus Specification, "Message Format"). A bus reads the header, checks the body, and hands it on. */
import { isBusName, isInterface, isMember } from "./names.ts";
import { type Value, ValueReader, WireError } from "./value-reader.ts";
import { ValueWriter } from "./value-writer.ts";

export const METHOD_CALL = 1,
  METHOD_RETURN = 2,
  ERROR = 3,
  SIGNAL = 4;
/** Flags. */
export const NO_REPLY_EXPECTED = 1,
  NO_AUTO_START = 2;
/** The specification allows 128 MiB; so much may wait for a program here. */
const MESSAGE_BYTES_MAX = 1 << 21;
/** Of a header without its fields. */
const FIXED_BYTES = 16;
const PROTOCOL_VERSION = 1;
/** "Header Fields". */
const PATH = 1,
  INTERFACE = 2,
  MEMBER = 3,
  ERROR_NAME = 4,
  REPLY_SERIAL = 5,
  DESTINATION = 6,
  SENDER = 7,
  SIGNATURE = 8,
  UNIX_FDS = 9;
const LITTLE = 0x6c,
  BIG = 0x42;

export interface Message {
  readonly type: number;
  readonly flags: number;
  readonly serial: number;
  readonly path?: string | undefined;
  readonly interface?: string | undefined;
  readonly member?: string | undefined;
  readonly errorName?: string | undefined;
  readonly replySerial?: number | undefined;
  readonly destination?: string | undefined;
  readonly sender?: string | undefined;
  readonly signature: string;
  /** As it came, in the order of bytes that it came in. */
  readonly body: Uint8Array;
  readonly isLittle: boolean;
  /** Descriptors that belong to it. */
  readonly fileCount: number;
}

/** @returns bytes that the message at the begin takes; 0: its size is not there yet. @throws WireError */
export function messageSize(bytes: Uint8Array): number {
  if (bytes.length < FIXED_BYTES) return 0;
  const isLittle = orderOf(bytes[0]!);
  const view = new DataView(bytes.buffer, bytes.byteOffset, FIXED_BYTES);
  if (bytes[3] !== PROTOCOL_VERSION) throw new WireError(`version ${bytes[3]} of the protocol`);
  const bodyBytes = view.getUint32(4, isLittle);
  const fieldBytes = view.getUint32(12, isLittle);
  const size = Math.ceil((FIXED_BYTES + fieldBytes) / 8) * 8 + bodyBytes;
  if (size > MESSAGE_BYTES_MAX) throw new WireError(`a message of ${size} bytes; at most ${MESSAGE_BYTES_MAX}`);
  return size;
}

function orderOf(byte: number): boolean {
  if (byte !== LITTLE && byte !== BIG) throw new WireError("neither order of bytes");
  return byte === LITTLE;
}

/** @param bytes  one whole message, which is the caller's. @throws WireError */
export function readMessage(bytes: Uint8Array): Message {
  const isLittle = orderOf(bytes[0]!);
  const reader = new ValueReader(bytes, isLittle);
  const [, type, flags, , bodyBytes, serial] = reader.values("yyyyuu") as number[];
  const fields = new Map<number, { readonly signature: string; readonly value: Value }>();
  for (const field of reader.value("a(yv)") as [number, { signature: string; value: Value }][]) {
    if (fields.has(field[0])) throw new WireError(`header field ${field[0]} twice`);
    fields.set(field[0], field[1]);
  }
  reader.align(8);
  const at = reader.at;
  const of = (code: number, signature: string): Value | undefined => {
    const field = fields.get(code);
    if (field !== undefined && field.signature !== signature) throw new WireError(`header field ${code}: its type`);
    return field?.value;
  };
  const message: Message = {
    type: type!,
    flags: flags!,
    serial: serial!,
    path: of(PATH, "o") as string | undefined,
    interface: named(of(INTERFACE, "s"), isInterface),
    member: named(of(MEMBER, "s"), isMember),
    errorName: named(of(ERROR_NAME, "s"), isInterface),
    replySerial: of(REPLY_SERIAL, "u") as number | undefined,
    destination: named(of(DESTINATION, "s"), isBusName),
    sender: named(of(SENDER, "s"), isBusName),
    signature: (of(SIGNATURE, "g") as string | undefined) ?? "",
    body: bytes.slice(at),
    isLittle,
    fileCount: (of(UNIX_FDS, "u") as number | undefined) ?? 0,
  };
  if (at + bodyBytes! !== bytes.length) throw new WireError("a body of another size");
  if (serial === 0 || type === 0) throw new WireError("a message without number or type");
  checkFields(message);
  valuesOf(message);
  return message;
}

function named(value: Value | undefined, isValid: (text: string) => boolean): string | undefined {
  if (value !== undefined && !isValid(value as string)) throw new WireError(`${String(value)}: not a name of its kind`);
  return value as string | undefined;
}

/** "Header Fields", required in. Types that are not known are passed over by who receives them. */
function checkFields({ type, path, interface: name, member, errorName, replySerial }: Message): void {
  const isWhole =
    type === METHOD_CALL
      ? path !== undefined && member !== undefined
      : type === SIGNAL
        ? path !== undefined && name !== undefined && member !== undefined
        : type === ERROR
          ? errorName !== undefined && replySerial !== undefined
          : type !== METHOD_RETURN || replySerial !== undefined;
  if (!isWhole) throw new WireError("a header field that its type needs is missing");
  if (path === "/org/freedesktop/DBus/Local" || name === "org.freedesktop.DBus.Local")
    throw new WireError("what is a library's own is not sent");
}

/** What is in the body. @throws WireError */
export function valuesOf({ body, signature, isLittle }: Message): Value[] {
  const reader = new ValueReader(body, isLittle);
  const values = reader.values(signature);
  if (reader.at !== body.length) throw new WireError("a body longer than its signature says");
  return values;
}

export function bodyOf(signature: string, values: readonly Value[]): Uint8Array {
  const writer = new ValueWriter(true);
  writer.values(signature, values);
  return writer.bytes;
}

export function writeMessage(message: Message): Uint8Array {
  const { type, flags, serial, body, isLittle } = message;
  const writer = new ValueWriter(isLittle);
  writer.values("yyyyuu", [isLittle ? LITTLE : BIG, type, flags, PROTOCOL_VERSION, body.length, serial]);
  const fields: Value[] = [];
  const add = (code: number, signature: string, value: Value | undefined): void => {
    if (value !== undefined) fields.push([code, { signature, value }]);
  };
  add(PATH, "o", message.path);
  add(INTERFACE, "s", message.interface);
  add(MEMBER, "s", message.member);
  add(ERROR_NAME, "s", message.errorName);
  add(REPLY_SERIAL, "u", message.replySerial);
  add(DESTINATION, "s", message.destination);
  add(SENDER, "s", message.sender);
  add(SIGNATURE, "g", message.signature === "" ? undefined : message.signature);
  add(UNIX_FDS, "u", message.fileCount === 0 ? undefined : message.fileCount);
  writer.value("a(yv)", fields);
  writer.align(8);
  writer.raw(body);
  return writer.bytes;
}
