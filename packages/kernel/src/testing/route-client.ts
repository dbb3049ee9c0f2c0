/** rtnetlink(7) as iproute2 speaks it, for tests. */
import { AF_INET, AF_INET6, AF_NETLINK, MSG_DONTWAIT, SOCK_RAW, RTN_UNICAST } from "@stratos/abi";
import type { SocketTask } from "./socket-task.ts";

const REQUEST = 1,
  ACK = 4,
  EXCL = 0x200,
  CREATE = 0x400;
const NLMSG_ERROR = 2,
  NEWLINK = 16,
  GETLINK = 18,
  GETROUTE = 26;

export interface NetlinkMessage {
  readonly type: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
  readonly attributes: Map<number, Uint8Array>;
}

/** The messages of one datagram; attributes begin behind `fixed` bytes. */
export function messagesIn(datagram: string, fixed: number): NetlinkMessage[] {
  const bytes = Uint8Array.from(datagram, (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = view.getUint32(at, true);
    const payload = bytes.slice(at + 16, at + length);
    const attributes = new Map<number, Uint8Array>();
    const inner = new DataView(payload.buffer);
    for (let place = fixed; place + 4 <= payload.length;) {
      const size = inner.getUint16(place, true);
      attributes.set(inner.getUint16(place + 2, true), payload.slice(place + 4, place + size));
      place += (size + 3) & ~3;
    }
    messages.push({ type: view.getUint16(at + 4, true), sequence: view.getUint32(at + 8, true), payload, attributes });
    at += (length + 3) & ~3;
  }
  return messages;
}

export function text(value: string): number[] {
  return [...`${value}\0`].map((letter) => letter.charCodeAt(0));
}

/** `struct rtattr`, padded. */
export function attribute(type: number, value: readonly number[]): number[] {
  const padding = new Array<number>(-value.length & 3).fill(0);
  return [(value.length + 4) & 255, (value.length + 4) >> 8, type, 0, ...value, ...padding];
}

function little(value: number): number[] {
  return [value & 255, (value >> 8) & 255, (value >> 16) & 255, (value >> 24) & 255];
}

function request(type: number, payload: readonly number[], flags = 0): Uint8Array {
  const length = 16 + payload.length;
  return Uint8Array.from([
    ...little(length),
    type,
    0,
    ...little(REQUEST | ACK | flags).slice(0, 2),
    7,
    0,
    0,
    0,
    0,
    0,
    0,
    0,
    ...payload,
  ]);
}

/** RTM_NEWLINK, RTM_DELLINK: `struct ifinfomsg` with attributes. */
export function linkRequest(
  type: number,
  fields: { index?: number; flags?: number; change?: number; creates?: boolean },
  ...attributes: number[][]
): Uint8Array {
  const { index = 0, flags = 0, change = 0, creates = false } = fields;
  const header = [0, 0, 0, 0, ...little(index), ...little(flags), ...little(change)];
  return request(type, [...header, ...attributes.flat()], creates ? CREATE | EXCL : 0);
}

/** RTM_NEWADDR, RTM_DELADDR of an IPv4 address. */
export function addressRequest(type: number, index: number, length: number, ip: readonly number[]): Uint8Array {
  return request(
    type,
    [AF_INET, length, 0, 0, ...little(index), ...attribute(2, ip), ...attribute(1, ip)],
    CREATE | EXCL,
  );
}

/** RTM_NEWROUTE, RTM_DELROUTE of an IPv4 route. */
export function routeRequest(
  type: number,
  route: { prefix: readonly number[]; length: number; gateway?: readonly number[]; out?: number; kind?: number },
): Uint8Array {
  const attributes = [attribute(1, route.prefix)];
  if (route.gateway !== undefined) attributes.push(attribute(5, route.gateway));
  if (route.out !== undefined) attributes.push(attribute(4, little(route.out)));
  const family = route.prefix.length === 16 ? AF_INET6 : AF_INET;
  const { kind = RTN_UNICAST } = route;
  return request(type, [family, route.length, 0, 0, 254, 3, 0, kind, 0, 0, 0, 0, ...attributes.flat()], CREATE | EXCL);
}

/** RTM_NEWNEIGH, RTM_DELNEIGH of IPv4: one that stays. */
export function neighbourRequest(
  type: number,
  index: number,
  ip: readonly number[],
  hardware: readonly number[] | null = null,
): Uint8Array {
  const attributes = [attribute(1, ip), ...(hardware === null ? [] : [attribute(2, hardware)])];
  return request(type, [AF_INET, 0, 0, 0, ...little(index), 0x80, 0, 0, 0, ...attributes.flat()], CREATE | EXCL);
}

/** What a request is answered: 0 or a negated errno; null when no answer came. */
function netlinkError(user: SocketTask, fd: number, bytes: Uint8Array): number | null {
  user.send(fd, bytes);
  const answer = user.receive(fd, 0x4000, MSG_DONTWAIT);
  if (typeof answer === "number") return null;
  const last = messagesIn(answer, 4000).at(-1)!;
  return last.type === NLMSG_ERROR ? new DataView(last.payload.buffer).getInt32(0, true) : null;
}

/** Asks for links, addresses and routes, and changes them. */
export class RouteClient {
  readonly #user: SocketTask;
  readonly #fd: number;

  constructor(user: SocketTask) {
    this.#user = user;
    this.#fd = user.socket(AF_NETLINK, SOCK_RAW, 0);
  }

  ask(bytes: Uint8Array): number | null {
    return netlinkError(this.#user, this.#fd, bytes);
  }

  makeKind(kind: string, name: string, data: readonly number[] = []): number | null {
    const info = [...attribute(1, text(kind)), ...(data.length === 0 ? [] : attribute(2, data))];
    return this.ask(linkRequest(NEWLINK, { creates: true }, attribute(3, text(name)), attribute(18, info)));
  }

  makeVeth(name: string, peer: string): number | null {
    return this.makeKind("veth", name, attribute(1, [...new Array<number>(16).fill(0), ...attribute(3, text(peer))]));
  }

  setFlags(index: number, flags: number, change: number): number | null {
    return this.ask(linkRequest(NEWLINK, { index, flags, change }));
  }

  #links(): NetlinkMessage[] {
    const dump = Uint8Array.from([...little(17), GETLINK, 0, 1, 3, 7, 0, 0, 0, 0, 0, 0, 0, 0]);
    this.#user.send(this.#fd, dump);
    const links: NetlinkMessage[] = [];
    for (;;) {
      const messages = messagesIn(this.#user.receive(this.#fd) as string, 16);
      links.push(...messages.filter(({ type }) => type === NEWLINK));
      if (messages.some(({ type }) => type !== NEWLINK)) return links;
    }
  }

  names(): string[] {
    return this.#links().map(({ attributes }) => String.fromCharCode(...attributes.get(3)!.slice(0, -1)));
  }

  index(name: string): number {
    return this.#links()[this.names().indexOf(name)]!.payload[4]!;
  }

  link(index: number): NetlinkMessage {
    return this.#links().find(({ payload }) => payload[4] === index)!;
  }

  flags(index: number): number {
    return new DataView(this.link(index).payload.buffer).getUint32(8, true);
  }

  /** From IFLA_STATS64. */
  statistic(name: string, way: "received" | "sent"): { packets: number; bytes: number } {
    const numbers = new BigUint64Array(this.link(this.index(name)).attributes.get(23)!.slice().buffer);
    const at = way === "received" ? 0 : 1;
    return { packets: Number(numbers[at]), bytes: Number(numbers[at + 2]) };
  }

  /** `ip route get`: the gateway as text, or a negated errno. */
  gatewayTo(ip: readonly number[]): string | number {
    const payload = [AF_INET, 32, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, ...attribute(1, ip)];
    const length = 16 + payload.length;
    this.#user.send(
      this.#fd,
      Uint8Array.from([...little(length), GETROUTE, 0, 1, 0, 7, 0, 0, 0, 0, 0, 0, 0, ...payload]),
    );
    const [answer] = messagesIn(this.#user.receive(this.#fd) as string, 12);
    if (answer!.type === NLMSG_ERROR) return new DataView(answer!.payload.buffer).getInt32(0, true);
    return [...answer!.attributes.get(5)!].join(".");
  }
}
