/**
 * Numeric addresses as text, for providers, /proc and netlink's readers: dotted IPv4, and IPv6 in the canonical form of
 * RFC 5952.
 */
import { type IpAddress, isV4, makeV4 } from "./ip-address.ts";

export function textOfIp(ip: IpAddress): string {
  const last = ip[3]!;
  if (isV4(ip)) return `${last >>> 24}.${(last >>> 16) & 255}.${(last >>> 8) & 255}.${last & 255}`;
  // RFC 5952 §4.2: the longest run of two or more zero groups (the first of equals) becomes "::".
  let bestStart = -1,
    bestLength = 1,
    start = -1;
  for (let group = 0; group <= 8; group++) {
    if (group < 8 && groupOf(ip, group) === 0) {
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
    text += groupOf(ip, group).toString(16);
  }
  return text;
}

function groupOf(ip: IpAddress, group: number): number {
  const word = ip[group >> 1]!;
  return (group & 1) === 0 ? word >>> 16 : word & 0xffff;
}

/** The address that a text names (a scope after "%" is ignored); null when it is none. */
export function ipOfText(text: string): IpAddress | null {
  if (!text.includes(":")) {
    const word = wordOfDotted(text);
    return word === null ? null : makeV4(word);
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
  return Uint32Array.from({ length: 4 }, (_, index) => (all[2 * index]! << 16) | all[2 * index + 1]!);
}

function wordOfDotted(text: string): number | null {
  const parts = text.split(".");
  if (parts.length !== 4) return null;
  let word = 0;
  for (const part of parts) {
    if (!/^\d{1,3}$/.test(part) || Number(part) > 255) return null;
    word = (word << 8) | Number(part);
  }
  return word >>> 0;
}

function groupsOf(text: string): number[] | null {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (let index = 0; index < parts.length; index++) {
    const part = parts[index]!;
    if (index === parts.length - 1 && part.includes(".")) {
      const word = wordOfDotted(part);
      if (word === null) return null;
      groups.push(word >>> 16, word & 0xffff);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(parseInt(part, 16));
    else return null;
  }
  return groups;
}
