/** The border to the provider, which takes addresses as text. */
import { stateClass } from "@stratos/base";
import type { HostAddress } from "@stratos/host";
import { ANY_V4, type IpAddress, ipOfText, isSameIp, isV4, textOfIp } from "@stratos/netstack";

/** Remembers the last text of each direction: datagrams mostly go to and fro between two ends. */
export class HostAddresses {
  #to: HostAddress | null = null;
  #toIp: IpAddress = ANY_V4;
  #fromText = "";
  #fromIp: IpAddress = ANY_V4;

  /** @param isMapped  for a host socket of IPv6 that takes both, where IPv4 is written in its mapped form */
  textOf(ip: IpAddress, port: number, isMapped: boolean): HostAddress {
    const family = isV4(ip) && !isMapped ? 4 : 6;
    const last = this.#to;
    if (last !== null && last.port === port && last.family === family && isSameIp(ip, this.#toIp)) return last;
    this.#toIp = ip.slice();
    return (this.#to = hostAddressOf(ip, port, isMapped));
  }

  /** What isn't an address is 0.0.0.0. */
  ipOf(address: HostAddress): IpAddress {
    if (address.address !== this.#fromText) {
      this.#fromIp = ipOfText(address.address) ?? ANY_V4;
      this.#fromText = address.address;
    }
    return this.#fromIp;
  }

  static {
    stateClass("HostAddresses", this, {
      save: (it) => ({ to: it.#to, toIp: it.#toIp, fromText: it.#fromText, fromIp: it.#fromIp }),
      load: (it, from) => ({ to: it.#to, toIp: it.#toIp, fromText: it.#fromText, fromIp: it.#fromIp } = from),
    });
  }
}

export function hostAddressOf(ip: IpAddress, port: number, isMapped = false): HostAddress {
  if (!isV4(ip)) return { family: 6, address: textOfIp(ip), port };
  return isMapped ? { family: 6, address: `::ffff:${textOfIp(ip)}`, port } : { family: 4, address: textOfIp(ip), port };
}
