/** Which structure of Linux's headers each one of `@stratos/abi` is, or as what Linux's source has it. */

interface InC {
  readonly type: string;
  readonly headers: readonly string[];
  /** Fields that have other names there. */
  readonly names?: Readonly<Record<string, string>>;
  /** Written before the assertions. */
  readonly source?: string;
}

const linux = (...headers: string[]): { headers: string[] } => ({ headers: headers.map((name) => `linux/${name}.h`) });
const netfilter = (name: string): { headers: string[] } => linux("types", "netfilter", `netfilter/${name}`);
const asm = (...headers: string[]): { headers: string[] } => ({ headers: headers.map((name) => `asm/${name}.h`) });

const DRM = { headers: ["drm/drm.h"] };
const IFREQ = { type: "struct ifreq", headers: ["sys/socket.h", "linux/if.h"] };

/** A structure of words that is younger than the host's headers. */
const words = (name: string, fields: string): { type: string; headers: string[]; source: string } => ({
  type: `struct ${name}`,
  headers: ["linux/types.h"],
  source: `struct ${name} { __u32 ${fields}; };`,
});

const SQ_OFFSETS = "head, tail, ring_mask, ring_entries, flags, dropped, array";
const CQ_OFFSETS = "head, tail, ring_mask, ring_entries, overflow, cqes, flags";
const SYNC_CANCEL = "__u64 timeout[2]; __u8 opcode, pad[7]; __u64 pad2[3]";

const RANGE = { start: "range.start", len: "range.len" };

