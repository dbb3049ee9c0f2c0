/** What rules ask of the computer that they are part of. Addresses are bytes of the packet, 4 or 16 of them. */
export interface PacketHost {
  /** Nanoseconds of a clock that only goes forward. */
  now(): number;
  /** Milliseconds since 1970. */
  realtimeMs(): number;
  /** 32 bits. */
  random(): number;
  /** Of an interface by its index; "": it has none. */
  interfaceName(index: number): string;
  /** Of the bridge that an interface is a port of; "": of none. */
  bridgeName(index: number): string;
  /** ARPHRD_*, and the group of an interface (ip-link(8)). */
  interfaceType(index: number): number;
  interfaceGroup(index: number): number;
  /** RTN_*: what an address is to this machine. @param device  of that interface; 0: of any */
  addressType(bytes: Uint8Array, at: number, isV6: boolean, device: number): number;
  /** The interface that packets to there leave by; 0: none. */
  routeDevice(bytes: Uint8Array, at: number, isV6: boolean): number;
  /**
   * The address of an interface to speak to `toward` from, into `into` as four words; IPv4 is the last.
   *
   * @returns has it one?
   */
  sourceOf(device: number, toward: Uint8Array, at: number, isV6: boolean, into: Uint32Array): boolean;
  /** Bytes that a packet may have that leaves by it. */
  mtu(index: number): number;
  /** A line for the kernel's messages. @param level  of syslog(3) */
  log(level: number, line: string): void;
}
