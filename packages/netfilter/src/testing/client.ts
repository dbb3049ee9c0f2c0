/** Sends what a program would send, and gathers what comes back. */
import { NLM_F_ACK_TLVS, NLMSGERR_ATTR_OFFS, NLMSG_ERROR } from "@stratos/abi";
import { type AnswerSink, type Asker, Netfilter, type NetfilterRequest, type PacketHost } from "../netfilter.ts";

/** A machine with one interface, `eth0`, of 10.0.0.1. */
export class Client implements PacketHost {
  nowNs = 1e9;
  readonly lines: string[] = [];
  readonly netfilter = new Netfilter(this);
  /** What listeners of groups heard. */
  readonly heard: Uint8Array[] = [];

  now(): number {
    return this.nowNs;
  }

  realtimeMs(): number {
    return this.nowNs / 1e6;
  }

  random(): number {
    return 7;
  }

  interfaceName(): string {
    return "eth0";
  }

  bridgeName(): string {
    return "br0";
  }

  interfaceType(): number {
    return 1;
  }

  interfaceGroup(): number {
    return 0;
  }

  addressType(bytes: Uint8Array, at: number): number {
    return bytes[at] === 10 ? 2 : 1;
  }

  routeDevice(): number {
    return 1;
  }

  sourceOf(_device: number, _toward: Uint8Array, _at: number, _isV6: boolean, into: Uint32Array): boolean {
    into.fill(0);
    into[3] = 0x0a000001;
    return true;
  }

  mtu(): number {
    return 1500;
  }

  log(_level: number, line: string): void {
    this.lines.push(line);
  }

  /** @returns messages; an acknowledgement or a refusal is an NLMSG_ERROR */
  send(bytes: Uint8Array, asker: Asker = { port: 1, pid: 1, name: "nft" }, isExplained = true): Uint8Array[] {
    const answers: Uint8Array[] = [];
    const sink: AnswerSink<NetfilterRequest> = {
      message: (message) => answers.push(message),
      dump: (_request, messages) => answers.push(...messages),
      acknowledge: (request, error, badAt) => answers.push(acknowledgement(request, error, isExplained ? badAt : 0)),
      broadcast: (message) => this.heard.push(message),
    };
    this.netfilter.receive(parse(Uint8Array.from(bytes)), asker, sink);
    return answers;
  }
}

function parse(bytes: Uint8Array): NetfilterRequest[] {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const all: NetfilterRequest[] = [];
  for (let at = 0; at + 16 <= bytes.length;) {
    const length = view.getUint32(at, true);
    if (length < 16 || at + length > bytes.length) break;
    all.push({
      type: view.getUint16(at + 4, true),
      flags: view.getUint16(at + 6, true),
      sequence: view.getUint32(at + 8, true),
      payload: bytes.slice(at + 16, at + length),
    });
    at += (length + 3) & ~3;
  }
  return all;
}

/** A header, the number, the header that it answers, and what it is about (NLMSGERR_ATTR_OFFS). */
function acknowledgement({ type, flags, sequence }: NetfilterRequest, error: number, badAt: number): Uint8Array {
  const bytes = new Uint8Array(badAt === 0 ? 36 : 44);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, bytes.length, true);
  view.setUint16(4, NLMSG_ERROR, true);
  view.setInt32(16, error, true);
  view.setUint16(24, type, true);
  view.setUint16(26, flags, true);
  view.setUint32(28, sequence, true);
  if (badAt !== 0) {
    view.setUint16(6, NLM_F_ACK_TLVS, true);
    view.setUint16(36, 8, true);
    view.setUint16(38, NLMSGERR_ATTR_OFFS, true);
    view.setUint32(40, badAt, true);
  }
  return bytes;
}
