/**
 * Datagrams from outside that are to come in as packets, so that rules see them: what somebody outside sends to a port
 * that a socket of the machine has at the host.
 */
import { EAGAIN, IPPROTO_UDP } from "@stratos/abi";
import { stateClass } from "@stratos/base";
import type { HostAddress } from "@stratos/host";
import { copyIp, type IpAddress } from "../ip-address.ts";
import type { IpOutput } from "../ip-output.ts";
import { UDP_HEADER_SIZE, writeUdpHeader } from "../udp.ts";
import { Flow, type FlowUplink } from "./flow.ts";
import { PLAINLY } from "./uplink-output.ts";

/** Where they come from: a socket of the host. */
export interface IncomingDatagrams {
  /** That it has inside. */
  readonly port: number;
  /** Where it stands at the host. */
  readonly at: string;
  /** @returns bytes of one that waits, or −EAGAIN */
  take(bytes: Uint8Array, at: number, length: number): number;
  /** Who sent that one. */
  readonly sender: HostAddress;
  /** Answers somebody outside. @returns a count, or a negated errno */
  answer(bytes: Uint8Array, at: number, length: number, to: HostAddress): number;
}

/** Between somebody outside, who began it, and who has the port inside: by the socket of the host that has it there. */
export class IncomingUdpFlow extends Flow {
  readonly door: IncomingDatagrams;
  /** Who `local` stands for. */
  readonly sender: HostAddress;

  constructor(uplink: FlowUplink, door: IncomingDatagrams, local: IpAddress, own: IpAddress, nowNs: number) {
    super(uplink, null, nowNs);
    this.door = door;
    this.sender = door.sender;
    copyIp(local, this.local);
    copyIp(own, this.remote);
    this.remotePort = door.port;
  }

  isOf({ address, port }: HostAddress): boolean {
    return this.sender.port === port && this.sender.address === address;
  }

  /** @param message  with room for the header before its bytes */
  enter(output: IpOutput, message: Uint8Array, count: number): void {
    const { local, localPort, remote, remotePort } = this;
    const size = UDP_HEADER_SIZE + count;
    writeUdpHeader(message, 0, size, { ip: local, port: localPort }, { ip: remote, port: remotePort });
    output.send(IPPROTO_UDP, local, remote, message, 0, size, PLAINLY);
  }

  send(bytes: Uint8Array, at: number, length: number): number {
    const sent = this.door.answer(bytes, at, length, this.sender);
    // One that the host has no room for is lost.
    return sent === -EAGAIN ? 0 : sent;
  }

  /** What comes, comes by the door. */
  look(): boolean {
    return true;
  }

  end(): void {}

  static {
    stateClass("uplink.IncomingUdpFlow", this);
  }
}
