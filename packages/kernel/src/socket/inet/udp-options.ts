/** Options of IPPROTO_UDP and IPPROTO_UDPLITE (udp(7), udplite(7)). */
import {
  EINVAL,
  ENOPROTOOPT,
  IPPROTO_UDP,
  IPPROTO_UDPLITE,
  UDP_CORK,
  UDP_GRO,
  UDP_SEGMENT,
  UDPLITE_RECV_CSCOV,
  UDPLITE_SEND_CSCOV,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { intOption, optionInt } from "../socket-options.ts";

/** What `set` and `get` say of an option that is another level's. */
export const NOT_OF_UDP = 1;
/** Less than the header can't be covered. */
const COVERAGE_MIN = 8;

export class UdpOptions {
  readonly values = new Map<number, number>();

  get isCorked(): boolean {
    return (this.values.get(UDP_CORK) ?? 0) !== 0;
  }

  /** @param protocol  the socket's @returns 0; −EINVAL; −ENOPROTOOPT; NOT_OF_UDP */
  set(protocol: number, level: number, name: number, value: Uint8Array): number {
    if (isCoverage(protocol, level, name)) {
      if (value.length < 4) return -EINVAL;
      this.values.set(name, optionInt(value) === 0 ? 0 : Math.max(COVERAGE_MIN, optionInt(value)));
      return 0;
    }
    if (level !== IPPROTO_UDP) return NOT_OF_UDP;
    if (!isOfUdp(name)) return -ENOPROTOOPT;
    if (value.length < 4) return -EINVAL;
    // Segmentation would need a device that does it.
    if (name === UDP_SEGMENT && optionInt(value) !== 0) return -EINVAL;
    this.values.set(name, optionInt(value));
    return 0;
  }

  get(protocol: number, level: number, name: number): Uint8Array | number {
    if (!isCoverage(protocol, level, name)) {
      if (level !== IPPROTO_UDP) return NOT_OF_UDP;
      if (!isOfUdp(name)) return -ENOPROTOOPT;
    }
    return intOption(this.values.get(name) ?? 0);
  }

  static {
    stateClass("UdpOptions", this);
  }
}

function isOfUdp(name: number): boolean {
  return name === UDP_CORK || name === UDP_SEGMENT || name === UDP_GRO;
}

function isCoverage(protocol: number, level: number, name: number): boolean {
  const isName = name === UDPLITE_SEND_CSCOV || name === UDPLITE_RECV_CSCOV;
  return isName && level === IPPROTO_UDPLITE && protocol === level;
}
