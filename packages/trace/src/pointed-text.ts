/** Structures that point to others: what is behind a pointer is shown in its place, as strace(1) does. */
import {
  BlkpgIoctlArg,
  BlkpgPartition,
  Ifconf,
  IfreqAddress,
  Iovec,
  Mmsghdr,
  Msghdr,
  SigsetArgument,
  SockFilter,
  SockFprog,
  type Struct,
} from "@stratos/abi";
import { controlText, netlinkText } from "./message-text.ts";
import {
  fieldsText,
  type Formats,
  pointerText,
  readAt,
  signalSetText,
  socketAddressText,
  structuresText,
  structureText,
  type StructureMemory,
  viewOf,
} from "./structure-text.ts";

/** Bytes that are looked at behind one pointer. */
const BYTES_MAX = 4096;

/** What a line is about. */
interface Pointing {
  readonly memory: StructureMemory;
  /** NETLINK_ROUTE … when the call is about a netlink socket. */
  readonly netlinkProtocol: number | null;
  /** Bytes that a call has stored. */
  readonly stored: number;
}

/** How the pointers of a structure read; undefined for one that is shown as it is. */
export const POINTED: ReadonlyMap<Struct, (pointing: Pointing) => Formats> = new Map<
  Struct,
  (pointing: Pointing) => Formats
>([
  [
    SockFprog,
    ({ memory }) => ({
      filter: (value, bytes, at) => {
        const count = viewOf(bytes).getUint16(at + SockFprog.offset.len, true);
        return structuresText(memory, SockFilter, Number(value), count);
      },
    }),
  ],
  [BlkpgIoctlArg, ({ memory }) => ({ data: (value) => structureText(memory, BlkpgPartition, Number(value)) })],
  [
    Ifconf,
    ({ memory }) => ({
      ifc_buf: (value, bytes, at) => {
        const length = viewOf(bytes).getInt32(at + Ifconf.offset.ifc_len, true);
        return structuresText(memory, IfreqAddress, Number(value), Math.floor(length / IfreqAddress.size));
      },
    }),
  ],
  [SigsetArgument, ({ memory }) => ({ p: (value) => signalSetText(memory, Number(value)) })],
  [Msghdr, messageFormats],
  [
    Mmsghdr,
    (pointing) => ({
      msg_hdr: (_value, bytes, at) => `{${fieldsText(bytes, Msghdr, at, messageFormats(pointing))}}`,
    }),
  ],
]);

function messageFormats({ memory, netlinkProtocol, stored }: Pointing): Formats {
  const { msg_namelen, msg_iovlen, msg_controllen } = Msghdr.offset;
  return {
    msg_name: (value, bytes, at) =>
      socketAddressText(memory, Number(value), viewOf(bytes).getInt32(at + msg_namelen, true)),
    msg_iov: (value, bytes, at) => {
      const count = Number(viewOf(bytes).getBigUint64(at + msg_iovlen, true));
      // The parts of a netlink message lie in one place nearly always.
      const isNetlink = netlinkProtocol !== null && count === 1;
      const formats = isNetlink ? partFormats(memory, netlinkProtocol, stored) : undefined;
      return structuresText(memory, Iovec, Number(value), count, formats);
    },
    msg_control: (value, bytes, at) => {
      const length = Math.min(BYTES_MAX, Number(viewOf(bytes).getBigUint64(at + msg_controllen, true)));
      const control = readAt(memory, Number(value), length);
      return control === null || length === 0 ? pointerText(Number(value)) : controlText(control);
    },
  };
}

function partFormats(memory: StructureMemory, protocol: number, stored: number): Formats {
  return {
    iov_base: (value, bytes, at) => {
      const length = Number(viewOf(bytes).getBigUint64(at + Iovec.offset.iov_len, true));
      return netlinkBytesText(memory, Number(value), Math.min(length, stored), protocol);
    },
  };
}

/** A datagram of a netlink socket; its address where it can't be read. */
export function netlinkBytesText(memory: StructureMemory, address: number, length: number, protocol: number): string {
  const bytes = readAt(memory, address, Math.max(0, Math.min(BYTES_MAX, length)));
  return bytes === null ? pointerText(address) : netlinkText(bytes, protocol);
}
