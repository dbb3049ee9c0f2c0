/**
 * bpf(2) and the instructions of its programs, as far as they differ from classic BPF (seccomp.ts).
 * Source: Linux include/uapi/linux/{bpf,bpf_common}.h; RFC 9669 for the instruction set.
 */
import { array, hex32, i16, i32, pointer, struct, text, u8, u32, u64 } from "./struct.ts";

export const BpfInsn = struct("bpf_insn", { code: u8, regs: u8, off: i16, imm: i32 });

/** Parts of `union bpf_attr`, by command, as far as Linux 6.12 has them. */
export const BpfLoadAttr = struct("bpf_attr (BPF_PROG_LOAD)", {
  prog_type: u32,
  insn_cnt: u32,
  insns: pointer,
  license: pointer,
  log_level: u32,
  log_size: u32,
  log_buf: pointer,
  kern_version: u32,
  prog_flags: hex32,
  prog_name: text(16),
  prog_ifindex: u32,
  expected_attach_type: u32,
  prog_btf_fd: u32,
  func_info_rec_size: u32,
  func_info: pointer,
  func_info_cnt: u32,
  line_info_rec_size: u32,
  line_info: pointer,
  line_info_cnt: u32,
  attach_btf_id: u32,
  attach_prog_fd: u32,
  core_relo_cnt: u32,
  fd_array: pointer,
  core_relos: pointer,
  core_relo_rec_size: u32,
  log_true_size: u32,
  prog_token_fd: i32,
});
export const BpfAttachAttr = struct("bpf_attr (BPF_PROG_ATTACH)", {
  target_fd: u32,
  attach_bpf_fd: u32,
  attach_type: u32,
  attach_flags: hex32,
  replace_bpf_fd: u32,
  relative_fd: u32,
  expected_revision: u64,
});
export const BpfQueryAttr = struct("bpf_attr (BPF_PROG_QUERY)", {
  target_fd: u32,
  attach_type: u32,
  query_flags: hex32,
  attach_flags: hex32,
  prog_ids: pointer,
  prog_cnt: u32,
  _padding: u32,
  prog_attach_flags: pointer,
  link_ids: pointer,
  link_attach_flags: pointer,
  revision: u64,
});
export const BpfIdAttr = struct("bpf_attr (BPF_*_GET_FD_BY_ID)", { prog_id: u32, next_id: u32, open_flags: hex32 });
export const BpfInfoAttr = struct("bpf_attr (BPF_OBJ_GET_INFO_BY_FD)", { bpf_fd: u32, info_len: u32, info: pointer });
/** What BPF_OBJ_GET_INFO_BY_FD tells of a program; `_bits`: the first says whether its licence is the GPL's. */
export const BpfProgInfo = struct("bpf_prog_info", {
  type: u32,
  id: u32,
  tag: array(u8, 8),
  jited_prog_len: u32,
  xlated_prog_len: u32,
  jited_prog_insns: pointer,
  xlated_prog_insns: pointer,
  load_time: u64,
  created_by_uid: u32,
  nr_map_ids: u32,
  map_ids: pointer,
  name: text(16),
  ifindex: u32,
  _bits: u32,
  netns_dev: u64,
  netns_ino: u64,
  nr_jited_ksyms: u32,
  nr_jited_func_lens: u32,
  jited_ksyms: pointer,
  jited_func_lens: pointer,
  btf_id: u32,
  func_info_rec_size: u32,
  func_info: pointer,
  nr_func_info: u32,
  nr_line_info: u32,
  line_info: pointer,
  jited_line_info: pointer,
  nr_jited_line_info: u32,
  line_info_rec_size: u32,
  jited_line_info_rec_size: u32,
  nr_prog_tags: u32,
  prog_tags: pointer,
  run_time_ns: u64,
  run_cnt: u64,
  recursion_misses: u64,
  verified_insns: u32,
  attach_btf_obj_id: u32,
  attach_btf_id: u32,
});
/** What a program of BPF_PROG_TYPE_CGROUP_DEVICE is told. */
export const BpfDeviceContext = struct("bpf_cgroup_dev_ctx", { access_type: u32, major: u32, minor: u32 });

export const BPF_PROG_LOAD = 5,
  BPF_PROG_ATTACH = 8,
  BPF_PROG_DETACH = 9,
  BPF_PROG_GET_FD_BY_ID = 13,
  BPF_OBJ_GET_INFO_BY_FD = 15,
  BPF_PROG_QUERY = 16;
export const BPF_PROG_TYPE_CGROUP_SKB = 8,
  BPF_PROG_TYPE_CGROUP_DEVICE = 15,
  BPF_CGROUP_DEVICE = 6,
  BPF_CGROUP_INET_EGRESS = 1;
export const BPF_F_ALLOW_OVERRIDE = 1,
  BPF_F_ALLOW_MULTI = 2,
  BPF_F_REPLACE = 4,
  BPF_F_QUERY_EFFECTIVE = 1;
export const BPF_F_STRICT_ALIGNMENT = 1,
  BPF_F_ANY_ALIGNMENT = 2,
  BPF_F_TEST_RND_HI32 = 4,
  BPF_F_TEST_STATE_FREQ = 8,
  BPF_F_TEST_REG_INVARIANTS = 0x80;
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
