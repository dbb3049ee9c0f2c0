/** TCP_INFO (tcp(7)): what our own stack measures, and what is known of a connection that others carry. */
import { TCPI_OPT_SACK, TCPI_OPT_TIMESTAMPS, TCPI_OPT_WSCALE, TcpInfo } from "@stratos/abi";
import type { TcpConnection } from "@stratos/netstack";
import { putFields, viewOf } from "../../ground/words.ts";

/** MSS over Ethernet with timestamps. */
const ETHERNET_MSS = 1448;
const ETHERNET_MTU = 1500;
/** Seven bits each way, as Linux's usual buffers ask for (tcp_select_initial_window). */
const WINDOW_SCALES = 0x77;

/** TCP_CA_Open, TCP_CA_Recovery, TCP_CA_Loss (include/uapi/linux/tcp.h), by the phase of a connection. */
const CA_STATES = [0, 3, 4];

/** What a connection's carrier knows of its bytes (tcp-transport.ts). */
interface CarriedBytes {
  readonly unsent: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly segmentBytes: number;
  /** Of our own stack. */
  readonly connection?: TcpConnection;
}

/** Of a listener: its queue stands where a connection has unacknowledged and selectively acknowledged segments. */
export function listenerInfo(state: number, queue: { readonly length: number; readonly most: number }): Uint8Array {
  const value = new Uint8Array(TcpInfo.size);
  putFields(viewOf(value), TcpInfo, {
    tcpi_state: state,
    tcpi_unacked: queue.length,
    tcpi_sacked: queue.most,
    tcpi_snd_cwnd: 10,
  });
  return value;
}

/**
 * Times of a connection without loss, and its bytes.
 *
 * @param isActive  this side connected: its SYN counts among what was acknowledged
 */
export function connectionInfo(state: number, transport: CarriedBytes | null, isActive: boolean): Uint8Array {
  const value = new Uint8Array(TcpInfo.size);
  const mss = transport?.segmentBytes ?? 0;
  const { unsent, sentBytes, receivedBytes } = transport ?? { unsent: 0, sentBytes: 0, receivedBytes: 0 };
  putFields(viewOf(value), TcpInfo, {
    tcpi_state: state,
    tcpi_options: transport === null ? 0 : TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE,
    tcpi_rto: 200000,
    tcpi_ato: 40000,
    tcpi_snd_mss: mss === 0 ? ETHERNET_MSS : mss,
    tcpi_rcv_mss: mss === 0 ? ETHERNET_MSS : mss,
    tcpi_pmtu: mss <= ETHERNET_MSS ? ETHERNET_MTU : 65535,
    tcpi_rtt: 100,
    tcpi_rttvar: 50,
    tcpi_snd_ssthresh: 0x7fffffff,
    tcpi_snd_cwnd: 10,
    tcpi_advmss: mss === 0 ? ETHERNET_MSS : mss,
    tcpi_reordering: 3,
    tcpi_notsent_bytes: unsent,
  });
  if (transport === null) return value;
  value[TcpInfo.offset._bits] = WINDOW_SCALES;
  putFields(viewOf(value), TcpInfo, {
    tcpi_bytes_sent: sentBytes - unsent,
    tcpi_bytes_acked: sentBytes - unsent + (isActive ? 1 : 0),
    tcpi_bytes_received: receivedBytes,
  });
  if (transport.connection !== undefined) tellMeasured(value, transport.connection);
  return value;
}

/** Of a connection that has segments: times in microseconds, and what its scoreboard holds. */
function tellMeasured(value: Uint8Array, connection: TcpConnection): void {
  const { roundTrip, sent, ssthresh, mss, rcvScale, sndScale } = connection;
  value[TcpInfo.offset._bits] = sndScale | (rcvScale << 4);
  putFields(viewOf(value), TcpInfo, {
    tcpi_ca_state: CA_STATES[connection.phase]!,
    tcpi_retransmits: connection.timeouts,
    tcpi_probes: connection.persistProbes + connection.keepProbes,
    tcpi_backoff: roundTrip.backoff,
    tcpi_options:
      (connection.hasTimestamps ? TCPI_OPT_TIMESTAMPS : 0) |
      (connection.hasSack ? TCPI_OPT_SACK : 0) |
      (connection.hasScale ? TCPI_OPT_WSCALE : 0),
    tcpi_rto: microseconds(roundTrip.rtoNs),
    tcpi_snd_mss: mss,
    tcpi_rcv_mss: connection.rcvMss,
    tcpi_unacked: sent.count,
    tcpi_sacked: sent.sackedCount,
    tcpi_lost: sent.lostCount,
    tcpi_retrans: sent.retransmittedCount,
    tcpi_rtt: microseconds(roundTrip.smoothedNs),
    tcpi_rttvar: microseconds(roundTrip.varianceNs),
    tcpi_min_rtt: microseconds(roundTrip.leastNs),
    tcpi_snd_ssthresh: ssthresh === Infinity ? 0x7fffffff : Math.floor(ssthresh),
    tcpi_snd_cwnd: Math.floor(connection.cwnd),
    tcpi_advmss: mss,
    tcpi_pmtu: connection.pathMtu,
    tcpi_rcv_space: connection.receiveLimit,
    tcpi_total_retrans: connection.retransmits,
    tcpi_segs_out: connection.segmentsOut,
    tcpi_segs_in: connection.segmentsIn,
    tcpi_notsent_bytes: connection.unsent,
    tcpi_snd_wnd: connection.sndWnd,
    tcpi_bytes_sent: connection.sentBytes,
    tcpi_bytes_retrans: connection.bytesRetransmitted,
  });
}

function microseconds(ns: number): number {
  return Math.round(ns / 1000);
}
