/**
 * One UDP socket of a tab, on sockets of this host: one for each IP version. Who was not written to is not heard. What
 * is for the tab's name server goes to this host's own, whichever they are; who asks again asks the next one.
 */
import { EACCES } from "@stratos/abi";
import type { HostAddress, HostSocket, HostSocketEvents } from "@stratos/host";
import { DATAGRAM_MAX, NAME_PORT, RELAY_NETWORK } from "@stratos/host-browser/relay";
import { ipOfText, textOfIp } from "@stratos/kernel";
import type { PolicySockets } from "@stratos/sdk/policy-sockets";
import { placeText, type RelayLink } from "./relay-link.ts";

const PEERS_MAX = 256;
const QUESTIONS_MAX = 64;
const SCRATCH = new Uint8Array(DATAGRAM_MAX);

export class RelayDatagrams implements HostSocketEvents {
  readonly #link: RelayLink;
  readonly #id: number;
  readonly #sockets: PolicySockets;
  readonly #hosts = new Map<4 | 6, HostSocket>();
  /** By the place that was written to, as whom the tab knows it; the oldest is forgotten first. */
  readonly #peers = new Map<string, HostAddress>();
  /** By a question's number, how often it was asked. */
  readonly #questions = new Map<number, number>();
  #isReadDue = false;
  #isClosed = false;
  #sent = 0;
  #received = 0;
  #refused = 0;

  constructor(link: RelayLink, id: number, sockets: PolicySockets) {
    this.#link = link;
    this.#id = id;
    this.#sockets = sockets;
  }

  /** @param to  as the tab knows it. @param place  where that is */
  send(to: HostAddress, place: HostAddress, bytes: Uint8Array): void {
    const server = to.address === RELAY_NETWORK.names && to.port === NAME_PORT ? this.#serverFor(bytes) : null;
    if (server === null && !this.#sockets.permits(place, "udp")) {
      this.#refused++;
      if (this.#peers.size > 0) return;
      const words = `the relay permits no datagrams to ${placeText(place)}`;
      this.#link.send({ kind: "failed", id: this.#id, errno: EACCES, words });
      return this.close();
    }
    const real = server ?? place;
    const host = this.#hostFor(real.family);
    if (host === null) return;
    this.#peers.delete(keyOf(real));
    if (this.#peers.size >= PEERS_MAX) this.#peers.delete(this.#peers.keys().next().value!);
    this.#peers.set(keyOf(real), to);
    if (host.write(bytes, 0, bytes.length, real) >= 0) this.#sent += bytes.length;
  }

  #serverFor(question: Uint8Array): HostAddress | null {
    const servers = this.#sockets.nameServers();
    if (servers.length === 0 || question.length < 2) return null;
    const number = (question[0]! << 8) | question[1]!;
    const asked = this.#questions.get(number) ?? 0;
    if (this.#questions.size >= QUESTIONS_MAX) this.#questions.clear();
    this.#questions.set(number, asked + 1);
    const address = servers[asked % servers.length]!;
    return { family: address.includes(":") ? 6 : 4, address, port: NAME_PORT };
  }

  #hostFor(family: 4 | 6): HostSocket | null {
    const present = this.#hosts.get(family);
    if (present !== undefined) return present;
    const made = this.#sockets.create(family, "datagram", this);
    if (typeof made === "number") return null;
    this.#hosts.set(family, made);
    return made;
  }

  changed(): void {
    this.resume();
  }

  resume(): void {
    if (this.#isReadDue || this.#isClosed) return;
    this.#isReadDue = true;
    this.#link.soon(() => {
      this.#isReadDue = false;
      for (const host of this.#hosts.values()) this.#read(host);
    });
  }

  #read(host: HostSocket): void {
    // A host without a way, or a peer without a program: UDP promises nothing.
    host.takeError();
    for (;;) {
      const count = host.read(SCRATCH, 0, SCRATCH.length, false);
      if (count < 0) return;
      const from = host.lastSender;
      const to = from === null ? undefined : this.#peers.get(keyOf(from));
      if (to === undefined || !this.#link.hasRoom) continue;
      this.#received += count;
      this.#link.send({ kind: "datagram", id: this.#id, to, bytes: SCRATCH.subarray(0, count) });
    }
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    for (const host of this.#hosts.values()) host.close();
    this.#link.forget(this.#id);
    const first = [...this.#peers.keys()].slice(0, 8).join(" ");
    const more = this.#peers.size > 8 ? ` and ${this.#peers.size - 8} more` : "";
    const refused = this.#refused === 0 ? "" : `, ${this.#refused} datagrams refused`;
    const target = `${first}${more}, ${this.#sent} bytes sent, ${this.#received} received${refused}`;
    this.#link.note({ operation: "relayUdp", target, status: this.#peers.size === 0 ? 403 : 200 });
  }
}

/** However the host writes it. */
function keyOf({ address, port }: HostAddress): string {
  const ip = ipOfText(address);
  return placeText({ address: ip === null ? address : textOfIp(ip), port });
}
