/**
 * The register file: sixteen bytes for the verdict, which isn't kept here, and sixteen words. Numbers of the machine
 * lie in it as they do in its memory, lowest byte first; those of packets as packets have them. One for all packets.
 */
export const REGISTERS = new Uint8Array(80 + 4);

export function putWord(at: number, value: number): void {
  REGISTERS[at] = value;
  REGISTERS[at + 1] = value >>> 8;
  REGISTERS[at + 2] = value >>> 16;
  REGISTERS[at + 3] = value >>> 24;
}

export function wordOf(at: number): number {
  return (REGISTERS[at]! | (REGISTERS[at + 1]! << 8) | (REGISTERS[at + 2]! << 16) | (REGISTERS[at + 3]! << 24)) >>> 0;
}

/** One byte, and zeros behind it. */
export function putByte(at: number, value: number): void {
  putWord(at, value & 255);
}

/** Sixteen bits in network order. */
export function putNetworkShort(at: number, value: number): void {
  REGISTERS[at] = value >>> 8;
  REGISTERS[at + 1] = value;
  REGISTERS[at + 2] = REGISTERS[at + 3] = 0;
}

/** Thirty-two bits in network order. */
export function putNetworkWord(at: number, value: number): void {
  REGISTERS[at] = value >>> 24;
  REGISTERS[at + 1] = value >>> 16;
  REGISTERS[at + 2] = value >>> 8;
  REGISTERS[at + 3] = value;
}

export function putDouble(at: number, value: number): void {
  putWord(at, value % 2 ** 32);
  putWord(at + 4, Math.floor(value / 2 ** 32));
}

/** A name in sixteen bytes, with zeros behind it. */
export function putName(at: number, name: string): void {
  for (let index = 0; index < 16; index++) REGISTERS[at + index] = index < name.length ? name.charCodeAt(index) : 0;
}
