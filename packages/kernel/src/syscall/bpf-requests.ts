/** bpf(2), as far as control groups take it to say which devices their processes may use. */
import {
  BPF_CGROUP_DEVICE,
  BPF_PROG_TYPE_CGROUP_SKB,
  BPF_F_TEST_STATE_FREQ,
  BPF_F_TEST_RND_HI32,
  BPF_F_TEST_REG_INVARIANTS,
  BPF_F_STRICT_ALIGNMENT,
  BPF_F_ANY_ALIGNMENT,
  BPF_CGROUP_INET_EGRESS,
  BPF_F_ALLOW_MULTI,
  BPF_F_ALLOW_OVERRIDE,
  BPF_F_QUERY_EFFECTIVE,
  BPF_F_REPLACE,
  BPF_MAXINSNS,
  BPF_OBJ_GET_INFO_BY_FD,
  BPF_PROG_ATTACH,
  BPF_PROG_DETACH,
  BPF_PROG_GET_FD_BY_ID,
  BPF_PROG_LOAD,
  BPF_PROG_QUERY,
  BpfAttachAttr,
  BpfIdAttr,
  BpfInfoAttr,
  BpfInsn,
  BpfLoadAttr,
  BpfProgInfo,
  BpfQueryAttr,
  CAP_BPF,
  CAP_NET_ADMIN,
  CAP_SYS_ADMIN,
  E2BIG,
  EBADF,
  EBADFD,
  EFAULT,
  EINVAL,
  ENOENT,
  ENOSPC,
  EPERM,
  isErrno,
} from "@stratos/abi";
import { byteStringOf } from "@stratos/base";
import { groupBehind } from "../cgroup/cgroup2.ts";
import { copyExtensible } from "../ground/extensible-structure.ts";
import { get64, putFields, viewOf } from "../ground/words.ts";
import { isCapable } from "../security/credentials.ts";
import { DeviceProgram, PROGRAM_CONTEXTS, readInstructions, refusalOf } from "../security/device-program.ts";
import { BpfProgramFile } from "../task/bpf-program-file.ts";
import type { ControlGroup } from "../task/control-group.ts";
import type { Task } from "../task/task.ts";
import { installFile } from "./open-calls.ts";

/** `union bpf_attr` of Linux 6.12. */
const ATTR_BYTES = 152;
const attr = new Uint8Array(ATTR_BYTES);
const view = new DataView(attr.buffer);
const XLATED_AT = BpfProgInfo.offset.xlated_prog_len;
/** How a program is checked, and executed to test it: nothing that is done here. */
const LOAD_FLAGS =
  BPF_F_STRICT_ALIGNMENT |
  BPF_F_ANY_ALIGNMENT |
  BPF_F_TEST_RND_HI32 |
  BPF_F_TEST_STATE_FREQ |
  BPF_F_TEST_REG_INVARIANTS;
/** Kinds of attachment that ask control groups (enum bpf_attach_type: BPF_CGROUP_…). */
const GROUP_ATTACHMENTS: ReadonlySet<number> = new Set([
  ...[0, 1, 2, 3, 6, 8, 9, 10, 11, 12, 13, 14, 15, 18, 19, 20, 21, 22, 29, 30, 31, 32, 34, 49, 50, 51, 52, 53],
]);

/** What is in the union behind what a command knows has to be zero (Linux kernel/bpf/syscall.c, CHECK_ATTR). */
function isBlankFrom(at: number): boolean {
  for (; at < ATTR_BYTES; at++) if (attr[at] !== 0) return false;
  return true;
}

function load(task: Task): number {
  const { credentials, kernel } = task;
  const { controlGroups } = kernel;
  const { offset } = BpfLoadAttr;
  if (!isBlankFrom(offset.prog_token_fd + 4)) return -EINVAL;
  if ((view.getUint32(offset.prog_flags, true) & ~LOAD_FLAGS) !== 0) return -EINVAL;
  const isAdministrator = isCapable(credentials, CAP_SYS_ADMIN);
  if (!isAdministrator && !isCapable(credentials, CAP_BPF)) return -EPERM;
  const type = view.getUint32(offset.prog_type, true);
  const count = view.getUint32(offset.insn_cnt, true);
  if (count === 0 || count > BPF_MAXINSNS) return -E2BIG;
  // Those about packets of groups are everybody's (is_net_admin_prog_type).
  const isOfNetwork = type !== BPF_PROG_TYPE_CGROUP_SKB;
  const context = PROGRAM_CONTEXTS.get(type);
  if (context !== undefined && isOfNetwork && !isAdministrator && !isCapable(credentials, CAP_NET_ADMIN)) return -EPERM;
  if (view.getUint32(offset.attach_btf_id, true) !== 0 || view.getUint32(offset.attach_prog_fd, true) !== 0)
    return -EINVAL;
  if (type === BPF_PROG_TYPE_CGROUP_SKB && view.getUint32(offset.expected_attach_type, true) > BPF_CGROUP_INET_EGRESS)
    return -EINVAL;
  const bytes = new Uint8Array(count * BpfInsn.size);
  if (task.space.copyIn(get64(view, offset.insns), bytes, 0, bytes.length) < 0) return -EFAULT;
  if (context === undefined) return -EINVAL;
  const instructions = readInstructions(bytes);
  const refusal = refusalOf(instructions, context);
  if (refusal !== null) {
    const told = tellVerdict(task, refusal.why);
    return told < 0 ? told : -refusal.error;
  }
  const origin = { bytes, uid: credentials.uid, loadedNs: kernel.now() };
  const program = controlGroups.addProgram(type, origin, instructions);
  return isErrno(program) ? program : installFile(task, new BpfProgramFile(controlGroups, program), true);
}

