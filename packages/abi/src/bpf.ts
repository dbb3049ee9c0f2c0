/**
 * bpf(2) and the instructions of its programs, as far as they differ from classic BPF (seccomp.ts).
 * Source: Linux include/uapi/linux/{bpf,bpf_common}.h; RFC 9669 for the instruction set.
 */
import { hex32, i16, i32, pointer, struct, u8, u32 } from "./struct.ts";

export const BpfInsn = struct("bpf_insn", { code: u8, regs: u8, off: i16, imm: i32 });

/** Parts of `union bpf_attr`, by command. */
export const BpfLoadAttr = struct("bpf_attr (BPF_PROG_LOAD)", {
  prog_type: u32,
  insn_cnt: u32,
  insns: pointer,
  license: pointer,
  log_level: u32,
  log_size: u32,
  log_buf: pointer,
});
export const BpfAttachAttr = struct("bpf_attr (BPF_PROG_ATTACH)", {
  target_fd: u32,
  attach_bpf_fd: u32,
  attach_type: u32,
  attach_flags: hex32,
  replace_bpf_fd: u32,
});
export const BpfQueryAttr = struct("bpf_attr (BPF_PROG_QUERY)", {
  target_fd: u32,
  attach_type: u32,
  query_flags: hex32,
  attach_flags: hex32,
  prog_ids: pointer,
  prog_cnt: u32,
});
/** What a program of BPF_PROG_TYPE_CGROUP_DEVICE is told. */
export const BpfDeviceContext = struct("bpf_cgroup_dev_ctx", { access_type: u32, major: u32, minor: u32 });

export const BPF_PROG_LOAD = 5,
  BPF_PROG_ATTACH = 8,
  BPF_PROG_DETACH = 9,
  BPF_PROG_GET_FD_BY_ID = 13,
  BPF_PROG_QUERY = 16;
export const BPF_PROG_TYPE_CGROUP_SKB = 8,
  BPF_PROG_TYPE_CGROUP_DEVICE = 15,
  BPF_CGROUP_DEVICE = 6;
export const BPF_F_ALLOW_OVERRIDE = 1,
  BPF_F_ALLOW_MULTI = 2,
  BPF_F_REPLACE = 4,
  BPF_F_QUERY_EFFECTIVE = 1;
export const BPF_DEVCG_DEV_BLOCK = 1,
  BPF_DEVCG_DEV_CHAR = 2;
export const BPF_DEVCG_ACC_MKNOD = 1,
  BPF_DEVCG_ACC_READ = 2,
  BPF_DEVCG_ACC_WRITE = 4;

export const BPF_JMP32 = 0x06,
  BPF_ALU64 = 0x07,
  BPF_DW = 0x18;
export const BPF_MOV = 0xb0,
  BPF_ARSH = 0xc0;
export const BPF_JNE = 0x50,
  BPF_JSGT = 0x60,
  BPF_JSGE = 0x70,
  BPF_EXIT = 0x90,
  BPF_JLT = 0xa0,
  BPF_JLE = 0xb0,
  BPF_JSLT = 0xc0,
  BPF_JSLE = 0xd0;
