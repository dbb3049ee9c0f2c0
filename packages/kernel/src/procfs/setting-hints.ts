/**
 * Settings of /proc/sys that are kept, told and change nothing, since what they would change doesn't occur here:
 * sysctl(8) and container programs write them, and are not refused. docs/compatibility.md lists them with the reason.
 */
import { EINVAL, ENOENT } from "@stratos/abi";
import type { Kernel } from "../task/kernel-state.ts";
import type { Task } from "../task/task.ts";
import { FILES_MAX } from "../vfs/file-table.ts";
import { bounded, type Setting } from "./setting.ts";

/** A number, from `least` to `most`, that changes nothing. */
interface Hint {
  /** As Linux begins. */
  readonly value: number;
  readonly least: number;
  readonly most: number;
  readonly why: string;
}

type HintTable = Readonly<Record<string, Hint>>;

const INT = { least: -0x80000000, most: 0x7fffffff };
const COUNT = { least: 0, most: 0x7fffffff };
const PERCENT = { least: 0, most: 100 };
const FLAG = { least: 0, most: 1 };
const BYTE = { least: 0, most: 255 };

const NO_REDIRECTS = "redirects are neither sent nor heard";
const NO_TEMPORARY = "addresses that routers bring are made of the hardware address alone";
const NO_SOURCE_ROUTES = "no route that stands in a packet is followed";
const NO_SWAP = "there is no swap, and what is clean goes first";
const WRITES_BACK = "files are written back as their volume decides";
const NO_PANIC = "this kernel stops with the machine, and nothing watches for that";
const NO_ZONES = "memory has one zone and no order, and nothing is kept back of it";
const OWN_TCP =
  "inside the machine no segment is lost; elsewhere the host's TCP, or our own over links, goes by its rules";
const NO_QUEUES = "frames are taken as they come, by nobody who would spin for them";
const OWN_BOUNDS = "has a bound of its own";
const NO_TUNNELS_OF_IPSEC = "there is no IPsec";

/** Of each interface, of all and of new ones, by version and name. Where all begin otherwise: `ofAll`. */
export const INTERFACE_HINTS: Readonly<Record<"ipv4" | "ipv6", Readonly<Record<string, Hint & { ofAll?: number }>>>> = {
  ipv4: {
    accept_redirects: { ...INT, value: 1, why: NO_REDIRECTS },
    accept_source_route: { ...INT, value: 1, ofAll: 0, why: NO_SOURCE_ROUTES },
    disable_policy: { ...INT, value: 0, why: NO_TUNNELS_OF_IPSEC },
    disable_xfrm: { ...INT, value: 0, why: NO_TUNNELS_OF_IPSEC },
    log_martians: { ...INT, value: 0, why: "packets from impossible sources are dropped without a word" },
    secure_redirects: { ...INT, value: 1, why: NO_REDIRECTS },
    send_redirects: { ...INT, value: 1, why: NO_REDIRECTS },
    shared_media: { ...INT, value: 1, why: NO_REDIRECTS },
    src_valid_mark: { ...INT, value: 0, why: "packets that come in have no mark" },
  },
  ipv6: {
    accept_redirects: { ...INT, value: 1, why: NO_REDIRECTS },
    accept_source_route: { ...INT, value: 0, why: NO_SOURCE_ROUTES },
    temp_prefered_lft: { ...INT, value: 86400, why: NO_TEMPORARY },
    temp_valid_lft: { ...INT, value: 604800, why: NO_TEMPORARY },
    use_tempaddr: { ...INT, value: 0, why: NO_TEMPORARY },
  },
};

/** Hints for one reason, each with the value that Linux begins with. */
function hints(why: string, range: Pick<Hint, "least" | "most">, values: Record<string, number>): [string, Hint][] {
  return Object.entries(values).map(([path, value]) => [path, { ...range, value, why }]);
}

