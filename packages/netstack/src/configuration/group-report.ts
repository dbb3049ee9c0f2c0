/**
 * Who hears which groups, for routers and switches that ask: IGMPv3 (RFC 3376 §4), MLDv2 (RFC 3810 §5), and what
 * their earlier versions say (RFC 2236, RFC 2710).
 *
 *     report   | type | 0 | checksum | 0 | records |   of each: | kind | 0 | sources | group | sources …
 *     query    | type | longest wait | checksum | group | … | sources |      (MLD: wait and group behind the checksum)
 */
import { shortAt, writeShort } from "../ethernet.ts";
import { ICMP_HEADER_SIZE, MLD_QUERY } from "../icmp.ts";
import { type IpAddress, isMulticast, isV4, isWildcard, readV4, readV6, writeV4, writeV6 } from "../ip-address.ts";
import type { IpDevice } from "../ip-host.ts";
import { sendToGroup } from "./group-message.ts";
import { ALL_ROUTERS } from "./neighbour-message.ts";

/** Kinds of records. */
export const IS_INCLUDE = 1,
  IS_EXCLUDE = 2,
  TO_INCLUDE = 3,
  TO_EXCLUDE = 4,
  ALLOWS = 5,
  BLOCKS = 6;
const IGMP_QUERY = 0x11,
  IGMP_REPORT_V1 = 0x12,
  IGMP_REPORT_V2 = 0x16,
  IGMP_LEAVE = 0x17,
  IGMP_REPORT = 0x22;
const MLD_REPORT_V1 = 131,
  MLD_DONE = 132,
  MLD_REPORT = 143;
/** All routers, and those that hear reports. */
const ALL_ROUTERS_V4 = Uint32Array.of(0, 0, 0xffff, 0xe0000002),
  REPORTS_V4 = Uint32Array.of(0, 0, 0xffff, 0xe0000016),
  REPORTS_V6 = Uint32Array.of(0xff020000, 0, 0, 0x16);
const REPORT_HEADER = 8;
/** IP's own headers with the alert. */
const HEADERS_V4 = 24,
  HEADERS_V6 = 48;
/** Sources of one query that are looked at. */
const SOURCES_MAX = 64;

export interface GroupRecord {
  readonly kind: number;
  readonly group: IpAddress;
  readonly sources: readonly IpAddress[];
}

/** Sends records of one version of IP, in as many reports as they need. */
export function sendReports(device: IpDevice, source: IpAddress, records: readonly GroupRecord[]): void {
  const v4 = isV4(source);
  const width = v4 ? 4 : 16;
  const most = (v4 ? device.mtu : device.mtuV6) - (v4 ? HEADERS_V4 : HEADERS_V6);
  let size = REPORT_HEADER;
  let waiting: GroupRecord[] = [];
  const flush = (): void => {
    if (waiting.length > 0) sendReport(device, source, waiting, size);
    size = REPORT_HEADER;
    waiting = [];
  };
  for (const record of records) {
    // What is longer than a packet is cut: RFC 3376 §4.2.16 has an EXCLUDE of a part mean that of all.
    const room = Math.max(0, Math.floor((most - REPORT_HEADER - 4 - width) / width));
    const fitting = record.sources.length > room ? { ...record, sources: record.sources.slice(0, room) } : record;
    const length = 4 + width * (1 + fitting.sources.length);
    if (size + length > most) flush();
    waiting.push(fitting);
    size += length;
  }
  flush();
}

function sendReport(device: IpDevice, source: IpAddress, records: readonly GroupRecord[], size: number): void {
  const v4 = isV4(source);
  const width = v4 ? 4 : 16;
  const write = v4 ? writeV4 : writeV6;
  const message = new Uint8Array(size);
  message[0] = v4 ? IGMP_REPORT : MLD_REPORT;
  writeShort(message, 6, records.length);
  let at = REPORT_HEADER;
  for (const { kind, group, sources } of records) {
    message[at] = kind;
    writeShort(message, at + 2, sources.length);
    write(group, message, at + 4);
    at += 4 + width;
    for (const each of sources) {
      write(each, message, at);
      at += width;
    }
  }
  sendToGroup({ device, source, group: v4 ? REPORTS_V4 : REPORTS_V6, hops: 1, alerts: true }, message);
}

