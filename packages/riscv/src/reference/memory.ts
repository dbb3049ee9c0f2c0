/** What the reference hart sees of memory. Addresses are u64; values are unsigned, little-endian. */
export interface ReferenceMemory {
  load(address: bigint, size: number): bigint;
  store(address: bigint, size: number, value: bigint): void;
}

/** An access where nothing is mapped. */
export class UnmappedAccess extends Error {
  readonly address: bigint;

  constructor(address: bigint) {
    super(`nothing is mapped at 0x${address.toString(16)}`);
    this.address = address;
  }
}

/** Ranges of bytes at fixed addresses. */
export class RangeMemory implements ReferenceMemory {
  readonly #ranges: { readonly start: number; readonly bytes: Uint8Array }[] = [];

  add(start: number, bytes: Uint8Array): void {
    this.#ranges.push({ start, bytes });
  }

  load(address: bigint, size: number): bigint {
    let value = 0n;
    for (let index = size - 1; index >= 0; index--) {
      const { bytes, offset } = this.#find(address + BigInt(index));
      value = (value << 8n) | BigInt(bytes[offset]!);
    }
    return value;
  }

  store(address: bigint, size: number, value: bigint): void {
    for (let index = 0; index < size; index++) {
      const { bytes, offset } = this.#find(address + BigInt(index));
      bytes[offset] = Number((value >> BigInt(index * 8)) & 0xffn);
    }
  }

  #find(address: bigint): { bytes: Uint8Array; offset: number } {
    for (const { start, bytes } of this.#ranges) {
      const offset = Number(address) - start;
      if (offset >= 0 && offset < bytes.length) return { bytes, offset };
    }
    throw new UnmappedAccess(address);
  }
}