const TCP_HINTS = [
  ...hints(OWN_TCP, BYTE, {
    ...{ "ipv4/tcp_abort_on_overflow": 0, "ipv4/tcp_autocorking": 1, "ipv4/tcp_comp_sack_nr": 44, "ipv4/tcp_dsack": 1 },
    ...{ "ipv4/tcp_fack": 0, "ipv4/tcp_frto": 2, "ipv4/tcp_moderate_rcvbuf": 1, "ipv4/tcp_no_metrics_save": 0 },
    ...{ "ipv4/tcp_orphan_retries": 0, "ipv4/tcp_recovery": 1, "ipv4/tcp_retrans_collapse": 1 },
    ...{ "ipv4/tcp_retries1": 3, "ipv4/tcp_retries2": 15, "ipv4/tcp_rfc1337": 0, "ipv4/tcp_slow_start_after_idle": 1 },
    ...{ "ipv4/tcp_stdurg": 0, "ipv4/tcp_synack_retries": 5, "ipv4/tcp_thin_linear_timeouts": 0 },
    ...{ "ipv4/tcp_tso_win_divisor": 3, "ipv4/tcp_workaround_signed_windows": 0, "ipv4/tcp_min_tso_segs": 2 },
  }),
  ...hints(OWN_TCP, FLAG, { "ipv4/tcp_early_demux": 1, "ipv4/udp_early_demux": 1, "ipv4/ip_early_demux": 1 }),
  ...hints(OWN_TCP, INT, {
    ...{ "ipv4/tcp_base_mss": 1024, "ipv4/tcp_challenge_ack_limit": 0x7fffffff, "ipv4/tcp_invalid_ratelimit": 500 },
    ...{ "ipv4/tcp_limit_output_bytes": 4194304, "ipv4/tcp_max_reordering": 300, "ipv4/tcp_probe_threshold": 8 },
    ...{ "ipv4/tcp_low_latency": 0, "ipv4/tcp_reordering": 3 },
  }),
  ...hints(OWN_TCP, { least: 0, most: 1000 }, { "ipv4/tcp_pacing_ca_ratio": 120, "ipv4/tcp_pacing_ss_ratio": 200 }),
  ...hints(OWN_TCP, { least: 0, most: 86400 }, { "ipv4/tcp_min_rtt_wlen": 300 }),
  ...hints(OWN_TCP, { least: 0, most: 4 }, { "ipv4/tcp_early_retrans": 3 }),
  ...hints(OWN_TCP, { least: 0, most: 2 }, { "ipv4/tcp_ecn": 2 }),
  ...hints(OWN_TCP, FLAG, { "ipv4/tcp_ecn_fallback": 1 }),
  ...hints(OWN_TCP, { least: 0, most: 0xffffffff }, { "ipv4/tcp_notsent_lowat": 0xffffffff }),
  ...hints(OWN_TCP, { least: -31, most: 31 }, { "ipv4/tcp_adv_win_scale": 1 }),
  ...hints(OWN_TCP, { least: 0, most: 31 }, { "ipv4/tcp_app_win": 31 }),
];

const BOUND_HINTS = [
  ...hints("buffers of a socket are bounded by what it was given", COUNT, {
    ...{ "ipv4/udp_rmem_min": 4096, "ipv4/udp_wmem_min": 4096 },
  }),
  ...hints(`what has nobody ${OWN_BOUNDS}`, INT, { "ipv4/tcp_max_orphans": 16384 }),
  ...hints(`what is known of neighbours and ways ${OWN_BOUNDS}`, INT, {
    ...{ "ipv4/neigh/default/gc_interval": 30, "ipv6/neigh/default/gc_interval": 30 },
    ...{ "ipv4/neigh/default/gc_thresh1": 128, "ipv4/neigh/default/gc_thresh2": 512 },
    ...{ "ipv4/neigh/default/gc_thresh3": 1024, "ipv6/neigh/default/gc_thresh1": 128 },
    ...{ "ipv6/neigh/default/gc_thresh2": 512, "ipv6/neigh/default/gc_thresh3": 1024 },
    ...{ "ipv4/route/gc_timeout": 300, "ipv4/route/max_size": 0x7fffffff, "ipv6/route/gc_thresh": 1024 },
    ...{ "ipv6/route/gc_timeout": 60, "ipv6/route/max_size": 0x7fffffff },
  }),
  ...hints(`what waits for its other fragments ${OWN_BOUNDS}`, COUNT, {
    ...{ "ipv4/ipfrag_high_thresh": 4194304, "ipv4/ipfrag_low_thresh": 3145728, "ipv4/ipfrag_max_dist": 64 },
    ...{ "ipv4/ipfrag_time": 30, "ipv6/ip6frag_high_thresh": 4194304, "ipv6/ip6frag_low_thresh": 3145728 },
    ...{ "ipv6/ip6frag_time": 60 },
  }),
];

