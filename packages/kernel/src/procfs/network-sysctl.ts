/**
 * /proc/sys/net (Linux Documentation/networking/ip-sysctl.rst, Documentation/admin-guide/sysctl/net.rst): of the
 * reader's network namespace, but for what all networks of the machine share.
 */
import { CAP_NET_ADMIN, EINVAL } from "@stratos/abi";
import { INITIAL_USER_NAMESPACE } from "../security/user-namespace.ts";
import { isReserved } from "../socket/inet/port-table.ts";
import type { NetworkSettings, PortRange, TcpBuffer } from "../socket/network-settings.ts";
import { BY_ADDRESSES, BY_PORTS } from "../socket/route-ways.ts";
import { RECEIVE_BUFFER_MIN, SEND_BUFFER_MIN } from "../socket/socket-options.ts";
import type { SocketBuffers } from "../socket/socket-kernel.ts";
import { confSettings, forwarding, NETWORK_RIGHT } from "./interface-settings.ts";
import { networkHints } from "./setting-hints.ts";
import { bounded, fixed, numbers, only, type Setting, type SettingRight } from "./setting.ts";

const MACHINE_RIGHT: SettingRight = { owner: () => INITIAL_USER_NAMESPACE, capability: CAP_NET_ADMIN, opens: true };
const INT_MAX = 0x7fffffff;
const PORT_MAX = 65535;
const ID_MOST = 0xfffffffe;

export function networkSettings(): Record<string, () => Setting> {
  return Object.fromEntries(
    Object.entries({ ...ownSettings(), ...networkHints(), ...sharedSettings(), ...confSettings() }).map(
      ([path, make]) => [`net/${path}`, () => ({ right: NETWORK_RIGHT, ...make() })],
    ),
  );
}