/** Where the caller wants to read why a program was refused. */
function tellVerdict(task: Task, refusal: string): number {
  const size = view.getUint32(BpfLoadAttr.offset.log_size, true);
  if (view.getUint32(BpfLoadAttr.offset.log_level, true) === 0 || size === 0) return 0;
  const bytes = byteStringOf(`${refusal}\n\0`);
  if (bytes.length > size) return -ENOSPC;
  return task.space.copyOut(get64(view, BpfLoadAttr.offset.log_buf), bytes, 0, bytes.length);
}

/** What a descriptor names of programs about devices, which alone are attached. */
function programOf(task: Task, at: number): DeviceProgram | number {
  const file = task.files.get(view.getInt32(at, true));
  if (file === undefined) return -EBADF;
  return file instanceof BpfProgramFile && file.program instanceof DeviceProgram ? file.program : -EINVAL;
}

/** The group whose folder is the target. */
function target(task: Task, at: number): ControlGroup | number {
  const file = task.files.get(view.getInt32(at, true));
  if (file === undefined) return -EBADF;
  return groupBehind(file.inode) ?? -EBADF;
}

/** A descriptor of a program is enough. */
function attach(task: Task): number {
  const { offset } = BpfAttachAttr;
  if (!isBlankFrom(BpfAttachAttr.size)) return -EINVAL;
  if (view.getUint32(offset.attach_type, true) !== BPF_CGROUP_DEVICE) return -EINVAL;
  const flags = view.getUint32(offset.attach_flags, true);
  if ((flags & ~(BPF_F_ALLOW_OVERRIDE | BPF_F_ALLOW_MULTI | BPF_F_REPLACE)) !== 0) return -EINVAL;
  if (!isBlankFrom(offset.relative_fd)) return -EINVAL;
  const program = programOf(task, offset.attach_bpf_fd);
  if (isErrno(program)) return program;
  const group = target(task, offset.target_fd);
  if (isErrno(group)) return group;
  const isOneOfMany = (flags & BPF_F_ALLOW_MULTI) !== 0;
  const isReplacing = (flags & BPF_F_REPLACE) !== 0;
  if ((isOneOfMany && (flags & BPF_F_ALLOW_OVERRIDE) !== 0) || (isReplacing && !isOneOfMany)) return -EINVAL;
  const replaced = isReplacing ? programOf(task, offset.replace_bpf_fd) : null;
  if (isErrno(replaced)) return replaced;
  return group.attachProgram(program, flags & ~BPF_F_REPLACE, replaced);
}

/** Of one program alone nobody need say which, so what names none is none. */
function detach(task: Task): number {
  const { offset } = BpfAttachAttr;
  if (!isBlankFrom(BpfAttachAttr.size)) return -EINVAL;
  if (view.getUint32(offset.attach_type, true) !== BPF_CGROUP_DEVICE) return -EINVAL;
  const group = target(task, offset.target_fd);
  if (isErrno(group)) return group;
  const program = programOf(task, offset.attach_bpf_fd);
  return group.detachProgram(isErrno(program) ? null : program);
}

