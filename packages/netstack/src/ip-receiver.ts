import type { IpAddress } from "./ip-address.ts";

/** What the layer below hands to a transport, by its protocol's number. */
export interface IpReceiver {
  /** One packet's payload, `bytes[at … at + length)`: valid during the call. `device`: the interface it came in by. */
  receive(
    source: IpAddress,
    destination: IpAddress,
    bytes: Uint8Array,
    at: number,
    length: number,
    trafficClass: number,
    device: number,
  ): void;
  /** ICMP refused a packet from `source` to `destination` that began with these bytes of payload. */
  unreachable(
    destination: IpAddress,
    source: IpAddress,
    errno: number,
    bytes: Uint8Array,
    at: number,
    length: number,
  ): void;
}
