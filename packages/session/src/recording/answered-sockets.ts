/**
 * Sockets of the host as a run has them that gets what comes from outside in turns. What the host's sockets do by
 * themselves is *news*, let in between two turns (input-gate.ts); what a call does at once is an *answer*
 * (host-answers.ts). In between a socket is what it has been told, and the host is not looked at: so the same news at
 * the same moments, and the same answers, make the same sockets without a host.
 *
 *     host ──► next(): news ──► recording ──► letIn(news) ──► AnsweredSocket ◄── kernel
 *                                             (a replay begins here)    │
 *     host ◄─── calls, once (`answer`) ◄────────────────────────────────┘
 */
import { ENETUNREACH, isErrno } from "@stratos/abi";
import type { HostInterfaceAddress, HostSocket, HostSocketEvents, HostSocketType, SocketProvider } from "@stratos/host";
import { AnsweredSocket, type SocketOwner } from "./answered-socket.ts";
import type { HostAnswers } from "./host-answers.ts";
import { RecordingError } from "./recording-format.ts";
import { isResult, isSocketAnswer, type RecordedNetwork, type SocketNews } from "./socket-news.ts";

export class AnsweredSockets implements SocketProvider, SocketOwner {
  readonly answers: HostAnswers;
  readonly #network: RecordedNetwork;
  readonly #host: SocketProvider | null;
  /** Those that the guest has not closed, by number. */
  readonly #open = new Map<number, AnsweredSocket>();
  #last = 0;
  /** Those whose host may have news. */
  readonly #dirty = new Set<AnsweredSocket>();
  /** Those that had bytes on the way out when they were looked at last: the host does not tell when these leave. */
  readonly #sending = new Set<AnsweredSocket>();
  /** Something may have come. */
  onNews: () => void = () => {};

  /** @param host  null while replaying */
  constructor(answers: HostAnswers, network: RecordedNetwork, host: SocketProvider | null) {
    this.answers = answers;
    this.#network = network;
    this.#host = host;
  }

  /** Those of a fork of a replay, which come as they are copied (`adopt`). */
  fork(answers: HostAnswers): AnsweredSockets {
    const fork = new AnsweredSockets(answers, this.#network, null);
    fork.#last = this.#last;
    return fork;
  }

  get network(): RecordedNetwork {
    return this.#network;
  }

  nameServers(): string[] {
    return [...this.#network.nameServers];
  }

  localAddresses(): HostInterfaceAddress[] {
    return [...this.#network.addresses];
  }

  create(family: 4 | 6, type: HostSocketType, events: HostSocketEvents): HostSocket | number {
    const socket = new AnsweredSocket(this, this.#last + 1, type, events);
    const answer: unknown = this.answers.answer(
      `a ${type} socket of IPv${family}`,
      () => {
        const host = this.#host!.create(family, type, socket.hostEvents);
        if (isErrno(host)) return host;
        socket.host = host;
        return socket.answerOf(0);
      },
      -ENETUNREACH,
    );
    if (isResult(answer, 0) && answer < 0) return answer;
    if (isSocketAnswer(answer, 0)) socket.take(answer);
    this.#last++;
    this.adopt(socket);
    return socket;
  }

  /** Something outside may come to one of them. */
  get hasOpen(): boolean {
    return this.#open.size > 0;
  }

  has(id: number): boolean {
    return this.#open.has(id);
  }

  /** What came first; null: nothing has come. Let in before more is asked for. */
  next(): SocketNews | null {
    for (const socket of this.#dirty) {
      const news = socket.news(this.#last + 1);
      if (news !== null) return news;
      this.#dirty.delete(socket);
    }
    return null;
  }

  /** Before a turn. */
  look(): void {
    for (const socket of this.#sending) this.#dirty.add(socket);
  }

  /** @throws RecordingError  there is no such socket */
  letIn(news: SocketNews): void {
    const socket = this.#open.get(news.socket);
    if (socket === undefined) throw new RecordingError({ kind: "no socket", socket: news.socket });
    const { connection } = news;
    if (connection !== undefined) {
      if (connection.socket !== this.#last + 1)
        throw new RecordingError({ kind: "no socket", socket: connection.socket });
      const child = socket.letConnect(connection);
      this.#last++;
      this.adopt(child);
    }
    socket.letIn(news);
  }

  // ---- What its sockets tell

  adopt(socket: AnsweredSocket): void {
    this.#open.set(socket.id, socket);
  }

  mayHaveNews(socket: AnsweredSocket): void {
    if (socket.host === null || !this.#open.has(socket.id)) return;
    this.#dirty.add(socket);
    this.onNews();
  }

  isSending(socket: AnsweredSocket, isSending: boolean): void {
    if (isSending) this.#sending.add(socket);
    else this.#sending.delete(socket);
  }

  closed(socket: AnsweredSocket): void {
    this.#open.delete(socket.id);
    this.#dirty.delete(socket);
    this.#sending.delete(socket);
  }
}
