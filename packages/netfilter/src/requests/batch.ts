/**
 * The frame of all messages of NETLINK_NETFILTER (net/netfilter/nfnetlink.c): questions by themselves, and batches of
 * changes, of which all are done or none.
 */
import type { Ruleset } from "../rules/ruleset.ts";
import {
  AF_UNSPEC,
  EINVAL,
  EOPNOTSUPP,
  ERESTART,
  NFNLGRP_NFTABLES,
  NFNL_BATCH_GENID,
  NFNL_MSG_BATCH_BEGIN,
  NFNL_MSG_BATCH_END,
  IPSET_CMD_LIST,
  IPSET_CMD_SAVE,
  NFNL_SUBSYS_IPSET,
  NFNL_SUBSYS_NFTABLES,
  NFT_MSG_GETGEN,
  NFT_MSG_NEWGEN,
  NLMSG_MIN_TYPE,
  NLM_F_ACK,
  NLM_F_DUMP,
  NLM_F_ECHO,
  NLM_F_REQUEST,
  Nlmsghdr,
} from "@stratos/abi";
import { Attributes } from "../wire/attributes.ts";
import { MessageWriter } from "../wire/message-writer.ts";
import { Refusal, refuse } from "../wire/refusal.ts";
import { Dump } from "./dumps.ts";
import { CHANGES, DUMPS, fillGeneration, validate } from "./nftables.ts";
import { type Notice, Transaction } from "./transaction.ts";

/** `struct nfgenmsg`. */
const HEADER_SIZE = 4;
/** `struct nlattr`. */
const ATTRIBUTE_HEADER_SIZE = 4;

/** A message of netlink(7), without its header. */
export interface NetfilterRequest {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Uint8Array;
}

/** A program that asks. */
export interface Asker {
  /** Of its socket. */
  readonly port: number;
  readonly pid: number;
  readonly name: string;
}

/** Where answers go. */
export interface AnswerSink<Request extends NetfilterRequest = NetfilterRequest> {
  /** One message for who asked. */
  message(bytes: Uint8Array): void;
  /** All of a dump; its end is the sink's to say. */
  dump(request: Request, messages: Uint8Array[]): void;
  /**
   * @param error  0 or a negated errno
   * @param badAt  where the attribute that it is about begins, from the message's header on; 0: it is about none
   */
  acknowledge(request: Request, error: number, badAt: number): void;
  /** What listeners of a group hear. */
  broadcast(bytes: Uint8Array, group: number): void;
}

/** Questions of further subsystems. @returns messages, or a negated errno */
export type Subsystem = (request: NetfilterRequest, port: number) => Uint8Array[] | number;

/** Of ipset(8) the same bits say of an element that it must be a new one. */
function isDump(type: number, flags: number): boolean {
  const command = type & 0xff;
  const isListed = type >> 8 !== NFNL_SUBSYS_IPSET || command === IPSET_CMD_LIST || command === IPSET_CMD_SAVE;
  return isListed && (flags & NLM_F_DUMP) !== 0;
}

export class RequestHandler {
  readonly #ruleset: Ruleset;
  readonly #subsystems: ReadonlyMap<number, Subsystem>;
  readonly #writer = new MessageWriter();
  /** Of what failed last: `badAt` of its acknowledgement. */
  #badAt = 0;

  constructor(ruleset: Ruleset, subsystems: ReadonlyMap<number, Subsystem>) {
    this.#ruleset = ruleset;
    this.#subsystems = subsystems;
  }

  /** All of one sendmsg(2). @returns has the ruleset changed? */
  receive<R extends NetfilterRequest>(
    requests: readonly R[],
    asker: Asker,
    sink: AnswerSink<R>,
    nowNs: number,
  ): boolean {
    const first = requests[0];
    if (first === undefined) return false;
    if (first.type === NFNL_MSG_BATCH_BEGIN) return this.#batch(first, requests.slice(1), { asker, sink, nowNs });
    for (const request of requests) this.#single(request, { asker, sink, nowNs });
    return false;
  }

  #single<R extends NetfilterRequest>(request: R, how: { asker: Asker; sink: AnswerSink<R>; nowNs: number }): void {
    const { type, flags } = request;
    let error = 0;
    this.#badAt = 0;
    if ((flags & NLM_F_REQUEST) !== 0 && type >= NLMSG_MIN_TYPE) {
      const answer: Uint8Array[] = [];
      error = this.#ask(request, how, answer);
      if (error === 0 && isDump(type, flags)) {
        how.sink.dump(request, answer);
        return;
      }
      for (const message of answer) how.sink.message(message);
    }
    if (error !== 0 || (flags & NLM_F_ACK) !== 0) how.sink.acknowledge(request, error, this.#badAt);
  }

