/** RTA_METRICS: what a route says of the ways of its packets (net/ipv4/metrics.c). */
import { EINVAL, RTAX_ADVMSS, RTAX_CC_ALGO, RTAX_FEATURES, RTAX_HOPLIMIT, RTAX_MAX, RTAX_MTU } from "@stratos/abi";
import { viewOf } from "../../ground/words.ts";
import type { RouteMetric } from "../routes.ts";
import { attributesIn, textOf } from "./netlink-request.ts";
import type { NetlinkWriter } from "./netlink-writer.ts";

/** What Linux takes of them at most. */
const MOST: ReadonlyMap<number, number> = new Map([
  [RTAX_ADVMSS, 65535 - 40],
  [RTAX_MTU, 65535 - 15],
  [RTAX_HOPLIMIT, 255],
]);
/** RTAX_FEATURE_ECN, _SACK, _TIMESTAMP, _ALLFRAG and _TCP_USEC_TS. */
const FEATURES = 31;

/** In the order of their numbers, without those that are 0. −EINVAL: malformed, or nobody's. */
export function metricsIn(value: Uint8Array | null, algorithms: readonly string[]): readonly RouteMetric[] | number {
  const metrics = new Map<number, RouteMetric>();
  for (const attribute of value === null ? [] : attributesIn(value, 0)) {
    if (attribute === null) return -EINVAL;
    const { type, value: bytes } = attribute;
    if (type === 0) continue;
    if (type > RTAX_MAX) return -EINVAL;
    if (type === RTAX_CC_ALGO) {
      const name = textOf(bytes);
      if (!algorithms.includes(name)) return -EINVAL;
      metrics.set(type, { type, value: 0, name });
      continue;
    }
    if (bytes.length !== 4) return -EINVAL;
    const number = viewOf(bytes).getUint32(0, true);
    if (type === RTAX_FEATURES && (number & ~FEATURES) !== 0) return -EINVAL;
    metrics.set(type, { type, value: Math.min(number, MOST.get(type) ?? number) });
  }
  return [...metrics.values()]
    .filter(({ value: number, name }) => number !== 0 || name !== undefined)
    .sort((one, other) => one.type - other.type);
}

export function writeMetrics(writer: NetlinkWriter, metrics: readonly RouteMetric[]): void {
  for (const { type, value, name } of metrics)
    if (name !== undefined) writer.attributeText(type, name);
    else writer.attributeU32(type, value);
}
