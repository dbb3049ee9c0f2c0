/** Restartable sequences. Source: Linux include/uapi/linux/rseq.h. */
import { hex32, pointer, struct, u32, u64 } from "./struct.ts";

export const RSEQ_FLAG_UNREGISTER = 1;
/** `cpu_id` of what is not registered. */
export const RSEQ_CPU_ID_UNINITIALIZED = -1;
/** The first form of the structure: registered in this size, it has to be aligned to it. */
export const RSEQ_ORIGINAL_SIZE = 32;
/** Of the fields that the kernel knows: what AT_RSEQ_FEATURE_SIZE says. */
export const RSEQ_FEATURE_SIZE = 28;

/** What a thread shares with the kernel: where it runs, and the sequence that it is in. */
export const Rseq = struct(
  "rseq",
  { cpu_id_start: u32, cpu_id: u32, rseq_cs: pointer, flags: hex32, node_id: u32, mm_cid: u32 },
  { align: 32 },
);
/** A sequence: from `start_ip` so many bytes, and where its thread goes on when it was disturbed there. */
export const RseqCs = struct(
  "rseq_cs",
  { version: u32, flags: hex32, start_ip: pointer, post_commit_offset: u64, abort_ip: pointer },
  { align: 32 },
);
