/** How long packets to a destination may be, as routers on the way have told (RFC 1191, RFC 8201). */
import { stateClass } from "@stratos/base";
import { type IpAddress, isV4 } from "./ip-address.ts";

/** Destinations that are known at most: the one that was told first goes. How long each stays (RFC 8201 §5.3). */
const PATHS_MAX = 1024,
  LIFE_NS = 600e9;
/** Less is nobody's (net.ipv4.route.min_pmtu; RFC 8200 §5). */
const LEAST_V4 = 552,
  LEAST_V6 = 1280;

interface KnownPath {
  readonly mtu: number;
  readonly untilNs: number;
}

export class PathMtu {
  /** By the words of the address. */
  #paths = new Map<string, KnownPath>();

  /** @param most  of the link that leads there */
  to(destination: IpAddress, most: number, nowNs: number): number {
    if (this.#paths.size === 0) return most;
    const known = this.#paths.get(destination.join());
    return known === undefined || known.untilNs < nowNs ? most : Math.min(most, known.mtu);
  }

  tooBig(destination: IpAddress, mtu: number, nowNs: number): void {
    const key = destination.join();
    this.#paths.delete(key);
    if (this.#paths.size >= PATHS_MAX) this.#paths.delete(this.#paths.keys().next().value!);
    const least = isV4(destination) ? LEAST_V4 : LEAST_V6;
    this.#paths.set(key, { mtu: Math.max(least, mtu), untilNs: nowNs + LIFE_NS });
  }

  static {
    stateClass("PathMtu", this, {
      save: (it) => ({ paths: it.#paths }),
      load: (it, from) => ({ paths: it.#paths } = from),
    });
  }
}