function query(task: Task, address: number): number {
  const { offset } = BpfQueryAttr;
  const { credentials, space } = task;
  if (!isCapable(credentials, CAP_NET_ADMIN) && !isCapable(credentials, CAP_SYS_ADMIN)) return -EPERM;
  if (!isBlankFrom(BpfQueryAttr.size)) return -EINVAL;
  const flags = view.getUint32(offset.query_flags, true);
  if ((flags & ~BPF_F_QUERY_EFFECTIVE) !== 0) return -EINVAL;
  const type = view.getUint32(offset.attach_type, true);
  if (!GROUP_ATTACHMENTS.has(type)) return -EINVAL;
  const group = target(task, offset.target_fd);
  if (isErrno(group)) return group;
  const isOfDevices = type === BPF_CGROUP_DEVICE;
  const all = flags === 0 ? group.devicePrograms : group.effectivePrograms;
  const programs = isOfDevices ? all : NO_PROGRAMS;
  const ids = get64(view, offset.prog_ids);
  const room = view.getUint32(offset.prog_cnt, true);
  const failed =
    space.storeU32(address + offset.attach_flags, isOfDevices && flags === 0 ? group.deviceFlags : 0) ||
    space.storeU32(address + offset.prog_cnt, programs.length);
  if (failed < 0) return failed;
  if (ids === 0 || room === 0) return 0;
  for (let at = 0; at < Math.min(room, programs.length); at++)
    if (space.storeU32(ids + 4 * at, programs[at]!.id) < 0) return -EFAULT;
  return room < programs.length ? -ENOSPC : 0;
}

const NO_PROGRAMS: readonly DeviceProgram[] = [];

function descriptorOf(task: Task): number {
  const { controlGroups } = task.kernel;
  if (!isBlankFrom(BpfIdAttr.size)) return -EINVAL;
  if (!isCapable(task.credentials, CAP_SYS_ADMIN)) return -EPERM;
  const program = controlGroups.programs.get(view.getUint32(BpfIdAttr.offset.prog_id, true));
  return program === undefined ? -ENOENT : installFile(task, new BpfProgramFile(controlGroups, program), true);
}

/** −EBADFD, as Linux says it; −EINVAL no program; −E2BIG more than is known is asked for. */
function tellOf(task: Task, address: number): number {
  if (!isBlankFrom(BpfInfoAttr.size)) return -EINVAL;
  const file = task.files.get(view.getInt32(BpfInfoAttr.offset.bpf_fd, true));
  if (file === undefined) return -EBADFD;
  if (!(file instanceof BpfProgramFile)) return -EINVAL;
  const at = get64(view, BpfInfoAttr.offset.info);
  const length = view.getUint32(BpfInfoAttr.offset.info_len, true);
  const { space, kernel } = task;
  const { u8 } = kernel.scratch;
  const failed = copyExtensible(space, at, u8, length, BpfProgInfo.size);
  if (failed < 0) return failed;
  const info = viewOf(u8.slice(0, BpfProgInfo.size));
  const { id, type, tag, origin } = file.program;
  const asked = { at: get64(info, BpfProgInfo.offset.xlated_prog_insns), room: info.getUint32(XLATED_AT, true) };
  if (asked.room > 0 && space.copyOut(asked.at, origin.bytes, 0, Math.min(asked.room, origin.bytes.length)) < 0)
    return -EFAULT;
  putFields(info, BpfProgInfo, {
    ...{ type, id, load_time: origin.loadedNs, created_by_uid: origin.uid, nr_map_ids: 0, ifindex: 0, btf_id: 0 },
    ...{ jited_prog_len: 0, xlated_prog_len: origin.bytes.length, nr_jited_ksyms: 1, nr_jited_func_lens: 1 },
    ...{ func_info_rec_size: 8, nr_func_info: 0, nr_line_info: 0, nr_jited_line_info: 0, line_info_rec_size: 16 },
    ...{ jited_line_info_rec_size: 8, nr_prog_tags: 1, verified_insns: file.program.instructions.length },
  });
  const bytes = new Uint8Array(info.buffer);
  bytes.set(tag, BpfProgInfo.offset.tag);
  const told = Math.min(length, BpfProgInfo.size);
  if (space.copyOut(at, bytes, 0, told) < 0) return -EFAULT;
  return space.storeU32(address + BpfInfoAttr.offset.info_len, told);
}

export function bpf(task: Task, command: number, address: number, size: number): number {
  const { credentials, space } = task;
  const { u8 } = task.kernel.scratch;
  const failed = copyExtensible(space, address, u8, size, ATTR_BYTES);
  if (failed < 0) return failed;
  attr.set(u8.subarray(0, ATTR_BYTES));
  switch (command) {
    case BPF_PROG_LOAD:
      return load(task);
    case BPF_PROG_ATTACH:
      return attach(task);
    case BPF_PROG_DETACH:
      return detach(task);
    case BPF_PROG_QUERY:
      return query(task, address);
    case BPF_PROG_GET_FD_BY_ID:
      return descriptorOf(task);
    case BPF_OBJ_GET_INFO_BY_FD:
      return tellOf(task, address);
    default:
      return isCapable(credentials, CAP_BPF) || isCapable(credentials, CAP_SYS_ADMIN) ? -EINVAL : -EPERM;
  }
}
