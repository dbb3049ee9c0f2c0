/** TCP_INFO (tcp(7)): what is known of a connection without segments of our own. */
import { TCPI_OPT_SACK, TCPI_OPT_TIMESTAMPS, TCPI_OPT_WSCALE, TcpInfo } from "@stratos/abi";
import { putFields, viewOf } from "../../ground/words.ts";

/** MSS over Ethernet with timestamps. */
const ETHERNET_MSS = 1448;
const ETHERNET_MTU = 1500;
/** Seven bits each way, as Linux's usual buffers ask for (tcp_select_initial_window). */
const WINDOW_SCALES = 0x77;

/** What a connection's carrier knows of its bytes (tcp-transport.ts). */
interface CarriedBytes {
  readonly unsent: number;
  readonly sentBytes: number;
  readonly receivedBytes: number;
  readonly segmentBytes: number;
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
  return value;
}