/** To a router of an earlier version. @param version  1 or 2 of IGMP; of MLD 1 */
export function sendOldReport(
  device: IpDevice,
  source: IpAddress,
  group: IpAddress,
  { version, isMember }: { version: number; isMember: boolean },
): void {
  const v4 = isV4(group);
  // IGMPv1 has no word for leaving.
  if (v4 && version === 1 && !isMember) return;
  const message = new Uint8Array(v4 ? 8 : ICMP_HEADER_SIZE + 16);
  if (v4) {
    message[0] = !isMember ? IGMP_LEAVE : version === 1 ? IGMP_REPORT_V1 : IGMP_REPORT_V2;
    writeV4(group, message, 4);
  } else {
    message[0] = isMember ? MLD_REPORT_V1 : MLD_DONE;
    writeV6(group, message, ICMP_HEADER_SIZE);
  }
  const to = isMember ? group : v4 ? ALL_ROUTERS_V4 : ALL_ROUTERS;
  sendToGroup({ device, source, group: to, hops: 1, alerts: true }, message);
}

export interface GroupQuery {
  /** null: all are asked for. */
  readonly group: IpAddress | null;
  /** Empty: all of the group. */
  readonly sources: readonly IpAddress[];
  /** Answers come by then. */
  readonly waitNs: number;
  /** Of IGMP, or of MLD. */
  readonly version: number;
}

/** @returns null: no query */
export function readQuery(bytes: Uint8Array, at: number, length: number, v4: boolean): GroupQuery | null {
  const width = v4 ? 4 : 16;
  const groupAt = v4 ? 4 : ICMP_HEADER_SIZE;
  const base = groupAt + width;
  if (length < base || bytes[at] !== (v4 ? IGMP_QUERY : MLD_QUERY)) return null;
  // Between the lengths of two versions there is none (RFC 3376 §7.1, RFC 3810 §8.1).
  const isNew = length >= base + 4;
  if (!isNew && length !== base) return null;
  const read = v4 ? readV4 : readV6;
  const group = read(bytes, at + groupAt, new Uint32Array(4));
  const isGeneral = isWildcard(group);
  if (!isGeneral && !isMulticast(group)) return null;
  const code = v4 ? bytes[at + 1]! : shortAt(bytes, at + 4);
  const unitNs = v4 ? 1e8 : 1e6;
  if (!isNew) {
    const isFirst = v4 && code === 0;
    return {
      group: isGeneral ? null : group,
      sources: [],
      waitNs: isFirst ? 10e9 : code * unitNs,
      version: v4 && !isFirst ? 2 : 1,
    };
  }
  const count = shortAt(bytes, at + base + 2);
  if (base + 4 + count * width > length || (isGeneral && count > 0)) return null;
  const sources: IpAddress[] = [];
  for (let each = 0; each < Math.min(count, SOURCES_MAX); each++)
    sources.push(read(bytes, at + base + 4 + each * width, new Uint32Array(4)));
  const waitNs = Math.max(1, v4 ? floated(code, 7, 4) : floated(code, 15, 12)) * unitNs;
  return { group: isGeneral ? null : group, sources, waitNs, version: v4 ? 3 : 2 };
}

/** A number with three bits of exponent above `mantissa` bits, if its highest bit is set (RFC 3376 §4.1.1). */
function floated(code: number, top: number, mantissa: number): number {
  if (code < 1 << top) return code;
  const exponent = (code >> mantissa) & 7;
  return ((code & ((1 << mantissa) - 1)) | (1 << mantissa)) << (exponent + 3);
}
