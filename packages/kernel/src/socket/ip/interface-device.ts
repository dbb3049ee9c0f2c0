import { stateClass } from "@stratos/base";
import type { IpDevice } from "@stratos/netstack";
import type { NetworkInterface } from "../network-interface.ts";
import { sendFrame } from "../packet/interface-frames.ts";
import { ethernetTypeOf } from "../packet/packet-address.ts";

/** An interface as the IP layer knows it. */
export class InterfaceDevice implements IpDevice {
  readonly own: NetworkInterface;

  constructor(own: NetworkInterface) {
    this.own = own;
  }

  get index(): number {
    return this.own.index;
  }

  get mtu(): number {
    return this.own.mtu;
  }

  get mtuV6(): number {
    return Math.min(this.own.mtu, this.own.mtuV6);
  }

  get hardwareAddress(): Uint8Array {
    return this.own.hardwareAddress;
  }

  get isEthernet(): boolean {
    return this.own.hasFrames && !this.own.isLoopback;
  }

  get asksNeighbours(): boolean {
    return !this.own.isNoArp;
  }

  get isUp(): boolean {
    return this.own.isUp;
  }

  get isLoopback(): boolean {
    return this.own.isLoopback;
  }

  transmit(bytes: Uint8Array, length: number): void {
    if (this.own.isLoopback) return this.own.network.ip.loop(this.own, bytes, length);
    const frame = bytes.subarray(0, length);
    sendFrame(this.own, frame, ethernetTypeOf(this.own, frame), null);
  }

  static {
    stateClass("InterfaceDevice", this);
  }
}
