/**
 * Settings of /proc/sys that are kept, told and change nothing, since what they would change doesn't occur here:
 * sysctl(8) and container programs write them, and are not refused. docs/compatibility.md lists them with the reason.
 */
import { ENOENT } from "@stratos/abi";
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

const NO_REDIRECTS = "redirects are neither sent nor heard";
const NO_TEMPORARY = "addresses that routers bring are made of the hardware address alone";
const NO_SOURCE_ROUTES = "no route that stands in a packet is followed";
const NO_SWAP = "there is no swap, and what is clean goes first";
const WRITES_BACK = "files are written back as their volume decides";

/** Of each interface, of all and of new ones, by version and name. Where all begin otherwise: `ofAll`. */
export const INTERFACE_HINTS: Readonly<Record<"ipv4" | "ipv6", Readonly<Record<string, Hint & { ofAll?: number }>>>> = {
  ipv4: {
    accept_redirects: { ...INT, value: 1, why: NO_REDIRECTS },
    accept_source_route: { ...INT, value: 1, ofAll: 0, why: NO_SOURCE_ROUTES },
    log_martians: { ...INT, value: 0, why: "packets from impossible sources are dropped without a word" },
    secure_redirects: { ...INT, value: 1, why: NO_REDIRECTS },
    send_redirects: { ...INT, value: 1, why: NO_REDIRECTS },
    shared_media: { ...INT, value: 1, why: NO_REDIRECTS },
    src_valid_mark: { ...INT, value: 0, why: "packets that come in have no mark" },
  },
  ipv6: {
    accept_redirects: { ...INT, value: 1, why: NO_REDIRECTS },
    accept_source_route: { ...INT, value: 0, why: NO_SOURCE_ROUTES },
    use_tempaddr: { ...INT, value: 0, why: NO_TEMPORARY },
  },
};

/** Of each network, by path below net. */
const NETWORK_HINTS: HintTable = {
  "ipv4/tcp_max_syn_backlog": { ...INT, value: 128, why: "what listen(2) was given bounds connections that begin" },
  "ipv4/tcp_mtu_probing": { value: 0, least: 0, most: 255, why: "a path's MTU is learnt from ICMP" },
  "ipv4/tcp_tw_reuse": {
    value: 2,
    least: 0,
    most: 2,
    why: "a connection that is over gives way to a new one, as with 1",
  },
};

/** Of the machine, by path. */
const MACHINE_HINTS: HintTable = {
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
  const files = (): Setting => ({ ...hintSetting(FILES_PATH, most, ({ hints }) => hints)(), read: filesMost });
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
