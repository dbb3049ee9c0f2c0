/** Addresses of others that this machine answers for at a link (`ip neigh add proxy`; pneigh_entry of Linux). */
import { ENOBUFS } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import { type IpAddress, isSameIp, isV4 } from "@stratos/netstack";

const PROXIES_MAX = 1024;

export interface ProxiedAddress {
  readonly ip: IpAddress;
  /** Of the interface; 0: at any. */
  readonly index: number;
  /** NTF_ROUTER: it is told to be a router's. */
  readonly isRouter: boolean;
}

/** Those of a network, in the order in which they came. Bound: PROXIES_MAX. */
export class ProxiedAddresses {
  #list: ProxiedAddress[] = [];

  get list(): readonly ProxiedAddress[] {
    return this.#list;
  }

  /** Just that one. */
  at(index: number, ip: IpAddress): ProxiedAddress | null {
    return this.#list.find((one) => one.index === index && isSameIp(one.ip, ip)) ?? null;
  }

  /** Is it answered for there? */
  find(index: number, ip: IpAddress): ProxiedAddress | null {
    for (const one of this.#list) if ((one.index === 0 || one.index === index) && isSameIp(one.ip, ip)) return one;
    return null;
  }

  /** Is the group that of an address's last 24 bits, at that interface (RFC 4291 §2.7.1)? */
  hearsGroup(index: number, group: IpAddress): boolean {
    for (const { ip, index: own } of this.#list)
      if (own === index && !isV4(ip) && (ip[3]! & 0xffffff) === (group[3]! & 0xffffff)) return true;
    return false;
  }

  /** In the place of one that is there. 0; −ENOBUFS */
  add(one: ProxiedAddress): number {
    const known = this.at(one.index, one.ip);
    if (known !== null) this.#list[this.#list.indexOf(known)] = one;
    else if (this.#list.length >= PROXIES_MAX) return -ENOBUFS;
    else this.#list.push(one);
    return 0;
  }

  remove(one: ProxiedAddress): void {
    this.#list = this.#list.filter((each) => each !== one);
  }

  /** An interface went down, or away. */
  forgetDevice(index: number): void {
    this.#list = this.#list.filter((one) => one.index !== index);
  }

  static {
    stateClass("ProxiedAddresses", this, {
      save: (it) => ({ list: it.#list }),
      load: (it, from) => ({ list: it.#list } = from),
    });
  }
}