/** Of each network, by path below net. */
const NETWORK_HINTS: HintTable = {
  ...Object.fromEntries([...TCP_HINTS, ...BOUND_HINTS]),
  ...Object.fromEntries(
    hints("errors that make no sense are passed over without a word", FLAG, {
      "ipv4/icmp_ignore_bogus_error_responses": 1,
    }),
  ),
  "ipv6/auto_flowlabels": { value: 1, least: 0, most: 3, why: "packets that nobody gave a flow label have none" },
  "ipv4/ip_dynaddr": { ...BYTE, value: 0, why: "addresses do not change while connections begin" },
  "ipv4/tcp_max_syn_backlog": { ...INT, value: 128, why: "what listen(2) was given bounds connections that begin" },
  "ipv4/tcp_mtu_probing": { value: 0, least: 0, most: 255, why: "a path's MTU is learnt from ICMP" },
};

/** Of the machine, by path. */
const MACHINE_HINTS: HintTable = {
  ...Object.fromEntries([
    ...hints(NO_PANIC, INT, { "kernel/panic": 0, "kernel/panic_on_oops": 0 }),
    ...hints(NO_PANIC, FLAG, {
      ...{ "kernel/hung_task_panic": 0, "kernel/panic_on_warn": 0, "kernel/soft_watchdog": 1 },
      ...{ "kernel/nmi_watchdog": 0, "kernel/softlockup_panic": 0, "kernel/watchdog": 1 },
    }),
    ...hints(NO_PANIC, COUNT, { "kernel/hung_task_timeout_secs": 120, "kernel/oops_limit": 10000 }),
    ...hints(NO_PANIC, COUNT, { "kernel/warn_limit": 0 }),
    ...hints(NO_PANIC, { least: 0, most: 60 }, { "kernel/watchdog_thresh": 10 }),
    ...hints("dmesg keeps all", INT, { "kernel/printk_ratelimit": 5, "kernel/printk_ratelimit_burst": 10 }),
    ...hints("sessions share the processor as their processes do", FLAG, { "kernel/sched_autogroup_enabled": 1 }),
    ...hints("timers are the machine's", FLAG, { "kernel/timer_migration": 1 }),
    ...hints(NO_QUEUES, COUNT, {
      ...{ "net/core/busy_poll": 0, "net/core/busy_read": 0, "net/core/netdev_budget": 300 },
      ...{ "net/core/dev_weight": 64, "net/core/netdev_budget_usecs": 8000, "net/core/rps_sock_flow_entries": 0 },
    }),
    ...hints("dmesg keeps all", COUNT, { "net/core/message_burst": 10, "net/core/message_cost": 5 }),
    ...hints(
      "programs of packets are executed as they are",
      { least: 0, most: 2 },
      {
        ...{ "net/core/bpf_jit_enable": 1, "net/core/bpf_jit_harden": 0 },
      },
    ),
    ...hints(WRITES_BACK, { least: 0, most: 2 ** 52 }, { "vm/dirty_background_bytes": 0, "vm/dirty_bytes": 0 }),
    ...hints(WRITES_BACK, COUNT, { "vm/dirtytime_expire_seconds": 43200, "vm/laptop_mode": 0 }),
    ...hints(NO_SWAP, { least: 0, most: 31 }, { "vm/page-cluster": 3 }),
    ...hints(NO_ZONES, COUNT, {
      ...{ "vm/admin_reserve_kbytes": 8192, "vm/user_reserve_kbytes": 131072, "vm/zone_reclaim_mode": 0 },
      ...{ "vm/percpu_pagelist_high_fraction": 0, "vm/watermark_boost_factor": 15000 },
    }),
    ...hints(NO_ZONES, PERCENT, { "vm/compaction_proactiveness": 20 }),
    ...hints(NO_ZONES, { least: 0, most: 1000 }, { "vm/extfrag_threshold": 500 }),
    ...hints(NO_ZONES, { least: 1, most: 3000 }, { "vm/watermark_scale_factor": 10 }),
    ...hints("there are no huge pages", COUNT, { "vm/nr_overcommit_hugepages": 0 }),
    ...hints("there are no huge pages", INT, { "vm/hugetlb_shm_group": 0 }),
    ...hints("dmesg tells of each process that is ended for its memory", INT, { "vm/oom_dump_tasks": 1 }),
    ...hints("numbers are counted when they are read", INT, { "vm/stat_interval": 1 }),
  ]),
  "kernel/sysrq": { ...INT, value: 0, why: "no key asks for anything" },
  "vm/dirty_background_ratio": { ...PERCENT, value: 10, why: WRITES_BACK },
  "vm/dirty_expire_centisecs": { ...COUNT, value: 3000, why: WRITES_BACK },
  "vm/dirty_ratio": { ...PERCENT, value: 20, why: WRITES_BACK },
  "vm/dirty_writeback_centisecs": { ...COUNT, value: 500, why: WRITES_BACK },
  "vm/min_free_kbytes": { ...COUNT, value: 4096, why: "memory for the kernel is not taken from that of programs" },
  "vm/swappiness": { value: 60, least: 0, most: 200, why: NO_SWAP },
};