function ownSettings(): Record<string, () => Setting> {
  return {
    "core/somaxconn": ofNetwork("backlogMost", { least: 0, most: INT_MAX }),
    "core/netdev_max_backlog": only("1000"),
    "core/optmem_max": only("131072"),
    "ipv4/fib_multipath_hash_policy": sharesBy("v4"),
    "ipv6/fib_multipath_hash_policy": sharesBy("v6"),
    "ipv4/icmp_echo_ignore_all": ignoresEcho("v4"),
    "ipv4/icmp_echo_ignore_broadcasts": flag("ignoresBroadcastEcho"),
    "ipv4/icmp_msgs_burst": errorLimit("burst"),
    "ipv4/icmp_msgs_per_sec": errorLimit("perSecond"),
    "ipv4/ip_default_ttl": only("64"),
    "ipv4/ip_forward": forwarding("ipv4"),
    "ipv4/ip_nonlocal_bind": flag("bindsForeignV4"),
    "ipv6/ip_nonlocal_bind": flag("bindsForeignV6"),
    "ipv4/ip_local_port_range": numbers(
      2,
      (_kernel, { network: { settings } }) => [settings.localPorts.first, settings.localPorts.last],
      (_kernel, [first, last], { network: { settings } }) => {
        if (first! < 1 || last! > PORT_MAX || last! < first! || first! < settings.firstOpenPort) return -EINVAL;
        settings.localPorts = { ...settings.localPorts, first: first!, last: last! };
        return 0;
      },
    ),
    "ipv4/ip_local_reserved_ports": () => ({
      read: (_kernel, { network: { settings } }) => listOfPorts(settings.localPorts),
      write: (_kernel, text, { network: { settings } }) => {
        const reserved = bitmapOfPorts(text);
        if (reserved === null) return -EINVAL;
        settings.localPorts = { ...settings.localPorts, reserved };
        return 0;
      },
    }),
    "ipv4/ip_unprivileged_port_start": numbers(
      1,
      (_kernel, { network }) => [network.settings.firstOpenPort],
      (_kernel, [port], { network: { settings } }) => {
        if (port! < 0 || port! > PORT_MAX || port! > settings.localPorts.first) return -EINVAL;
        settings.firstOpenPort = port!;
        return 0;
      },
    ),
    "ipv4/ping_group_range": numbers(
      2,
      (_kernel, { network: { settings } }) => [settings.pingGroups.first, settings.pingGroups.last],
      (_kernel, [first, last], { network: { settings } }) => {
        if (first! < 0 || last! < 0 || first! > ID_MOST || last! > ID_MOST) return -EINVAL;
        settings.pingGroups = { first: first!, last: last! };
        return 0;
      },
    ),
    "ipv4/tcp_fastopen": only("0"),
    "ipv4/tcp_fin_timeout": ofNetwork("finSeconds", { least: 0, most: Math.floor(INT_MAX / 1000) }),
    "ipv4/tcp_keepalive_intvl": ofNetwork("keepAliveInterval", { least: 1, most: 32767 }),
    "ipv4/tcp_keepalive_probes": ofNetwork("keepAliveProbes", { least: 1, most: 127 }),
    "ipv4/tcp_keepalive_time": ofNetwork("keepAliveSeconds", { least: 1, most: 32767 }),
    "ipv4/tcp_max_tw_buckets": ofNetwork("waitingMost", { least: -INT_MAX - 1, most: INT_MAX }),
    "ipv4/tcp_sack": ofNetwork("hasSack", { least: 0, most: 255 }),
    "ipv4/tcp_syn_linear_timeouts": ofNetwork("synLinear", { least: 0, most: 127 }),
    "ipv4/tcp_syn_retries": ofNetwork("synRetries", { least: 1, most: 127 }),
    "ipv4/tcp_syncookies": only("1"),
    "ipv4/tcp_timestamps": ofNetwork("hasTimestamps", { least: 0, most: 255 }),
    "ipv4/tcp_tw_reuse": ofNetwork("waitReuse", { least: 0, most: 2 }),
    "ipv4/tcp_tw_reuse_delay": ofNetwork("waitReuseMs", { least: 1, most: 60000 }),
    "ipv4/tcp_window_scaling": ofNetwork("hasWindowScaling", { least: 0, most: 255 }),
    "ipv4/tcp_rmem": tcpBuffer("tcpReceive"),
    "ipv4/tcp_wmem": tcpBuffer("tcpSend"),
    "ipv4/tcp_congestion_control": only("cubic"),
    "ipv4/tcp_available_congestion_control": fixed(() => "cubic"),
    "ipv4/igmp_qrv": ofNetwork("robustnessV4", { least: 1, most: INT_MAX }),
    "ipv6/mld_qrv": ofNetwork("robustnessV6", { least: 1, most: INT_MAX }),
    "ipv6/bindv6only": flag("isV6Only"),
    "ipv6/icmp/echo_ignore_all": ignoresEcho("v6"),
    "unix/max_dgram_qlen": ofNetwork("unixQueueMost", { least: 0, most: INT_MAX }),
  };
}

/** Ports and spans of them, with commas between; null: it is none (kernel/sysctl.c, proc_do_large_bitmap). */
function bitmapOfPorts(text: string): Uint8Array | null {
  // How many spans more begin at a port than end before it: however many there are, all ports are looked at once.
  const change = new Int32Array(PORT_MAX + 2);
  for (const part of text.trim().split(",")) {
    if (part === "") continue;
    const [, from, to] = /^(\d+)(?:-(\d+))?$/.exec(part) ?? [];
    const first = Number(from),
      last = Number(to ?? from);
    if (!(first <= last && last <= PORT_MAX)) return null;
    change[first]!++;
    change[last + 1]!--;
  }
  const bits = new Uint8Array((PORT_MAX + 1) / 8);
  for (let port = 0, depth = 0; port <= PORT_MAX; port++)
    if ((depth += change[port]!) > 0) bits[port >> 3]! |= 1 << (port & 7);
  return bits;
}

function listOfPorts(ports: PortRange): string {
  const spans: string[] = [];
  for (let port = 0; port <= PORT_MAX; port++) {
    if (!isReserved(ports, port)) continue;
    const first = port;
    while (port < PORT_MAX && isReserved(ports, port + 1)) port++;
    spans.push(first === port ? `${first}` : `${first}-${port}`);
  }
  return spans.join();
}

