/**
 * A packet runs through a chain and those that it calls (net/netfilter/nf_tables_core.c, nft_do_chain). Nothing is
 * allocated. Work: a step each, RULES_MAX rules; a packet that meets more is dropped.
 */
import {
  NFT_BREAK,
  NFT_CMP_EQ,
  NFT_CMP_GT,
  NFT_CMP_LT,
  NFT_CMP_LTE,
  NFT_CMP_NEQ,
  NFT_CONTINUE,
  NFT_JUMP,
  NFT_RETURN,
  NF_ACCEPT,
} from "@stratos/abi";
import type { PacketView } from "../track/packet-view.ts";
import { Verdict } from "../rules/ruleset.ts";
import { evaluateOther } from "./evaluate.ts";
import { ACCEPTED, MATCHED, NOT_MATCHED, RETURNED } from "./outcome.ts";
import { payloadPlace } from "./payload.ts";
import { loadConnection, loadMeta } from "./load.ts";
import { type Program, Step } from "./program.ts";
import { REGISTERS } from "./registers.ts";
import type { Surroundings } from "./surroundings.ts";

/** What becomes of a packet; the last: the chain's policy says it. */
export const DROP = 0,
  ACCEPT = 1,
  BY_POLICY = -100;
const RULES_MAX = 1_000_000;
const CALLS = new Int32Array(16);

export function run(program: Program, start: number, packet: PacketView, around: Surroundings): number {
  const { code, constants, sets, counters, others } = program;
  const { host } = around;
  let pc = start;
  let next = start;
  let depth = 0;
  let left = RULES_MAX;
  for (;;) {
    switch (code[pc]) {
      case Step.rule:
        next = code[pc + 1]!;
        pc += 2;
        if (--left === 0) return DROP;
        break;
      case Step.end:
        if (depth === 0) return BY_POLICY;
        pc = CALLS[--depth]!;
        break;
      case Step.accept:
        return ACCEPT;
      case Step.drop:
        return DROP;
      case Step.jump:
        if (depth === CALLS.length) return DROP;
        CALLS[depth++] = next;
        pc = code[pc + 1]!;
        break;
      case Step.goto:
        pc = code[pc + 1]!;
        break;
      case Step.payload:
        pc = loadPayload(packet, code[pc + 1]!, code[pc + 2]!, code[pc + 3]!, code[pc + 4]!) ? pc + 5 : next;
        break;
      case Step.compare:
        pc = holds(code[pc + 1]!, compareAt(code[pc + 2]!, code[pc + 3]!, constants[code[pc + 4]!]!)) ? pc + 5 : next;
        break;
      case Step.mask:
        maskAt(code[pc + 1]!, code[pc + 2]!, constants[code[pc + 3]!]!, constants[code[pc + 4]!]!, code[pc + 5]!);
        pc += 6;
        break;
      case Step.load:
        loadConstant(code[pc + 1]!, code[pc + 2]!, constants[code[pc + 3]!]!);
        pc += 4;
        break;
      case Step.lookup: {
        const set = sets[code[pc + 1]!]!;
        const found = set.find(REGISTERS, code[pc + 2]!, around.nowNs);
        if ((found === null) !== (code[pc + 3] === 1)) pc = next;
        else pc = found === null || touches(found.expressions, packet, around) ? pc + 4 : next;
        break;
      }
      case Step.map: {
        const found = sets[code[pc + 1]!]!.find(REGISTERS, code[pc + 2]!, around.nowNs);
        if (found === null || !(found.data instanceof Uint8Array)) pc = next;
        else {
          loadConstant(code[pc + 3]!, found.data.length, found.data);
          pc = touches(found.expressions, packet, around) ? pc + 4 : next;
        }
        break;
      }
      case Step.verdictMap: {
        const found = sets[code[pc + 1]!]!.find(REGISTERS, code[pc + 2]!, around.nowNs);
        const data = found === null ? null : found.data;
        if (!(data instanceof Verdict) || !touches(found!.expressions, packet, around)) pc = next;
        else if (data.code >= 0) return data.code === NF_ACCEPT ? ACCEPT : DROP;
        else if (data.code === NFT_CONTINUE) pc += 3;
        else if (data.code === NFT_BREAK) pc = next;
        else if (data.code === NFT_RETURN) {
          if (depth === 0) return BY_POLICY;
          pc = CALLS[--depth]!;
        } else {
          if (data.code === NFT_JUMP) {
            if (depth === CALLS.length) return DROP;
            CALLS[depth++] = next;
          }
          pc = data.chain!.start;
        }
        break;
      }
      case Step.meta:
        pc = loadMeta(packet, host, code[pc + 1]!, code[pc + 2]!) ? pc + 3 : next;
        break;
      case Step.connection:
        pc = loadConnection(packet, around.nowNs, code[pc + 1]!, code[pc + 2]!, code[pc + 3]!) ? pc + 4 : next;
        break;
      case Step.counter: {
        const counter = counters[code[pc + 1]!]!;
        counter[0]!++;
        counter[1]! += packet.length;
        pc += 2;
        break;
      }
      case Step.other: {
        const outcome = evaluateOther(others[code[pc + 1]!]!, packet, around);
        if (outcome === MATCHED) pc += 2;
        else if (outcome === NOT_MATCHED) pc = next;
        else if (outcome === RETURNED) {
          if (depth === 0) return BY_POLICY;
          pc = CALLS[--depth]!;
        } else return outcome === ACCEPTED ? ACCEPT : DROP;
        break;
      }
      default:
        pc = next;
    }
  }
}

/** What an element counts. @returns does it let the packet by? */
function touches(
  expressions: readonly Parameters<typeof evaluateOther>[0][],
  packet: PacketView,
  around: Surroundings,
): boolean {
  for (let at = 0; at < expressions.length; at++)
    if (evaluateOther(expressions[at]!, packet, around) !== MATCHED) return false;
  return true;
}

function loadPayload(packet: PacketView, base: number, offset: number, length: number, to: number): boolean {
  const from = payloadPlace(packet, base);
  if (from < 0 || from + offset + length > packet.end) return false;
  const { bytes } = packet;
  for (let index = 0; index < length; index++) REGISTERS[to + index] = bytes[from + offset + index]!;
  // The rest of the last word is zero.
  for (let index = length; (index & 3) !== 0; index++) REGISTERS[to + index] = 0;
  return true;
}

function compareAt(at: number, length: number, data: Uint8Array): number {
  for (let index = 0; index < length; index++) {
    const difference = REGISTERS[at + index]! - data[index]!;
    if (difference !== 0) return difference;
  }
  return 0;
}

function holds(operation: number, order: number): boolean {
  switch (operation) {
    case NFT_CMP_EQ:
      return order === 0;
    case NFT_CMP_NEQ:
      return order !== 0;
    case NFT_CMP_LT:
      return order < 0;
    case NFT_CMP_LTE:
      return order <= 0;
    case NFT_CMP_GT:
      return order > 0;
    default:
      return order >= 0;
  }
}

function maskAt(from: number, length: number, mask: Uint8Array, xor: Uint8Array, to: number): void {
  for (let index = 0; index < length; index++)
    REGISTERS[to + index] = (REGISTERS[from + index]! & mask[index]!) ^ xor[index]!;
  for (let index = length; (index & 3) !== 0; index++) REGISTERS[to + index] = 0;
}

function loadConstant(to: number, length: number, data: Uint8Array): void {
  for (let index = 0; index < length; index++) REGISTERS[to + index] = data[index]!;
  for (let index = length; (index & 3) !== 0; index++) REGISTERS[to + index] = 0;
}
