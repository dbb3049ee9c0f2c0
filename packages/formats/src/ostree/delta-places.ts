/**
 * Where static deltas stand in a repository: `deltas/AB/REST-TO/{superblock,0,1,…}`, AB and REST being the beginning
 * and the rest of the older commit's checksum in base64 with `_` for `/`, without padding; without an older commit, of
 * the newer one's. Source: libostree src/libostree/ostree-core.c (`static_delta_path_base`).
 */
import { FormatError } from "../format-error.ts";
import { checksumBytes } from "./ostree-objects.ts";
import type { RepositoryStore } from "./ostree-store.ts";

/** From which commit to which; null: from nothing. */
export interface DeltaName {
  readonly from: string | null;
  readonly to: string;
}

const DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+_";

/** 43 digits. */
function base64(checksum: string): string {
  const bytes = checksumBytes(checksum);
  let text = "";
  for (let at = 0; at < 32; at += 3) {
    const bits = (bytes[at]! << 16) | ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0),
      count = Math.min(3, 32 - at) + 1;
    for (let digit = 0; digit < count; digit++) text += DIGITS[(bits >>> (18 - 6 * digit)) & 63]!;
  }
  return text;
}

function fromBase64(text: string): string | undefined {
  if (!/^[A-Za-z0-9+_]{43}$/.test(text)) return undefined;
  let bits = 0,
    count = 0,
    hex = "";
  for (const digit of text) {
    bits = ((bits << 6) | DIGITS.indexOf(digit)) & 0xfff;
    count += 6;
    if (count >= 8) {
      count -= 8;
      hex += ((bits >>> count) & 0xff).toString(16).padStart(2, "0");
    }
  }
  return hex;
}

/** @param file  `superblock`, or a part's number */
export function deltaPath(from: string | null, to: string, file: string): string {
  const first = base64(from ?? to);
  return `deltas/${first.slice(0, 2)}/${first.slice(2)}${from === null ? "" : `-${base64(to)}`}/${file}`;
}

/** `FROM-TO`, or `TO`. @throws FormatError */
export function parseDeltaName(text: string): DeltaName {
  const match = /^(?:([0-9a-f]{64})-)?([0-9a-f]{64})$/.exec(text);
  if (match === null) throw new FormatError(`${text}: not a delta's name, FROM-TO or TO`);
  return { from: match[1] ?? null, to: match[2]! };
}

/** In the order of their names. */
export function listDeltas(store: Pick<RepositoryStore, "list" | "has">): DeltaName[] {
  if (!store.has("deltas")) return [];
  const found: DeltaName[] = [];
  for (const path of store.list("deltas")) {
    const [, first, second] = /^([^/]{2}\/[^/-]{41})(?:-([^/]{43}))?\/superblock$/.exec(path) ?? [];
    const left = first === undefined ? undefined : fromBase64(first.replace("/", "")),
      right = second === undefined ? undefined : fromBase64(second);
    if (left === undefined || (second !== undefined && right === undefined)) continue;
    found.push(second === undefined ? { from: null, to: left } : { from: left, to: right! });
  }
  return found.sort((left, right) => (`${left.from}-${left.to}` < `${right.from}-${right.to}` ? -1 : 1));
}
