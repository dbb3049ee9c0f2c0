/** Policies of memory (numa(7)), and how an area keeps its own. */
import { MPOL_F_RELATIVE_NODES, MPOL_F_STATIC_NODES } from "@stratos/abi";
import { AREA_POLICY_MASK, AREA_POLICY_SHIFT } from "./area.ts";

/** MPOL_* with its flags, and whether the one node is in its set. */
export interface MemoryPolicy {
  mode: number;
  hasNode: boolean;
}

/** Flags of an area with this policy: three bits of mode, three of its flags, one for the node. */
export function withPolicy(flags: number, { mode, hasNode }: MemoryPolicy): number {
  const bits = (mode & 7) | ((mode >> 13) << 3) | (hasNode ? 64 : 0);
  return (flags & ~AREA_POLICY_MASK) | (bits << AREA_POLICY_SHIFT);
}

export function policyOf(flags: number): MemoryPolicy {
  const bits = (flags & AREA_POLICY_MASK) >> AREA_POLICY_SHIFT;
  return { mode: (bits & 7) | (((bits >> 3) & 7) << 13), hasNode: (bits & 64) !== 0 };
}

/** By mode (mm/mempolicy.c, policy_modes). */
const WORDS = ["default", "prefer", "bind", "interleave", "local", "prefer (many)", "weighted interleave"];

/** As /proc/PID/numa_maps says it: `bind=static:0`. */
export function describePolicy({ mode, hasNode }: MemoryPolicy): string {
  const flag = (mode & MPOL_F_STATIC_NODES) !== 0 ? "=static" : (mode & MPOL_F_RELATIVE_NODES) !== 0 ? "=relative" : "";
  return `${WORDS[mode & 7]}${flag}${hasNode ? ":0" : ""}`;
}