  /** @param answer  of several elements those that were found before one is not there @returns 0 or a negated errno */
  #ask(
    request: NetfilterRequest,
    { asker, nowNs }: { readonly asker: Asker; readonly nowNs: number },
    answer: Uint8Array[],
  ): number {
    const { type, flags, sequence, payload } = request;
    // Too short for anything: it is taken without a word (nfnetlink_rcv_msg).
    if (payload.length < HEADER_SIZE) return 0;
    const subsystem = type >> 8;
    let dump: Dump | null = null;
    try {
      if (subsystem !== NFNL_SUBSYS_NFTABLES) {
        const messages = this.#subsystems.get(subsystem)?.(request, asker.port) ?? -EINVAL;
        if (typeof messages === "number") return messages;
        for (const message of messages) answer.push(message);
        return 0;
      }
      const message = type & 0xff;
      const attributes = Attributes.read(payload, HEADER_SIZE);
      const isDump = (flags & NLM_F_DUMP) !== 0;
      dump = new Dump(this.#ruleset, {
        family: payload[0]!,
        attributes,
        sequence,
        port: asker.port,
        isDump,
        nowNs,
      });
      if (message === NFT_MSG_GETGEN)
        dump.add(NFT_MSG_NEWGEN, AF_UNSPEC, 0, (w) => fillGeneration(w, this.#ruleset, asker));
      else (DUMPS.get(message) ?? refuse(EINVAL))(dump);
      return 0;
    } catch (error) {
      return this.#failed(error, request);
    } finally {
      for (const message of dump?.messages ?? []) answer.push(message);
    }
  }

  /**
   * Each change that fails is told of, but none is done. When jumps turn out wrong at the end, the batch is done again
   * with a look at them behind each change, so that the one that is wrong is told of (nf_tables_validate, EAGAIN).
   */
  #batch<R extends NetfilterRequest>(
    begin: R,
    requests: readonly R[],
    how: { asker: Asker; sink: AnswerSink<R>; nowNs: number },
  ): boolean {
    const { sink } = how;
    if (begin.payload.length < HEADER_SIZE) return false;
    const subsystem = (begin.payload[2]! << 8) | begin.payload[3]!;
    const refused = this.#refuseBatch(begin, subsystem);
    if (refused !== 0) {
      sink.acknowledge(begin, refused, 0);
      return false;
    }
    for (const validatesEach of [false, true]) {
      const outcome = this.#tryBatch(begin, requests, { ...how, validatesEach });
      if (outcome.mustRepeat && !validatesEach) continue;
      for (const { request, error, badAt } of outcome.told) sink.acknowledge(request, error, badAt);
      if (!outcome.isDone) return false;
      this.#tell(outcome.transaction, requests[0]!, how);
      return outcome.transaction.hasChanged;
    }
    return false;
  }

  /** Of another subsystem than nf_tables, or of a ruleset that is an older one. */
  #refuseBatch({ payload }: NetfilterRequest, subsystem: number): number {
    if (subsystem !== NFNL_SUBSYS_NFTABLES) return -EOPNOTSUPP;
    try {
      const generation = Attributes.read(payload, HEADER_SIZE).u32(NFNL_BATCH_GENID);
      return generation !== null && generation !== 0 && generation !== this.#ruleset.generation ? -ERESTART : 0;
    } catch (error) {
      return errnoOf(error);
    }
  }

  #tryBatch<R extends NetfilterRequest>(
    begin: R,
    requests: readonly R[],
    { asker, nowNs, validatesEach }: { asker: Asker; nowNs: number; validatesEach: boolean },
  ): {
    readonly transaction: Transaction;
    readonly told: { request: R; error: number; badAt: number }[];
    readonly isDone: boolean;
    readonly mustRepeat: boolean;
  } {
    const transaction = new Transaction(this.#ruleset, { nowNs, port: asker.port });
    const told: { request: R; error: number; badAt: number }[] = [];
    if ((begin.flags & NLM_F_ACK) !== 0) told.push({ request: begin, error: 0, badAt: 0 });
    let hasFailed = false;
    let hasEnded = false;
    for (const request of requests) {
      if (request.payload.length < HEADER_SIZE || request.type === NFNL_MSG_BATCH_BEGIN) {
        hasFailed = true;
        break;
      }
      if (request.type === NFNL_MSG_BATCH_END) {
        hasEnded = true;
        if ((request.flags & NLM_F_ACK) !== 0) told.push({ request, error: 0, badAt: 0 });
        break;
      }
      const error = this.#change(transaction, request, validatesEach);
      if (error !== 0) hasFailed = true;
      if (error !== 0 || (request.flags & NLM_F_ACK) !== 0) told.push({ request, error, badAt: this.#badAt });
    }
    let mustRepeat = false;
    // What only is to be tried has no end (nft -c; NFNL_ABORT_VALIDATE).
    if (!hasFailed && !validatesEach) mustRepeat = !isValid(transaction);
    if (hasEnded && !hasFailed && !mustRepeat && transaction.hasLooseChains) {
      told.unshift({ request: begin, error: -EINVAL, badAt: 0 });
      hasFailed = true;
    }
    const isDone = hasEnded && !hasFailed && !mustRepeat;
    if (!isDone) transaction.rollBack();
    else if (transaction.hasChanged) this.#ruleset.generation = (this.#ruleset.generation + 1) >>> 0 || 1;
    return { transaction, told, isDone, mustRepeat };
  }

  /** @returns 0 or a negated errno */
  #change(transaction: Transaction, request: NetfilterRequest, validatesEach: boolean): number {
    const { type, flags, sequence, payload } = request;
    this.#badAt = 0;
    if ((flags & NLM_F_REQUEST) === 0 || type < NLMSG_MIN_TYPE || type >> 8 !== NFNL_SUBSYS_NFTABLES) return -EINVAL;
    const change = CHANGES.get(type & 0xff);
    if (change === undefined) return -EINVAL;
    try {
      transaction.begin(sequence, (flags & NLM_F_ECHO) !== 0);
      change(transaction, { family: payload[0]!, flags, attributes: Attributes.read(payload, HEADER_SIZE) });
      if (validatesEach) validate(transaction);
      return 0;
    } catch (error) {
      return this.#failed(error, request);
    }
  }

  /** @returns a negated errno @throws what is no refusal: a defect */
  #failed(error: unknown, { payload }: NetfilterRequest): number {
    const errno = errnoOf(error);
    const { bad } = error as Refusal;
    // The message's header, and the attribute's own.
    if (bad?.buffer === payload.buffer)
      this.#badAt = Nlmsghdr.size + bad.byteOffset - payload.byteOffset - ATTRIBUTE_HEADER_SIZE;
    return errno;
  }

  /** Listeners of NFNLGRP_NFTABLES hear of each change, and last of the new generation. */
  #tell(
    { notices, hasChanged }: Transaction,
    first: NetfilterRequest,
    { asker, sink }: { asker: Asker; sink: AnswerSink<never> },
  ): void {
    if (!hasChanged) return;
    for (const notice of notices) this.#hear(notice, { asker, sink });
    const generation = (w: MessageWriter): void => fillGeneration(w, this.#ruleset, asker);
    // The first change of the batch stands for all of it.
    const { sequence } = first;
    const isEchoed = (first.flags & NLM_F_ECHO) !== 0;
    const last = { message: NFT_MSG_NEWGEN, family: AF_UNSPEC, flags: 0, isEchoed, sequence, fill: generation };
    this.#hear(last, { asker, sink });
  }

  #hear(notice: Notice, { asker, sink }: { asker: Asker; sink: AnswerSink<never> }): void {
    const bytes = this.#noticeBytes(notice, asker.port);
    if (notice.isEchoed) sink.message(bytes);
    sink.broadcast(bytes, NFNLGRP_NFTABLES);
  }

  #noticeBytes({ message, family, flags, sequence, fill }: Notice, port: number): Uint8Array {
    const resource = this.#ruleset.generation & 0xffff;
    this.#writer.begin((NFNL_SUBSYS_NFTABLES << 8) | message, { flags, sequence, port, family, resource });
    fill(this.#writer);
    return this.#writer.finish();
  }
}

function isValid(transaction: Transaction): boolean {
  try {
    validate(transaction);
    return true;
  } catch (error) {
    errnoOf(error);
    return false;
  }
}

/** @throws what is no refusal: a defect */
function errnoOf(error: unknown): number {
  if (error instanceof Refusal) return -error.errno;
  throw error;
}