/** By the name in `@stratos/abi`. */
export const IN_C: Readonly<Record<string, InC>> = {
  DrmVersion: { type: "struct drm_version", ...DRM },
  DrmUnique: { type: "struct drm_unique", ...DRM },
  DrmAuth: { type: "struct drm_auth", ...DRM },
  DrmClient: { type: "struct drm_client", ...DRM },
  DrmSetVersion: { type: "struct drm_set_version", ...DRM },
  DrmGemClose: { type: "struct drm_gem_close", ...DRM },
  DrmGetCap: { type: "struct drm_get_cap", ...DRM },
  DrmSetClientCap: { type: "struct drm_set_client_cap", ...DRM },
  DrmWaitVblank: { type: "struct drm_wait_vblank_reply", ...DRM },
  DrmModeCardRes: { type: "struct drm_mode_card_res", ...DRM },
  DrmModeModeinfo: { type: "struct drm_mode_modeinfo", ...DRM },
  DrmModeCrtc: { type: "struct drm_mode_crtc", ...DRM },
  DrmModeGetEncoder: { type: "struct drm_mode_get_encoder", ...DRM },
  DrmModeGetConnector: { type: "struct drm_mode_get_connector", ...DRM },
  DrmModeGetProperty: { type: "struct drm_mode_get_property", ...DRM },
  DrmModePropertyEnum: { type: "struct drm_mode_property_enum", ...DRM },
  DrmModeConnectorSetProperty: { type: "struct drm_mode_connector_set_property", ...DRM },
  DrmModeObjGetProperties: { type: "struct drm_mode_obj_get_properties", ...DRM },
  DrmModeObjSetProperty: { type: "struct drm_mode_obj_set_property", ...DRM },
  DrmModeGetBlob: { type: "struct drm_mode_get_blob", ...DRM },
  DrmModeCreateBlob: { type: "struct drm_mode_create_blob", ...DRM },
  DrmModeDestroyBlob: { type: "struct drm_mode_destroy_blob", ...DRM },
  DrmModeAtomic: { type: "struct drm_mode_atomic", ...DRM },
  DrmModeFbCmd: { type: "struct drm_mode_fb_cmd", ...DRM },
  DrmModeFbCmd2: { type: "struct drm_mode_fb_cmd2", ...DRM },
  DrmModeFbDirtyCmd: { type: "struct drm_mode_fb_dirty_cmd", ...DRM },
  DrmModeCrtcPageFlip: { type: "struct drm_mode_crtc_page_flip", ...DRM },
  DrmModeCreateDumb: { type: "struct drm_mode_create_dumb", ...DRM },
  DrmModeMapDumb: { type: "struct drm_mode_map_dumb", ...DRM },
  DrmModeDestroyDumb: { type: "struct drm_mode_destroy_dumb", ...DRM },
  DrmModeCursor2: { type: "struct drm_mode_cursor2", ...DRM },
  DrmModeCrtcLut: { type: "struct drm_mode_crtc_lut", ...DRM },
  DrmModeGetPlaneRes: { type: "struct drm_mode_get_plane_res", ...DRM },
  DrmModeGetPlane: { type: "struct drm_mode_get_plane", ...DRM },
  DrmModeSetPlane: { type: "struct drm_mode_set_plane", ...DRM },
  DrmEventVblank: {
    type: "struct drm_event_vblank",
    ...DRM,
    names: { type: "base.type", length: "base.length" },
  },
  FbFixScreeninfo: { type: "struct fb_fix_screeninfo", ...linux("fb") },
  FbBitfield: { type: "struct fb_bitfield", ...linux("fb") },
  FbVarScreeninfo: { type: "struct fb_var_screeninfo", ...linux("fb") },
  VtMode: { type: "struct vt_mode", ...linux("vt") },
  VtStat: { type: "struct vt_stat", ...linux("vt") },
  InputEvent: {
    type: "struct input_event",
    ...linux("input"),
    names: { tv_sec: "time.tv_sec", tv_usec: "time.tv_usec" },
  },
  InputId: { type: "struct input_id", ...linux("input") },
  InputAbsinfo: { type: "struct input_absinfo", ...linux("input") },
  Timespec: { type: "struct __kernel_timespec", ...linux("time_types") },
  Timeval: { type: "struct __kernel_old_timeval", ...linux("time_types") },
  Itimerspec: { type: "struct __kernel_itimerspec", ...linux("time_types") },
  Itimerval: { type: "struct itimerval", ...linux("time") },
  Timezone: { type: "struct timezone", ...linux("time") },
  Tms: { type: "struct tms", ...linux("times") },
  Timex: { type: "struct __kernel_timex", ...linux("timex") },
  Stat: { type: "struct stat", ...asm("stat"), names: { _unused: "__unused4" } },
  StatxTimestamp: { type: "struct statx_timestamp", ...linux("stat") },
  Statx: { type: "struct statx", ...linux("stat") },
  Statfs: { type: "struct statfs", ...asm("statfs") },
  Rlimit: { type: "struct rlimit64", ...linux("resource") },
  Rusage: { type: "struct rusage", ...linux("resource") },
  Utsname: { type: "struct new_utsname", ...linux("utsname") },
  Sysinfo: { type: "struct sysinfo", ...linux("sysinfo") },
  SchedAttr: { type: "struct sched_attr", ...linux("sched", "sched/types") },
  SchedParam: { type: "struct sched_param", headers: ["sched.h"] },
  CloneArgs: { type: "struct clone_args", ...linux("sched") },
  CapUserHeader: { type: "struct __user_cap_header_struct", ...linux("capability") },
  CapUserData: { type: "struct __user_cap_data_struct", ...linux("capability") },
  PrctlMmMap: { type: "struct prctl_mm_map", ...linux("prctl") },
  VfsNsCapData: { type: "struct vfs_ns_cap_data", ...linux("capability") },
  Sigaction: { type: "struct sigaction", ...asm("signal") },
  Sigaltstack: { type: "stack_t", ...asm("signal") },
  SigsetArgument: {
    type: "struct sigset_argpack",
    headers: [],
    source: "struct sigset_argpack { void *p; unsigned long size; };", // fs/select.c
  },
  SiginfoSender: { type: "siginfo_t", ...asm("siginfo"), names: { si_value: "_sifields._rt._sigval" } },
  SiginfoTimer: {
    type: "siginfo_t",
    ...asm("siginfo"),
    names: {
      si_timerid: "_sifields._timer._tid",
      si_overrun: "_sifields._timer._overrun",
      si_value: "_sifields._timer._sigval",
    },
  },
  SiginfoChild: { type: "siginfo_t", ...asm("siginfo") },
  SiginfoFault: { type: "siginfo_t", ...asm("siginfo") },
  SiginfoPoll: { type: "siginfo_t", ...asm("siginfo") },
  SiginfoSystemCall: { type: "siginfo_t", ...asm("siginfo") },
  Sigevent: { type: "struct sigevent", ...asm("siginfo"), names: { sigev_notify_thread_id: "_sigev_un._tid" } },
  SignalfdSiginfo: { type: "struct signalfd_siginfo", ...linux("signalfd") },
  Sigcontext: {
    type: "struct sigcontext",
    ...asm("sigcontext"),
    names: { pc: "sc_regs.pc", x: "", f: "sc_fpregs.d.f", fcsr: "sc_fpregs.d.fcsr" },
  },
  Ucontext: { type: "struct ucontext", ...asm("signal", "sigcontext", "ucontext") },
  RtSigframe: {
    type: "struct rt_sigframe",
    ...asm("signal", "sigcontext", "ucontext", "siginfo"),
    source: "struct rt_sigframe { siginfo_t info; struct ucontext uc; };", // arch/riscv/kernel/signal.c
  },
  UffdioApi: { type: "struct uffdio_api", ...linux("userfaultfd") },
  UffdioRange: { type: "struct uffdio_range", ...linux("userfaultfd") },
  UffdioRegister: { type: "struct uffdio_register", ...linux("userfaultfd"), names: RANGE },
  UffdioCopy: { type: "struct uffdio_copy", ...linux("userfaultfd") },
  UffdioZeropage: { type: "struct uffdio_zeropage", ...linux("userfaultfd"), names: RANGE },
  UffdMsg: {
    type: "struct uffd_msg",
    ...linux("userfaultfd"),
    names: { flags: "arg.pagefault.flags", address: "arg.pagefault.address", feat: "arg.reserved.reserved3" },
  },
  FutexWaitv: { type: "struct futex_waitv", ...linux("futex") },
  RobustListHead: { type: "struct robust_list_head", ...linux("futex") },
  Iocb: { type: "struct iocb", ...linux("aio_abi") },
  AioRing: {
    type: "struct aio_ring_head",
    headers: ["linux/types.h"],
    source:
      "struct aio_ring_head { __u32 id, nr, head, tail, magic, compat_features, incompat_features, header_length; };",
  },
  IoEvent: { type: "struct io_event", ...linux("aio_abi") },
  KcmpEpollSlot: { type: "struct kcmp_epoll_slot", ...linux("kcmp") },
  LandlockRulesetAttr: {
    type: "struct landlock_ruleset_6_12",
    headers: ["linux/types.h"],
    source: "struct landlock_ruleset_6_12 { __u64 handled_access_fs, handled_access_net, scoped; };",
  },
  LandlockPathBeneathAttr: { type: "struct landlock_path_beneath_attr", ...linux("landlock") },
  LandlockNetPortAttr: {
    type: "struct landlock_net_port_6_7",
    headers: ["linux/types.h"],
    source: "struct landlock_net_port_6_7 { __u64 allowed_access, port; };",
  },
  IoUringSqe: { type: "struct io_uring_sqe", ...linux("io_uring") },
  IoUringCqe: { type: "struct io_uring_cqe", ...linux("io_uring") },
  IoSqringOffsets: {
    type: "struct io_sqring_6_5",
    headers: ["linux/types.h"],
    source: `struct io_sqring_6_5 { __u32 ${SQ_OFFSETS}, resv1; __u64 user_addr; };`,
  },
  IoCqringOffsets: {
    type: "struct io_cqring_6_5",
    headers: ["linux/types.h"],
    source: `struct io_cqring_6_5 { __u32 ${CQ_OFFSETS}, resv1; __u64 user_addr; };`,
  },
  IoUringParams: { type: "struct io_uring_params", ...linux("io_uring") },
  IoUringGeteventsArg: {
    type: "struct io_uring_getevents_6_12",
    headers: ["linux/types.h"],
    source: "struct io_uring_getevents_6_12 { __u64 sigmask; __u32 sigmask_sz, min_wait_usec; __u64 ts; };",
  },
  IoUringRsrcRegister: { type: "struct io_uring_rsrc_register", ...linux("io_uring") },
  IoUringRsrcUpdate2: { type: "struct io_uring_rsrc_update2", ...linux("io_uring") },
  IoUringProbe: { type: "struct io_uring_probe", ...linux("io_uring") },
  IoUringProbeOp: { type: "struct io_uring_probe_op", ...linux("io_uring") },
  IoUringRestriction: { type: "struct io_uring_restriction", ...linux("io_uring") },
  IoUringBuf: { type: "struct io_uring_buf", ...linux("io_uring") },
  IoUringBufReg: {
    type: "struct io_uring_buf_reg_6_4",
    headers: ["linux/types.h"],
    source: "struct io_uring_buf_reg_6_4 { __u64 ring_addr; __u32 ring_entries; __u16 bgid, flags; __u64 resv[3]; };",
  },
  IoUringBufStatus: words("io_uring_buf_status_6_8", "buf_group, head, resv[8]"),
  IoUringSyncCancelReg: {
    type: "struct io_uring_sync_cancel_6_6",
    headers: ["linux/types.h"],
    source: `struct io_uring_sync_cancel_6_6 { __u64 addr; __s32 fd; __u32 flags; ${SYNC_CANCEL}; };`,
  },
  IoUringFileIndexRange: { type: "struct io_uring_file_index_range", ...linux("io_uring") },
  IoUringRecvmsgOut: { type: "struct io_uring_recvmsg_out", ...linux("io_uring") },
  IoUringClockRegister: words("io_uring_clock_6_12", "clockid, __resv[3]"),
  IoUringCloneBuffers: words("io_uring_clone_6_12", "src_fd, flags, src_off, dst_off, nr, pad[3]"),
  SeccompData: { type: "struct seccomp_data", ...linux("seccomp") },
  BpfInsn: {
    type: "struct bpf_insn_bytes",
    ...linux("types"),
    // The registers are bit fields there.
    source: "struct bpf_insn_bytes { __u8 code, regs; __s16 off; __s32 imm; };",
  },
  BpfLoadAttr: {
    type: "struct bpf_load",
    ...linux("types"),
    source:
      "struct bpf_load { __u32 prog_type, insn_cnt; __u64 insns, license; __u32 log_level, log_size; __u64 log_buf; " +
      "__u32 kern_version, prog_flags; char prog_name[16]; __u32 prog_ifindex, expected_attach_type, prog_btf_fd, " +
      "func_info_rec_size; __u64 func_info; __u32 func_info_cnt, line_info_rec_size; __u64 line_info; " +
      "__u32 line_info_cnt, attach_btf_id, attach_prog_fd, core_relo_cnt; __u64 fd_array, core_relos; " +
      "__u32 core_relo_rec_size, log_true_size; __s32 prog_token_fd; };",
  },
  BpfAttachAttr: {
    type: "struct bpf_attach",
    ...linux("types"),
    source:
      "struct bpf_attach { __u32 target_fd, attach_bpf_fd, attach_type, attach_flags, replace_bpf_fd, relative_fd; " +
      "__u64 expected_revision; };",
  },
  BpfQueryAttr: {
    type: "struct bpf_query",
    ...linux("types"),
    source:
      "struct bpf_query { __u32 target_fd, attach_type, query_flags, attach_flags; __u64 prog_ids; __u32 prog_cnt, " +
      "_padding; __u64 prog_attach_flags, link_ids, link_attach_flags, revision; };",
  },
  BpfIdAttr: words("bpf_id", "prog_id, next_id, open_flags"),
  BpfInfoAttr: {
    type: "struct bpf_info",
    ...linux("types"),
    source: "struct bpf_info { __u32 bpf_fd, info_len; __u64 info; };",
  },
  BpfProgInfo: { type: "struct bpf_prog_info", ...linux("bpf") },
  BpfDeviceContext: { type: "struct bpf_cgroup_dev_ctx", ...linux("bpf") },
  SockFilter: { type: "struct sock_filter", ...linux("filter") },
  SockFprog: { type: "struct sock_fprog", ...linux("filter") },
  IpcPerm: { type: "struct ipc64_perm", ...asm("ipcbuf") },
  Sembuf: { type: "struct sembuf", ...linux("sem") },
  SemidDs: { type: "struct semid64_ds", ...asm("sembuf") },
  Seminfo: { type: "struct seminfo", ...linux("sem") },
  MsqidDs: { type: "struct msqid64_ds", ...asm("msgbuf") },
  Msginfo: { type: "struct msginfo", ...linux("msg") },
  ShmidDs: { type: "struct shmid64_ds", ...asm("shmbuf") },
  Shminfo: { type: "struct shminfo64", ...asm("shmbuf") },
  ShmInfo: { type: "struct shm_info", ...linux("shm") },
  MqAttr: { type: "struct mq_attr", ...linux("mqueue") },
  Elf64Ehdr: { type: "struct elf64_hdr", ...linux("elf") },
  Elf64Phdr: { type: "struct elf64_phdr", ...linux("elf") },
  Elf64Shdr: { type: "struct elf64_shdr", ...linux("elf") },
  Elf64Sym: { type: "struct elf64_sym", ...linux("elf") },
  Elf64Dyn: { type: "Elf64_Dyn", ...linux("elf"), names: { d_val: "d_un.d_val" } },
  Elf64Verdef: { type: "Elf64_Verdef", headers: ["elf.h"] },
  Elf64Verdaux: { type: "Elf64_Verdaux", headers: ["elf.h"] },
  Elf64Nhdr: { type: "struct elf64_note", ...linux("elf") },
  ElfPrstatus: {
    type: "struct elf_prstatus",
    headers: ["sys/procfs.h"],
    names: { si_signo: "pr_info.si_signo", si_code: "pr_info.si_code", si_errno: "pr_info.si_errno" },
  },
  ElfPrpsinfo: { type: "struct elf_prpsinfo", headers: ["sys/procfs.h"] },
  RiscvDState: { type: "struct __riscv_d_ext_state", ...asm("ptrace") },
  PtraceSyscallInfo: {
    type: "struct ptrace_syscall_info",
    ...linux("ptrace"),
    names: { nr: "entry.nr", args: "entry.args", ret_data: "seccomp.ret_data" },
  },
  PtraceRseqConfiguration: { type: "struct ptrace_rseq_configuration", ...linux("ptrace") },
  PtraceSudConfig: {
    type: "struct ptrace_sud_config_6_4",
    headers: ["linux/types.h"],
    source: "struct ptrace_sud_config_6_4 { __u64 mode, selector, offset, len; };",
  },
  Rseq: {
    type: "struct rseq",
    ...linux("types"),
    // Linux 6.18 include/uapi/linux/rseq.h
    source:
      "struct rseq { __u32 cpu_id_start, cpu_id; __u64 rseq_cs; __u32 flags, node_id, mm_cid; char end[]; } " +
      "__attribute__((aligned(32)));",
  },
  RseqCs: { type: "struct rseq_cs", ...linux("rseq") },
  PtracePeeksiginfoArgs: { type: "struct ptrace_peeksiginfo_args", ...linux("ptrace") },
  SeccompNotif: { type: "struct seccomp_notif", ...linux("seccomp") },
  SeccompNotifResp: { type: "struct seccomp_notif_resp", ...linux("seccomp") },
  SeccompNotifAddfd: { type: "struct seccomp_notif_addfd", ...linux("seccomp") },
  SeccompNotifSizes: { type: "struct seccomp_notif_sizes", ...linux("seccomp") },
  SeccompMetadata: { type: "struct seccomp_metadata", ...linux("ptrace") },
  Taskstats: {
    type: "struct taskstats_14",
    headers: ["linux/types.h"],
    // Linux 6.12, include/uapi/linux/taskstats.h: other versions end elsewhere.
    source: `struct taskstats_14 {
      __u16 version; __u32 ac_exitcode; __u8 ac_flag, ac_nice; __u64 cpu_count __attribute__((aligned(8))),
      cpu_delay_total, blkio_count, blkio_delay_total, swapin_count, swapin_delay_total, cpu_run_real_total,
      cpu_run_virtual_total; char ac_comm[32]; __u8 ac_sched __attribute__((aligned(8))); __u8 ac_pad[3];
      __u32 ac_uid __attribute__((aligned(8))); __u32 ac_gid, ac_pid, ac_ppid, ac_btime;
      __u64 ac_etime __attribute__((aligned(8))), ac_utime, ac_stime, ac_minflt, ac_majflt, coremem, virtmem,
      hiwater_rss, hiwater_vm, read_char, write_char, read_syscalls, write_syscalls, read_bytes, write_bytes,
      cancelled_write_bytes, nvcsw, nivcsw, ac_utimescaled, ac_stimescaled, cpu_scaled_run_real_total,
      freepages_count, freepages_delay_total, thrashing_count, thrashing_delay_total, ac_btime64, compact_count,
      compact_delay_total; __u32 ac_tgid; __u64 ac_tgetime __attribute__((aligned(8))), ac_exe_dev, ac_exe_inode,
      wpcopy_count, wpcopy_delay_total, irq_count, irq_delay_total; };`,
  },
  AcctV3: { type: "struct acct_v3", ...linux("acct") },
  Iovec: { type: "struct iovec", ...linux("uio") },
  Flock: { type: "struct flock", ...asm("fcntl") },
  FOwnerEx: { type: "struct f_owner_ex", ...asm("fcntl") },
  OpenHow: { type: "struct open_how", ...linux("openat2") },
  MountAttr: { type: "struct mount_attr", ...linux("mount") },
  MntIdReq: {
    type: "struct mnt_id_req",
    ...linux("types"),
    // Linux 6.18 include/uapi/linux/mount.h, as Statmount
    source: "struct mnt_id_req { __u32 size, spare; __u64 mnt_id, param, mnt_ns_id; };",
  },
  Statmount: {
    type: "struct statmount",
    ...linux("types"),
    source: `struct statmount {
  __u32 size, mnt_opts; __u64 mask; __u32 sb_dev_major, sb_dev_minor; __u64 sb_magic; __u32 sb_flags, fs_type;
  __u64 mnt_id, mnt_parent_id; __u32 mnt_id_old, mnt_parent_id_old; __u64 mnt_attr, mnt_propagation, mnt_peer_group,
  mnt_master, propagate_from; __u32 mnt_root, mnt_point; __u64 mnt_ns_id; __u32 fs_subtype, sb_source, opt_num,
  opt_array, opt_sec_num, opt_sec_array; __u64 supported_mask; __u32 mnt_uidmap_num, mnt_uidmap, mnt_gidmap_num,
  mnt_gidmap; __u64 __spare2[43]; char str[];
};`,
  },
  FileHandle: {
    type: "struct file_handle",
    headers: [],
    source: "struct file_handle { unsigned handle_bytes; int handle_type; unsigned char f_handle[]; };", // linux/fs.h
  },
  LinuxDirent64: {
    type: "struct linux_dirent64",
    ...linux("types"),
    // include/linux/dirent.h
    source: `struct linux_dirent64 {
      __u64 d_ino; __s64 d_off; unsigned short d_reclen; unsigned char d_type; char d_name[];
    };`,
  },
  Pollfd: { type: "struct pollfd", ...asm("poll") },
  EpollEvent: { type: "struct epoll_event", ...linux("eventpoll") },
  InotifyEvent: { type: "struct inotify_event", ...linux("inotify") },
  FanotifyEventMetadata: { type: "struct fanotify_event_metadata", ...linux("fanotify") },
  FanotifyEventInfoHeader: { type: "struct fanotify_event_info_header", ...linux("fanotify") },
  FanotifyEventInfoFid: { type: "struct fanotify_event_info_fid", ...linux("fanotify") },
  FanotifyEventInfoPidfd: { type: "struct fanotify_event_info_pidfd", ...linux("fanotify") },
  FanotifyResponse: { type: "struct fanotify_response", ...linux("fanotify") },
  // Younger than the headers of Debian 12.
  FanotifyResponseInfoHeader: {
    type: "struct fanotify_response_info_header",
    ...linux("types"),
    source: "struct fanotify_response_info_header { __u8 type, pad; __u16 len; };",
  },
  FanotifyResponseInfoAuditRule: {
    type: "struct fanotify_response_info_audit_rule",
    ...linux("types"),
    source: `struct fanotify_response_info_audit_rule {
      struct { __u8 type, pad; __u16 len; } hdr; __u32 rule_number, subj_trust, obj_trust;
    };`,
  },
  FiemapExtent: { type: "struct fiemap_extent", ...linux("fiemap") },
  Fiemap: { type: "struct fiemap", ...linux("fiemap") },
  Fsxattr: { type: "struct fsxattr", ...linux("fs") },
  FileCloneRange: { type: "struct file_clone_range", ...linux("fs") },
  // Younger than the headers of Debian 12.
  CachestatRange: {
    type: "struct cachestat_range",
    ...linux("types"),
    source: "struct cachestat_range { __u64 off, len; };",
  },
  Cachestat: {
    type: "struct cachestat",
    ...linux("types"),
    source: "struct cachestat { __u64 nr_cache, nr_dirty, nr_writeback, nr_evicted, nr_recently_evicted; };",
  },
  PidfdInfo: {
    type: "struct pidfd_info",
    ...linux("types"),
    source: `struct pidfd_info {
      __u64 mask, cgroupid;
      __u32 pid, tgid, ppid, ruid, rgid, euid, egid, suid, sgid, fsuid, fsgid;
      __s32 exit_code;
      __u32 coredump_mask, __spare1;
    };`,
  },
  ProcmapQuery: {
    type: "struct procmap_query",
    ...linux("types"),
    source: `struct procmap_query {
      __u64 size, query_flags, query_addr, vma_start, vma_end, vma_flags, vma_page_size, vma_offset, inode;
      __u32 dev_major, dev_minor, vma_name_size, build_id_size;
      __u64 vma_name_addr, build_id_addr;
    };`,
  },
  RiscvHwprobe: {
    type: "struct riscv_hwprobe",
    ...linux("types"),
    source: "struct riscv_hwprobe { __s64 key; __u64 value; };",
  },
  Termios: { type: "struct termios", ...asm("termbits") },
  Termios2: { type: "struct termios2", ...asm("termbits") },
  Termio: { type: "struct termio", ...asm("termios") },
  Winsize: { type: "struct winsize", ...asm("termios") },
  SockaddrIn: { type: "struct sockaddr_in", ...linux("in") },
  SockaddrIn6: { type: "struct sockaddr_in6", ...linux("in6") },
  SockaddrUn: { type: "struct sockaddr_un", ...linux("un") },
  SockaddrNl: { type: "struct sockaddr_nl", ...linux("netlink") },
  Msghdr: {
    type: "struct user_msghdr",
    headers: ["linux/uio.h"],
    // include/linux/socket.h
    source: `struct user_msghdr {
      void *msg_name; int msg_namelen; struct iovec *msg_iov; __kernel_size_t msg_iovlen;
      void *msg_control; __kernel_size_t msg_controllen; unsigned msg_flags;
    };`,
  },
  Mmsghdr: { type: "struct mmsghdr", headers: ["sys/socket.h"] },
  Cmsghdr: { type: "struct cmsghdr", headers: ["sys/socket.h"] },
  SockaddrStorage: { type: "struct __kernel_sockaddr_storage", ...linux("socket") },
  SockaddrLl: { type: "struct sockaddr_ll", ...linux("if_packet") },
  Ucred: { type: "struct ucred", headers: ["sys/socket.h"] },
  Linger: { type: "struct linger", headers: ["sys/socket.h"] },
  TcpInfo: {
    type: "struct tcp_info_now",
    ...linux("tcp"),
    names: Object.fromEntries(
      ["rcv_wnd", "rehash", "total_rto", "total_rto_recoveries", "total_rto_time"].map((name) => [
        `tcpi_${name}`,
        `late.${name}`,
      ]),
    ),
    // The end is of Linux 6.12, younger than the headers of Debian 12.
    source: `struct tcp_info_now {
      union {
        struct tcp_info;
        struct {
          char before[232];
          struct { __u32 rcv_wnd, rehash; __u16 total_rto, total_rto_recoveries; __u32 total_rto_time; } late;
        };
      };
    };`,
  },
  SockExtendedErr: { type: "struct sock_extended_err", headers: ["time.h", "linux/types.h", "linux/errqueue.h"] },
  InPktinfo: { type: "struct in_pktinfo", ...linux("in") },
  In6Pktinfo: { type: "struct in6_pktinfo", ...linux("ipv6") },
  IpMreqn: { type: "struct ip_mreqn", ...linux("in") },
  IpMreqSource: { type: "struct ip_mreq_source", ...linux("in") },
  Ipv6Mreq: { type: "struct ipv6_mreq", ...linux("in6") },
  GroupReq: { type: "struct group_req", ...linux("in") },
  GroupSourceReq: { type: "struct group_source_req", ...linux("in") },
  IpMsfilter: { type: "struct ip_msfilter", ...linux("in") },
  GroupFilter: { type: "struct group_filter", ...linux("in") },
  PacketMreq: { type: "struct packet_mreq", ...linux("if_packet") },
  FanoutArgs: { type: "struct fanout_args", ...linux("if_packet") },
  TpacketRolloverStats: { type: "struct tpacket_rollover_stats", ...linux("if_packet") },
  TpacketStats: { type: "struct tpacket_stats", ...linux("if_packet") },
  TpacketAuxdata: { type: "struct tpacket_auxdata", ...linux("if_packet") },
  TpacketStatsV3: { type: "struct tpacket_stats_v3", ...linux("if_packet") },
  TunPi: { type: "struct tun_pi", ...linux("if_tun") },
  VirtioNetHdr: { type: "struct virtio_net_hdr", ...linux("virtio_net") },
  TpacketReq3: { type: "struct tpacket_req3", ...linux("if_packet") },
  TpacketHdr: { type: "struct tpacket_hdr", ...linux("if_packet") },
  Tpacket2Hdr: { type: "struct tpacket2_hdr", ...linux("if_packet") },
  Tpacket3Hdr: {
    type: "struct tpacket3_hdr",
    ...linux("if_packet"),
    names: Object.fromEntries(["tp_rxhash", "tp_vlan_tci", "tp_vlan_tpid"].map((name) => [name, `hv1.${name}`])),
  },
  TpacketBlockDesc: {
    type: "struct tpacket_block_desc",
    ...linux("if_packet"),
    names: {
      ...Object.fromEntries(
        ["block_status", "num_pkts", "offset_to_first_pkt", "blk_len", "seq_num"].map((name) => [
          name,
          `hdr.bh1.${name}`,
        ]),
      ),
      ts_first_sec: "hdr.bh1.ts_first_pkt.ts_sec",
      ts_first_nsec: "hdr.bh1.ts_first_pkt.ts_nsec",
      ts_last_sec: "hdr.bh1.ts_last_pkt.ts_sec",
      ts_last_nsec: "hdr.bh1.ts_last_pkt.ts_nsec",
    },
  },
  Sockaddr: { type: "struct sockaddr", headers: ["sys/socket.h"] },
  IfreqAddress: IFREQ,
  IfreqHardware: IFREQ,
  IfreqFlags: IFREQ,
  IfreqIndex: IFREQ,
  IfreqMetric: IFREQ,
  IfreqMtu: IFREQ,
  IfreqQueue: IFREQ,
  IfreqName: IFREQ,
  Ifconf: { type: "struct ifconf", headers: ["sys/socket.h", "linux/if.h"] },
  Arpreq: { type: "struct arpreq", headers: ["sys/socket.h", "linux/if_arp.h"] },
  Rtentry: { type: "struct rtentry", headers: ["sys/socket.h", "linux/route.h"] },
  Nlmsghdr: { type: "struct nlmsghdr", ...linux("netlink") },
  Nlmsgerr: { type: "struct nlmsgerr", ...linux("netlink") },
  Nlattr: { type: "struct nlattr", ...linux("netlink") },
  Genlmsghdr: { type: "struct genlmsghdr", ...linux("genetlink") },
  Ifinfomsg: { type: "struct ifinfomsg", ...linux("rtnetlink") },
  Ifaddrmsg: { type: "struct ifaddrmsg", ...linux("rtnetlink") },
  IfaCacheinfo: { type: "struct ifa_cacheinfo", ...linux("rtnetlink") },
  RtaCacheinfo: { type: "struct rta_cacheinfo", ...linux("rtnetlink") },
  Nduseroptmsg: { type: "struct nduseroptmsg", ...linux("rtnetlink") },
  Rtmsg: { type: "struct rtmsg", ...linux("rtnetlink") },
  Rtnexthop: { type: "struct rtnexthop", ...linux("rtnetlink") },
  Ndmsg: { type: "struct ndmsg", ...linux("neighbour") },
  NdaCacheinfo: { type: "struct nda_cacheinfo", ...linux("neighbour") },
  FibRuleHdr: { type: "struct fib_rule_hdr", ...linux("fib_rules") },
  FibRulePortRange: { type: "struct fib_rule_port_range", ...linux("fib_rules") },
  FibRuleUidRange: { type: "struct fib_rule_uid_range", ...linux("fib_rules") },
  EthtoolValue: { type: "struct ethtool_value", ...linux("ethtool") },
  EthtoolSsetInfo: { type: "struct ethtool_sset_info", ...linux("ethtool") },
  EthtoolGstrings: { type: "struct ethtool_gstrings", ...linux("ethtool") },
  EthtoolGfeatures: { type: "struct ethtool_gfeatures", ...linux("ethtool") },
  EthtoolFeatures: { type: "struct ethtool_get_features_block", ...linux("ethtool") },
  EthtoolLinkSettings: { type: "struct ethtool_link_settings", ...linux("ethtool") },
  EthtoolCommand: { type: "struct ethtool_cmd", ...linux("ethtool") },
  EthtoolPermAddr: { type: "struct ethtool_perm_addr", ...linux("ethtool") },
  EthtoolStats: { type: "struct ethtool_stats", ...linux("ethtool") },
  EthtoolDrvinfo: { type: "struct ethtool_drvinfo", ...linux("ethtool") },
  EthtoolTsInfo: { type: "struct ethtool_ts_info", ...linux("ethtool") },
  RtnlLinkStats: { type: "struct rtnl_link_stats", ...linux("rtnetlink") },
  RtnlLinkStats64: { type: "struct rtnl_link_stats64", ...linux("rtnetlink") },
  InetDiagSockid: { type: "struct inet_diag_sockid", ...linux("inet_diag") },
  InetDiagReqV2: { type: "struct inet_diag_req_v2", ...linux("inet_diag") },
  InetDiagBcOp: { type: "struct inet_diag_bc_op", ...linux("inet_diag") },
  InetDiagHostcond: { type: "struct inet_diag_hostcond", ...linux("inet_diag") },
  InetDiagMarkcond: { type: "struct inet_diag_markcond", ...linux("inet_diag") },
  InetDiagMsg: { type: "struct inet_diag_msg", ...linux("inet_diag") },
  NetlinkDiagReq: { type: "struct netlink_diag_req", ...linux("types", "netlink_diag") },
  NetlinkDiagMsg: { type: "struct netlink_diag_msg", ...linux("types", "netlink_diag") },
  PacketDiagReq: { type: "struct packet_diag_req", ...linux("types", "packet_diag") },
  PacketDiagMsg: { type: "struct packet_diag_msg", ...linux("types", "packet_diag") },
  PacketDiagInfo: { type: "struct packet_diag_info", ...linux("types", "packet_diag") },
  UnixDiagReq: { type: "struct unix_diag_req", ...linux("types", "unix_diag") },
  UnixDiagMsg: { type: "struct unix_diag_msg", ...linux("types", "unix_diag") },
  UnixDiagRqlen: { type: "struct unix_diag_rqlen", ...linux("types", "unix_diag") },
  LoopInfo: { type: "struct loop_info", ...linux("loop") },
  RtcTime: { type: "struct rtc_time", ...linux("rtc") },
  RtcWkalrm: { type: "struct rtc_wkalrm", ...linux("rtc") },
  LoopInfo64: { type: "struct loop_info64", ...linux("loop") },
  LoopConfig: { type: "struct loop_config", ...linux("loop") },
  BlkpgIoctlArg: { type: "struct blkpg_ioctl_arg", ...linux("blkpg") },
  BlkpgPartition: { type: "struct blkpg_partition", ...linux("blkpg") },
  XtAddrtypeInfo: { type: "struct xt_addrtype_info", ...netfilter("xt_addrtype") },
  XtAddrtypeInfoV1: { type: "struct xt_addrtype_info_v1", ...netfilter("xt_addrtype") },
  XtCommentInfo: { type: "struct xt_comment_info", ...netfilter("xt_comment") },
  XtConnmarkMtinfo1: { type: "struct xt_connmark_mtinfo1", ...netfilter("xt_connmark") },
  XtConntrackMtinfo1: { type: "struct xt_conntrack_mtinfo1", ...netfilter("xt_conntrack") },
  XtConntrackMtinfo2: { type: "struct xt_conntrack_mtinfo2", ...netfilter("xt_conntrack") },
  XtConntrackMtinfo3: { type: "struct xt_conntrack_mtinfo3", ...netfilter("xt_conntrack") },
  IptIcmp: { type: "struct ipt_icmp", headers: ["linux/netfilter_ipv4/ip_tables.h"] },
  XtIprangeMtinfo: { type: "struct xt_iprange_mtinfo", ...netfilter("xt_iprange") },
  XtLengthInfo: { type: "struct xt_length_info", ...netfilter("xt_length") },
  XtRateinfo: { type: "struct xt_rateinfo", ...netfilter("xt_limit") },
  XtMarkMtinfo1: { type: "struct xt_mark_mtinfo1", ...netfilter("xt_mark") },
  XtMultiportV1: { type: "struct xt_multiport_v1", ...netfilter("xt_multiport") },
  XtOwnerMatchInfo: { type: "struct xt_owner_match_info", ...netfilter("xt_owner") },
  XtRecentMtinfo: { type: "struct xt_recent_mtinfo", ...netfilter("xt_recent") },
  XtRecentMtinfoV1: { type: "struct xt_recent_mtinfo_v1", ...netfilter("xt_recent") },
  XtPkttypeInfo: { type: "struct xt_pkttype_info", ...netfilter("xt_pkttype") },
  XtSetInfoMatchV1: {
    type: "struct xt_set_info_match_v1",
    ...netfilter("xt_set"),
    names: { index: "match_set.index", dim: "match_set.dim", flags: "match_set.flags" },
  },
  IpSetCounterMatch: { type: "struct ip_set_counter_match", ...netfilter("ipset/ip_set") },
  XtSetInfoMatchV4: {
    type: "struct xt_set_info_match_v4",
    ...netfilter("xt_set"),
    names: { index: "match_set.index", dim: "match_set.dim", flags: "match_set.flags", what: "flags" },
  },
  IpSetReqVersion: { type: "struct ip_set_req_version", ...netfilter("ipset/ip_set") },
  XtStateInfo: { type: "struct xt_state_info", ...netfilter("xt_state") },
  XtStatisticInfo: {
    type: "struct xt_statistic_info",
    ...netfilter("xt_statistic"),
    names: { every: "u.nth.every", packet: "u.nth.packet", count: "u.nth.count" },
  },
  XtTcp: { type: "struct xt_tcp", ...netfilter("xt_tcpudp") },
  XtUdp: { type: "struct xt_udp", ...netfilter("xt_tcpudp") },
  XtTcpmssMatchInfo: { type: "struct xt_tcpmss_match_info", ...netfilter("xt_tcpmss") },
  IptTtlInfo: { type: "struct ipt_ttl_info", headers: ["linux/netfilter_ipv4/ipt_ttl.h"] },
  Ip6tHlInfo: { type: "struct ip6t_hl_info", headers: ["linux/netfilter_ipv6/ip6t_hl.h"] },
  Ip6tRt: { type: "struct ip6t_rt", headers: ["linux/netfilter_ipv6/ip6t_rt.h"] },
  XtChecksumInfo: { type: "struct xt_CHECKSUM_info", ...netfilter("xt_CHECKSUM") },
  XtConnmarkTginfo1: { type: "struct xt_connmark_tginfo1", ...netfilter("xt_connmark") },
  XtConnmarkTginfo2: { type: "struct xt_connmark_tginfo2", ...netfilter("xt_connmark") },
  XtCtTargetInfo: { type: "struct xt_ct_target_info", ...netfilter("xt_CT") },
  XtCtTargetInfoV1: { type: "struct xt_ct_target_info_v1", ...netfilter("xt_CT") },
  XtLogInfo: { type: "struct xt_log_info", ...netfilter("xt_LOG") },
  XtMarkTginfo2: { type: "struct xt_mark_tginfo2", ...netfilter("xt_mark") },
  XtNflogInfo: { type: "struct xt_nflog_info", ...netfilter("xt_NFLOG") },
  IptRejectInfo: { type: "struct ipt_reject_info", headers: ["linux/netfilter_ipv4/ipt_REJECT.h"] },
  XtTcpmssInfo: { type: "struct xt_tcpmss_info", ...netfilter("xt_TCPMSS") },
  NfNatIpv4MultiRangeCompat: {
    type: "struct nf_nat_ipv4_multi_range_compat",
    ...netfilter("nf_nat"),
    names: Object.fromEntries(["flags", "min_ip", "max_ip", "min", "max"].map((name) => [name, `range[0].${name}`])),
  },
  NfNatRange: { type: "struct nf_nat_range", ...netfilter("nf_nat") },
  NfNatRange2: { type: "struct nf_nat_range2", ...netfilter("nf_nat") },
};