function ofNetwork(
  field:
    | "backlogMost"
    | "finSeconds"
    | "hasSack"
    | "hasTimestamps"
    | "hasWindowScaling"
    | "keepAliveInterval"
    | "keepAliveProbes"
    | "keepAliveSeconds"
    | "robustnessV4"
    | "robustnessV6"
    | "synLinear"
    | "synRetries"
    | "unixQueueMost"
    | "waitReuse"
    | "waitReuseMs"
    | "waitingMost",
  range: { least: number; most: number },
): () => Setting {
  return bounded(
    range,
    (_kernel, { network }) => network.settings[field],
    (_kernel, value, { network }) => (network.settings[field] = value),
  );
}

/** By what is within tunnels, and by chosen fields, nothing is shared. */
function sharesBy(version: "v4" | "v6"): () => Setting {
  return bounded(
    { least: BY_ADDRESSES, most: BY_PORTS },
    (_kernel, { network }) => network.settings.sharesBy[version],
    (_kernel, value, { network }) => (network.settings.sharesBy[version] = value),
  );
}

function flag(field: "bindsForeignV4" | "bindsForeignV6" | "ignoresBroadcastEcho" | "isV6Only"): () => Setting {
  return bounded(
    { least: 0, most: 1 },
    (_kernel, { network }) => (network.settings[field] ? 1 : 0),
    (_kernel, value, { network }) => (network.settings[field] = value === 1),
  );
}

/** That of IPv6 takes any byte (net/ipv6/icmp.c, ipv6_icmp_table_template). */
function ignoresEcho(family: "v4" | "v6"): () => Setting {
  return bounded(
    { least: 0, most: family === "v4" ? 1 : 255 },
    (_kernel, { network }) => network.settings.ignoresEcho[family],
    (_kernel, value, { network }) => (network.settings.ignoresEcho[family] = value),
  );
}

function errorLimit(field: "burst" | "perSecond"): () => Setting {
  return bounded(
    { least: 0, most: INT_MAX },
    (_kernel, { network }) => network.settings.icmpErrors[field],
    (_kernel, value, { network }) => (network.settings.icmpErrors[field] = value),
  );
}

function tcpBuffer(field: keyof Pick<NetworkSettings, "tcpReceive" | "tcpSend">): () => Setting {
  return numbers(
    3,
    (_kernel, { network }) => network.settings[field],
    (_kernel, values, { network }) => {
      if (values.some((value) => value < 1 || value > INT_MAX)) return -EINVAL;
      network.settings[field] = [...values] as unknown as TcpBuffer;
      return 0;
    },
  );
}

/** What all networks of the machine share is the machine's to set. */
function sharedSettings(): Record<string, () => Setting> {
  return {
    "core/rmem_default": bufferSetting("receiveDefault", RECEIVE_BUFFER_MIN),
    "core/rmem_max": bufferSetting("receiveMost", RECEIVE_BUFFER_MIN),
    "core/wmem_default": bufferSetting("sendDefault", SEND_BUFFER_MIN),
    "core/wmem_max": bufferSetting("sendMost", SEND_BUFFER_MIN),
    "ipv4/tcp_mem": socketMemory("tcpMemory"),
    "ipv4/udp_mem": socketMemory("udpMemory"),
  };
}

function bufferSetting(field: keyof SocketBuffers, least: number): () => Setting {
  return bounded(
    { least, most: INT_MAX },
    ({ socketState }) => socketState.buffers[field],
    ({ socketState }, value) => (socketState.buffers[field] = value),
    MACHINE_RIGHT,
  );
}

/** tcp_mem and udp_mem: three numbers of pages. */
function socketMemory(kind: "tcpMemory" | "udpMemory"): () => Setting {
  return numbers(
    3,
    ({ socketState }) => socketState[kind].limits,
    ({ socketState }, values) => {
      if (values.some((value) => value < 0)) return -EINVAL;
      socketState[kind].limits = [values[0]!, values[1]!, values[2]!];
      return 0;
    },
    MACHINE_RIGHT,
  );
}
