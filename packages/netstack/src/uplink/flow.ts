import { stateClass } from "@stratos/base";
import type { HostAddress, HostSocketEvents } from "@stratos/host";
import { copyIp, type IpAddress, isV4 } from "../ip-address.ts";
import { textOfIp } from "../ip-text.ts";
import type { IncomingPacket } from "../ip-packet.ts";
import { shortAt } from "../ethernet.ts";
import type { TableEntry } from "../tcp/connection-table.ts";
import { PLAINLY } from "./uplink-output.ts";

/** What flows have of their uplink. */
export interface FlowUplink {
  /** There is something to look at. */
  isDue(flow: HostSocketEvents): void;
}

/** What goes between a station inside (`remote`) and one outside (`local`, for which the uplink speaks). */
export abstract class Flow implements TableEntry, HostSocketEvents {
  readonly uplink: FlowUplink;
  readonly local: IpAddress = new Uint32Array(4);
  localPort = 0;
  readonly remote: IpAddress = new Uint32Array(4);
  remotePort = 0;
  readonly how = PLAINLY;
  nextInBucket: TableEntry | null = null;
  /** When something came or went last. */
  usedNs: number;

  /** @param packet  of TCP or UDP, checked, on its way out; null: what comes in, whose ends are told later */
  constructor(uplink: FlowUplink, packet: IncomingPacket | null, nowNs: number) {
    this.uplink = uplink;
    this.usedNs = nowNs;
    if (packet === null) return;
    copyIp(packet.destination, this.local);
    copyIp(packet.source, this.remote);
    this.remotePort = shortAt(packet.bytes, packet.payloadAt);
    this.localPort = shortAt(packet.bytes, packet.payloadAt + 2);
  }

  get peer(): HostAddress {
    return { family: isV4(this.local) ? 4 : 6, address: textOfIp(this.local), port: this.localPort };
  }

  changed(): void {
    this.uplink.isDue(this);
  }

  static {
    stateClass("uplink.Flow", this);
  }
}
