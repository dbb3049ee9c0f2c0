/**
 * Numeric IP addresses as text: dotted IPv4, or IPv6 in the canonical form of RFC 5952, so that equal addresses are
 * equal strings. The text form is what the socket provider speaks; IPv4-mapped IPv6 addresses (RFC 4291 §2.5.5.2) are
 * turned into IPv4 where they enter.
 */

export const ANY_V4 = "0.0.0.0",
  ANY_V6 = "::",
  LOOPBACK_V4 = "127.0.0.1",
  LOOPBACK_V6 = "::1";

/** An address with a port; `ip` is numeric, the family is seen from its form. */
export interface InetEndpoint {
  readonly ip: string;
  readonly port: number;
}

export function isV4(ip: string): boolean {
  return ip.indexOf(":") < 0;
}

export function isWildcard(ip: string): boolean {
  return ip === ANY_V4 || ip === ANY_V6;
}

export function isLoopback(ip: string): boolean {
  return ip === LOOPBACK_V6 || (ip.startsWith("127.") && isV4(ip));
}

export function isMulticast(ip: string): boolean {
  if (!isV4(ip)) return /^ff[0-9a-f]{2}:/.test(ip);
  const first = Number(ip.slice(0, ip.indexOf(".")));
  return first >= 224 && first < 240;
}

export function isBroadcast(ip: string): boolean {
  return ip === "255.255.255.255";
}

export function isLinkLocal(ip: string): boolean {
  return isV4(ip) ? ip.startsWith("169.254.") : /^fe[89ab][0-9a-f]:/.test(ip);
}

/** Text of `bytes[at … at + 4)`. */
export function formatV4(bytes: Uint8Array, at: number): string {
  return `${bytes[at]}.${bytes[at + 1]}.${bytes[at + 2]}.${bytes[at + 3]}`;
}

/** Text of `bytes[at … at + 16)`; a mapped address becomes IPv4. */
export function formatV6(bytes: Uint8Array, at: number): string {
  if (isMappedV4(bytes, at)) return formatV4(bytes, at + 12);
  // RFC 5952 §4.2: the longest run of two or more zero groups (the first of equals) becomes "::".
  let bestStart = -1,
    bestLength = 1,
    start = -1;
  for (let group = 0; group <= 8; group++) {
    const isZero = group < 8 && bytes[at + 2 * group] === 0 && bytes[at + 2 * group + 1] === 0;
    if (isZero) {
      if (start < 0) start = group;
    } else if (start >= 0) {
      if (group - start > bestLength) {
        bestStart = start;
        bestLength = group - start;
      }
      start = -1;
    }
  }
  let text = "";
  for (let group = 0; group < 8; group++) {
    if (group === bestStart) {
      text += "::";
      group += bestLength - 1;
      continue;
    }
    if (text !== "" && !text.endsWith(":")) text += ":";
    text += ((bytes[at + 2 * group]! << 8) | bytes[at + 2 * group + 1]!).toString(16);
  }
  return text;
}

function isMappedV4(bytes: Uint8Array, at: number): boolean {
  for (let index = 0; index < 10; index++) if (bytes[at + index] !== 0) return false;
  return bytes[at + 10] === 255 && bytes[at + 11] === 255;
}

/** Bytes of a dotted IPv4 address, or null when it isn't one. */
export function parseV4(text: string): Uint8Array | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  const bytes = new Uint8Array(4);
  for (let index = 0; index < 4; index++) {
    const part = parts[index]!;
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return null;
    bytes[index] = Number(part);
  }
  return bytes;
}

/**
 * Sixteen bytes of an IPv6 address (a scope after "%" is ignored), or of an IPv4 address in mapped form; null when it
 * is neither.
 */
export function parseV6(text: string): Uint8Array | null {
  const bytes = new Uint8Array(16);
  if (isV4(text)) {
    const v4 = parseV4(text);
    if (v4 === null) return null;
    bytes.fill(255, 10, 12);
    bytes.set(v4, 12);
    return bytes;
  }
  const scope = text.indexOf("%");
  const halves = (scope < 0 ? text : text.slice(0, scope)).split("::");
  if (halves.length > 2) return null;
  const head = groupsOf(halves[0]!);
  const tail = halves.length === 2 ? groupsOf(halves[1]!) : [];
  if (head === null || tail === null) return null;
  const count = head.length + tail.length;
  if (halves.length === 2 ? count > 7 : count !== 8) return null;
  const all = [...head, ...new Array<number>(8 - count).fill(0), ...tail];
  all.forEach((group, index) => {
    bytes[2 * index] = group >> 8;
    bytes[2 * index + 1] = group;
  });
  return bytes;
}

function groupsOf(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    if (index === parts.length - 1 && part.includes(".")) {
      const v4 = parseV4(part);
      if (v4 === null) return null;
      groups.push((v4[0]! << 8) | v4[1]!, (v4[2]! << 8) | v4[3]!);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(parseInt(part, 16));
    else return null;
  }
  return groups;
}

/** The canonical text of what a provider said, null when it is no address. */
export function canonicalIp(text: string): string | null {
  if (isV4(text)) return parseV4(text) === null ? null : text;
  const bytes = parseV6(text);
  return bytes === null ? null : formatV6(bytes, 0);
}
