/** What rules say by `-m recent` (Linux net/netfilter/xt_recent.c, recent_mt_check). */
import {
  EINVAL,
  XT_RECENT_CHECK,
  XT_RECENT_REAP,
  XT_RECENT_REMOVE,
  XT_RECENT_SET,
  XT_RECENT_TTL,
  XT_RECENT_UPDATE,
  XtRecentMtinfo,
} from "@stratos/abi";

/** XT_RECENT_MAX_NSTAMPS: times that are kept of one address. */
export const STAMPS_MAX = 256;
export const CHANGES = XT_RECENT_SET | XT_RECENT_REMOVE,
  CHECKS = XT_RECENT_CHECK | XT_RECENT_UPDATE;

/** Of a rule. */
export function recentName(info: Uint8Array): string {
  let name = "";
  for (let at = XtRecentMtinfo.offset.name; info[at] !== 0 && at < XtRecentMtinfo.offset.side; at++)
    name += String.fromCharCode(info[at]!);
  return name;
}

/** @returns 0; EINVAL what does not go together, or a name that no file has */
export function checkRecent(info: Uint8Array): number {
  const { seconds, hit_count, check_set } = XtRecentMtinfo.offset;
  const view = new DataView(info.buffer, info.byteOffset, info.byteLength);
  const [span, hits, flags] = [view.getUint32(seconds, true), view.getUint32(hit_count, true), info[check_set]!];
  const what = flags & (CHANGES | CHECKS);
  if ((flags & ~(CHANGES | CHECKS | XT_RECENT_TTL | XT_RECENT_REAP)) !== 0) return EINVAL;
  if (what === 0 || (what & (what - 1)) !== 0 || hits >= STAMPS_MAX) return EINVAL;
  if ((what & CHANGES) !== 0 && (span !== 0 || hits !== 0 || (flags & (XT_RECENT_TTL | XT_RECENT_REAP)) !== 0))
    return EINVAL;
  if ((flags & XT_RECENT_REAP) !== 0 && span === 0) return EINVAL;
  const name = recentName(info);
  return name === "" || name === "." || name === ".." || name.includes("/") ? EINVAL : 0;
}
