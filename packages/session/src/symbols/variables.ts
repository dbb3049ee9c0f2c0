/** Which variables a place in a program sees, and what is known of where they are (DWARF 5, 3.3 to 3.5 and 4.1). */
import { byteStringOf, byteStringToUtf8 } from "@stratos/base";
import { addressRanges, locationAt } from "./address-lists.ts";
import { DwarfError } from "./byte-reader.ts";
import { type DataType, typeOf } from "./data-type.ts";
import { AT, type DebugInfo, type Entry } from "./debug-info.ts";
import { evaluateLocation, type Location, type LocationFrame } from "./location.ts";

const TAG = { argument: 0x05, block: 0x0b, inlined: 0x1d, subprogram: 0x2e, variable: 0x34 } as const;
/** Of one function. */
const VARIABLES_MAX = 2000;

export interface Variable {
  readonly name: string;
  readonly isArgument: boolean;
  /** @throws DwarfError */
  type(): DataType;
  /** null: it is nowhere now. @throws DwarfError: it cannot be said */
  locate(frame: FrameValues): Location | null;
  /** Defined in another part of the program. */
  readonly isElsewhere: boolean;
}

/** What a frame has of its own (LocationFrame), without what the function says. */
export type FrameValues = Omit<LocationFrame, "frameBase" | "indexedAddress">;

export interface VisibleVariables {
  /** Of the function, those of the innermost block first. */
  readonly local: readonly Variable[];
  /** Of the file that was compiled. */
  readonly global: (name: string) => Variable | null;
}

/** @param address  as the file has it. @returns null: nothing is said of it */
export function variablesAt(info: DebugInfo, address: number): VisibleVariables | null {
  try {
    const unit = info.unitWhere((root) => hasAddress(info, root, address));
    if (unit === null) return null;
    const chain = chainAt(info, unit, address);
    const base = chain.findLast(({ tag }) => tag === TAG.subprogram) ?? null;
    const local: Variable[] = [];
    for (const scope of chain.toReversed())
      for (const child of scope.children) {
        const isArgument = child.tag === TAG.argument;
        if ((!isArgument && child.tag !== TAG.variable) || local.length >= VARIABLES_MAX) continue;
        const variable = variableOf(info, child, { base, address });
        if (variable !== null) local.push(variable);
      }
    const global = (name: string): Variable | null => globalOf(info, unit, { name, address });
    return { local, global };
  } catch (error) {
    if (error instanceof DwarfError) return null;
    throw error;
  }
}

function hasAddress(info: DebugInfo, entry: Entry, address: number): boolean {
  return addressRanges(info, entry).some(({ start, end }) => address >= start && address < end);
}

/** The function with the address, and the blocks and inlined functions in it; the outermost first. */
function chainAt(info: DebugInfo, unit: Entry, address: number): Entry[] {
  const chain: Entry[] = [];
  // Functions of C++ lie in namespaces and classes, which have no addresses.
  const search = (entries: readonly Entry[], isInside: boolean): boolean => {
    for (const entry of entries) {
      const isCode = entry.tag === TAG.subprogram || entry.tag === TAG.block || entry.tag === TAG.inlined;
      if (!isCode) {
        if (!isInside && entry.children.length > 0 && search(entry.children, false)) return true;
        continue;
      }
      if (!hasAddress(info, entry, address)) continue;
      chain.push(entry);
      search(entry.children, true);
      return true;
    }
    return false;
  };
  search(unit.children, false);
  return chain;
}

function globalOf(info: DebugInfo, unit: Entry, { name, address }: { name: string; address: number }): Variable | null {
  let declared: Variable | null = null;
  for (const entry of unit.children) {
    if (entry.tag !== TAG.variable) continue;
    const variable = variableOf(info, entry, { base: null, address });
    if (variable?.name !== name) continue;
    if (!variable.isElsewhere) return variable;
    declared ??= variable;
  }
  return declared;
}

/** @returns null: it has no name, or makes no sense. @param base  the function that tells the frame's base */
function variableOf(
  info: DebugInfo,
  entry: Entry,
  { base, address }: { base: Entry | null; address: number },
): Variable | null {
  let name: string;
  try {
    name = byteStringToUtf8(info.nameOf(entry));
  } catch (error) {
    if (error instanceof DwarfError) return null;
    throw error;
  }
  if (name === "") return null;
  const constant = entry.attributes.get(AT.constValue);
  return {
    name,
    isArgument: entry.tag === TAG.argument,
    isElsewhere: !entry.attributes.has(AT.location) && entry.attributes.has(AT.declaration),
    type: () => typeOf(info, entry),
    locate: (frame) => {
      if (constant !== undefined) return { kind: "bytes", bytes: constantBytes(constant.value) };
      const place = locationAt(info, entry, AT.location, address);
      if (place === null) return null;
      const frameBase = base === null ? null : locationAt(info, base, AT.frameBase, address);
      const indexedAddress = (index: number): number => info.indexedAddress(entry, index);
      // What another machine's frame has stays its own: nothing is copied.
      return evaluateLocation(place, {
        register: (number) => frame.register(number),
        memory: (at, count) => frame.memory(at, count),
        ...{ cfa: frame.cfa, bias: frame.bias, frameBase, indexedAddress },
      });
    },
  };
}

function constantBytes(value: number | string | Uint8Array): Uint8Array {
  if (typeof value === "string") return byteStringOf(`${value}\0`);
  if (typeof value !== "number") return value;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigInt64(0, Number.isInteger(value) ? BigInt.asIntN(64, BigInt(value)) : 0n, true);
  return bytes;
}
