/**
 * The A extension on one hart (Unprivileged ISA, chapter 14): orderings mean nothing, each operation is indivisible
 * anyway.
 */
import type { Semantics } from "./semantics.ts";

/** A value of `size` bytes as rd sees it: sign-extended. */
const extend = (size: number, value: bigint): bigint => BigInt.asIntN(size * 8, value);

function loadReserved(size: number): Semantics {
  return (hart, { rd, rs1 }) => {
    const address = hart.x[rs1]!;
    const value = hart.memory.load(address, size);
    hart.reservation = { address, value: extend(size, value) };
    hart.setX(rd, extend(size, value));
  };
}

/**
 * Succeeds when the reserved address still holds the value that LR saw, as qemu's user mode has it; the reservation
 * ends either way.
 */
function storeConditional(size: number): Semantics {
  return (hart, { rd, rs1, rs2 }) => {
    const address = hart.x[rs1]!;
    const reservation = hart.reservation;
    const succeeds =
      reservation !== null &&
      reservation.address === address &&
      extend(size, hart.memory.load(address, size)) === extend(size, reservation.value);
    if (succeeds) hart.memory.store(address, size, BigInt.asUintN(size * 8, hart.x[rs2]!));
    hart.reservation = null;
    hart.setX(rd, succeeds ? 0n : 1n);
  };
}

/** rd = old value; memory = combine(old, rs2), both signed. */
function amo(size: number, combine: (old: bigint, operand: bigint) => bigint): Semantics {
  return (hart, { rd, rs1, rs2 }) => {
    const address = hart.x[rs1]!;
    const old = extend(size, hart.memory.load(address, size));
    const result = combine(old, extend(size, hart.x[rs2]!));
    hart.memory.store(address, size, BigInt.asUintN(size * 8, result));
    hart.setX(rd, old);
  };
}

function both(size: number, suffix: string): [string, Semantics][] {
  const unsigned = (value: bigint): bigint => BigInt.asUintN(size * 8, value);
  return [
    [`lr.${suffix}`, loadReserved(size)],
    [`sc.${suffix}`, storeConditional(size)],
    [`amoswap.${suffix}`, amo(size, (_, operand) => operand)],
    [`amoadd.${suffix}`, amo(size, (old, operand) => old + operand)],
    [`amoxor.${suffix}`, amo(size, (old, operand) => old ^ operand)],
    [`amoand.${suffix}`, amo(size, (old, operand) => old & operand)],
    [`amoor.${suffix}`, amo(size, (old, operand) => old | operand)],
    [`amomin.${suffix}`, amo(size, (old, operand) => (old < operand ? old : operand))],
    [`amomax.${suffix}`, amo(size, (old, operand) => (old > operand ? old : operand))],
    [`amominu.${suffix}`, amo(size, (old, operand) => (unsigned(old) < unsigned(operand) ? old : operand))],
    [`amomaxu.${suffix}`, amo(size, (old, operand) => (unsigned(old) > unsigned(operand) ? old : operand))],
  ];
}

export const ATOMIC_SEMANTICS: Readonly<Record<string, Semantics>> = Object.fromEntries([
  ...both(4, "w"),
  ...both(8, "d"),
]);
