/** What else is done over the window manager's connection has of it (x11/x-selection.ts). */
import type { XRequest } from "./x-connection.ts";
import type { AtomName } from "./x-protocol.ts";

/** The connection, with what was asked for by name. */
export interface XLink {
  /** Never shown: what needs a window to speak for us has it. */
  readonly ownWindow: number;
  /** First code of XFIXES' events, and its opcode; 0: it is absent. */
  readonly fixesEvent: number;
  readonly fixesMajor: number;
  atom(name: AtomName): number;
  request(request: XRequest): void;
  ask(request: XRequest, onReply: (reply: DataView | null) => void): void;
  /** Nothing that was asked is unanswered. */
  readonly isAtRest: boolean;
}