/** Where values of hints are kept by path; what nobody set is not in it. Bound: the tables above. */
type Kept = Map<string, number | string>;

/** @param keptAt  undefined: what it is about is gone */
export function hintSetting(
  path: string,
  hint: Hint,
  keptAt: (kernel: Kernel, task: Task) => Kept | undefined,
): () => Setting {
  return () => ({
    ...bounded(
      hint,
      (kernel, task) => Number(keptAt(kernel, task)?.get(path) ?? hint.value),
      (kernel, value, task) => keptAt(kernel, task)?.set(path, value),
    )(),
    hint: hint.why,
  });
}

/** Names that `tc qdisc` knows without a module; any other is none of Linux's. */
const QUEUEING = ["bfifo", "cake", "codel", "fq", "fq_codel", "fq_pie", "noqueue", "pfifo", "pfifo_fast", "pie", "sfq"];

const QUEUEING_PATH = "net/core/default_qdisc";

const FILES_PATH = "fs/file-max";

/** fs.file-max, which systemd sets to the greatest number that there is. */
export function filesMost({ hints }: Kernel): string {
  const value = Number(hints.get(FILES_PATH) ?? FILES_MAX);
  return value > Number.MAX_SAFE_INTEGER ? "9223372036854775807" : String(value);
}

/** By path: of the machine. −ENOENT for net.core.default_qdisc: none has that name (net/sched/sch_api.c). */
export function machineHints(): Record<string, () => Setting> {
  const queueing: Setting = {
    hint: "no packet waits in front of a link",
    read: ({ hints }) => String(hints.get(QUEUEING_PATH) ?? "pfifo_fast"),
    write: ({ hints }, text) => {
      const name = text.trim();
      if (!QUEUEING.includes(name)) return -ENOENT;
      hints.set(QUEUEING_PATH, name);
      return 0;
    },
  };
  const numbers = Object.entries(MACHINE_HINTS).map(
    ([path, hint]) => [path, hintSetting(path, hint, ({ hints }) => hints)] as const,
  );
  const most = { value: FILES_MAX, least: 0, most: 2 ** 63, why: `${FILES_MAX} descriptors are open at most` };
  const files = (): Setting => {
    const setting = hintSetting(FILES_PATH, most, ({ hints }) => hints)();
    // A number cannot tell 2^63 from 2^63 − 1, which is the greatest.
    const write: Setting["write"] = (kernel, text, task) =>
      text.trim() === String(2n ** 63n) ? -EINVAL : setting.write!(kernel, text, task);
    return { ...setting, read: filesMost, write };
  };
  return { ...Object.fromEntries(numbers), [FILES_PATH]: files, [QUEUEING_PATH]: () => queueing };
}

/** By path below net: of each network. */
export function networkHints(): Record<string, () => Setting> {
  return Object.fromEntries(
    Object.entries(NETWORK_HINTS).map(([path, hint]) => [
      path,
      hintSetting(path, hint, (_kernel, { network }) => network.settings.hints),
    ]),
  );
}
