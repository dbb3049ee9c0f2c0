import type { SocketProvider } from "@stratos/host";
import type { IpAddress } from "../ip-address.ts";

/** What an uplink asks of the machine that it is part of. */
export interface UplinkHost {
  /** Whose sockets carry what packets bring. */
  readonly provider: SocketProvider;
  /** Bytes that an IP packet there may have. */
  readonly mtu: number;
  /** Nanoseconds of a clock that only goes forward. */
  now(): number;
  /** `advance` is to be called then; Infinity: never. */
  wakeAt(deadlineNs: number): void;
  /** The same at the machine's next turn, which there is to be: something came from outside of all calls. */
  wakeNow(): void;
  /** Has the machine this address outside? Nobody there knows of others. */
  isOutside(ip: IpAddress): boolean;
  /** One that it has; null: none of that version. */
  addressOutside(isV6: boolean): IpAddress | null;
  /** A packet comes in from outside; its bytes are kept. Nothing is handed back meanwhile. @returns is there room? */
  arrive(packet: Uint8Array): boolean;
  /** A packet asked for an echo, and the host has none to give. */
  echoesNothing(): void;
  /** Connections hold so many bytes more. */
  charge(bytes: number): void;
  /** The machine has no memory for further connections' bytes. */
  readonly isShort: boolean;
}
