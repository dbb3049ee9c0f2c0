/**
 * What the host's sockets tell a machine that is recorded, as it stands in the recording. Somebody may have written
 * that by hand: nothing of it is believed before it is looked at.
 */
import type { HostAddress, HostInterfaceAddress } from "@stratos/host";

/** Of the machine's surroundings: the same for the whole run. */
export interface RecordedNetwork {
  readonly nameServers: readonly string[];
  readonly addresses: readonly HostInterfaceAddress[];
}

/** What is known of a socket; absent: as before. */
export interface SocketState {
  readonly isConnected?: boolean;
  readonly isWritable?: boolean;
  readonly local?: HostAddress | null;
  readonly peer?: HostAddress | null;
  /** Bytes that were written and have not left yet. */
  readonly unsent?: number;
}

/** What a call on a socket has brought about at once. */
export interface SocketAnswer extends SocketState {
  /** 0, a count, or a negated errno. */
  readonly result: number;
}

/** What has come to a socket; it has its number from the order in which sockets were made, the first is 1. */
export interface SocketNews extends SocketState {
  readonly kind: "socket";
  readonly socket: number;
  /** Bytes of a stream, or one datagram. */
  readonly data?: Uint8Array;
  /** Of the datagram. */
  readonly from?: HostAddress;
  /** Somebody has connected: a socket more. */
  readonly connection?: SocketState & { readonly socket: number };
  /** The other side has closed. */
  readonly isEnded?: true;
  readonly error?: number;
}

/** What one piece of news brings at most, and a socket keeps. */
export const SOCKET_BYTES_MAX: number = 256 * 1024;
const ERRNO_MAX = 4095;
const PORT_MAX = 65535;
const ADDRESS_LENGTH_MAX = 64;

type Fields = Readonly<Record<string, unknown>>;

export function isSocketNews(value: unknown): value is SocketNews {
  if (!isObject(value) || !isSocketState(value)) return false;
  const { socket, data, from, connection, isEnded, error }: Fields = value;
  if (!isNumber(socket) || !isAbsentOr(error, isErrnoNumber) || !isAbsentOr(from, isHostAddress)) return false;
  if (data !== undefined && !isData(data)) return false;
  if (isEnded !== undefined && isEnded !== true) return false;
  return (
    connection === undefined || (isObject(connection) && isNumber(connection["socket"]) && isSocketState(connection))
  );
}

/** @param resultMax  what the call can have done at most */
export function isSocketAnswer(value: unknown, resultMax: number): value is SocketAnswer {
  return isObject(value) && isResult(value["result"], resultMax) && isSocketState(value);
}

export function isResult(value: unknown, max: number): value is number {
  return Number.isSafeInteger(value) && (value as number) >= -ERRNO_MAX && (value as number) <= max;
}

export function isRecordedNetwork(value: unknown): value is RecordedNetwork {
  if (!isObject(value)) return false;
  const { nameServers, addresses } = value;
  const isText = (each: unknown): boolean => typeof each === "string" && each.length <= ADDRESS_LENGTH_MAX;
  if (!Array.isArray(nameServers) || !nameServers.every(isText) || !Array.isArray(addresses)) return false;
  return addresses.every(
    (each: unknown) =>
      isObject(each) && isFamily(each["family"]) && isText(each["address"]) && isResult(each["prefixLength"], 128),
  );
}

function isSocketState(value: object): value is SocketState {
  const { isConnected, isWritable, local, peer, unsent } = value as Fields;
  const isFlag = (each: unknown): boolean => typeof each === "boolean";
  const isAddress = (each: unknown): boolean => each === null || isHostAddress(each);
  return (
    isAbsentOr(isConnected, isFlag) &&
    isAbsentOr(isWritable, isFlag) &&
    isAbsentOr(local, isAddress) &&
    isAbsentOr(peer, isAddress) &&
    isAbsentOr(unsent, (each) => Number.isSafeInteger(each) && (each as number) >= 0)
  );
}

function isHostAddress(value: unknown): boolean {
  if (!isObject(value)) return false;
  const { family, address, port } = value;
  if (!isFamily(family) || typeof address !== "string" || address.length > ADDRESS_LENGTH_MAX) return false;
  return Number.isInteger(port) && (port as number) >= 0 && (port as number) <= PORT_MAX;
}

function isData(value: unknown): boolean {
  return value instanceof Uint8Array && value.length <= SOCKET_BYTES_MAX;
}

function isErrnoNumber(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) > 0 && (value as number) <= ERRNO_MAX;
}

function isNumber(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

function isFamily(value: unknown): boolean {
  return value === 4 || value === 6;
}

function isObject(value: unknown): value is Fields {
  return typeof value === "object" && value !== null;
}

function isAbsentOr(value: unknown, is: (value: unknown) => boolean): boolean {
  return value === undefined || is(value);
}
