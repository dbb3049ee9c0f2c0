/** The rings of a packet socket, in the one piece of memory that programs map: what receives, then what sends. */
import {
  EBUSY,
  EINVAL,
  ENOPROTOOPT,
  PACKET_HDRLEN,
  PACKET_LOSS,
  PACKET_RESERVE,
  PACKET_RX_RING,
  PACKET_TX_RING,
  PACKET_VERSION,
  TPACKET_V1,
  TPACKET_V3,
  isErrno,
} from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { MemoryAccount } from "../../frames/memory-account.ts";
import type { PageCache } from "../../frames/page-cache.ts";
import { intOption, optionInt } from "../socket-options.ts";
import { ReceiveRing, type RingOwner } from "./receive-ring.ts";
import { frameHeadSize, parseRingRequest, type RingLayout, ringSize } from "./ring-layout.ts";
import { RingMemory } from "./ring-memory.ts";
import { SendRing } from "./send-ring.ts";

export class PacketRings {
  #owner: RingOwner;
  #account: MemoryAccount;
  #version: number = TPACKET_V1;
  #reserve = 0;
  /** PACKET_LOSS: what can't be sent is passed over. */
  skipsBad = false;
  #memory: RingMemory | null = null;
  receive: ReceiveRing | null = null;
  send: SendRing | null = null;

  constructor(owner: RingOwner, account: MemoryAccount) {
    this.#owner = owner;
    this.#account = account;
  }

  get isOfBlocks(): boolean {
    return this.#version === TPACKET_V3;
  }

  get #isEmpty(): boolean {
    return this.receive === null && this.send === null;
  }

  /** For mmap(2) of all of it. @returns −EINVAL no ring, or not just all */
  mapping(offset: number, length: number): PageCache | number {
    const size = ringSize(this.receive?.layout ?? null) + ringSize(this.send?.layout ?? null);
    return this.#memory === null || offset !== 0 || length !== size ? -EINVAL : this.#memory.pages;
  }

  /** setsockopt(2): −EINVAL; −EBUSY what may not change while there is a ring, or while it is mapped. */
  setOption(name: number, value: Uint8Array): number {
    if (name === PACKET_RX_RING || name === PACKET_TX_RING) return this.#setRing(name, value);
    if (value.length !== 4) return -EINVAL;
    const number = optionInt(value);
    if (name === PACKET_VERSION && (number < TPACKET_V1 || number > TPACKET_V3)) return -EINVAL;
    if (name === PACKET_RESERVE && number < 0) return -EINVAL;
    if (!this.#isEmpty) return -EBUSY;
    if (name === PACKET_VERSION) this.#version = number;
    else if (name === PACKET_RESERVE) this.#reserve = number;
    else this.skipsBad = number !== 0;
    return 0;
  }

  /** getsockopt(2). @param argument  what stands in the value's place: PACKET_HDRLEN asks for a version's */
  getOption(name: number, argument: number): Uint8Array | number {
    switch (name) {
      case PACKET_VERSION:
        return intOption(this.#version);
      case PACKET_HDRLEN:
        return argument < TPACKET_V1 || argument > TPACKET_V3 ? -EINVAL : intOption(frameHeadSize(argument));
      case PACKET_RESERVE:
        return intOption(this.#reserve);
      case PACKET_LOSS:
        return intOption(this.skipsBad ? 1 : 0);
      default:
        return -ENOPROTOOPT;
    }
  }

  #setRing(name: number, value: Uint8Array): number {
    const sends = name === PACKET_TX_RING;
    const layout = parseRingRequest(value, this.#version, this.#reserve, sends);
    const before = sends ? this.send : this.receive;
    // In Linux's order: a ring that stands, or is mapped, is told before what is wrong with the new one.
    if (this.#memory?.isMapped === true) return -EBUSY;
    if (before !== null && layout !== null) return -EBUSY;
    if (isErrno(layout)) return layout;
    const receives = sends ? (this.receive?.layout ?? null) : layout;
    this.#lay(receives, sends ? layout : (this.send?.layout ?? null));
    return 0;
  }

  /** Both anew, with nothing in them: nobody has mapped them. */
  #lay(receives: RingLayout | null, sends: RingLayout | null): void {
    this.release();
    if (receives === null && sends === null) return;
    this.#memory = new RingMemory(this.#account);
    if (receives !== null) this.receive = new ReceiveRing(receives, this.#memory, this.#reserve, this.#owner);
    if (sends !== null) this.send = new SendRing(sends, this.#memory, ringSize(receives));
  }

  /** The socket is closed, or its rings are laid anew. */
  release(): void {
    this.receive?.stop();
    this.receive = this.send = null;
    this.#memory?.release();
    this.#memory = null;
  }

  static {
    stateClass("PacketRings", this, {
      save: (it) => ({
        owner: it.#owner,
        account: it.#account,
        version: it.#version,
        reserve: it.#reserve,
        memory: it.#memory,
      }),
      load: (it, from) =>
        ({
          owner: it.#owner,
          account: it.#account,
          version: it.#version,
          reserve: it.#reserve,
          memory: it.#memory,
        } = from),
    });
  }
}
