import type { Problem } from "@stratos/hub-api";

/** A request that the hub understands and refuses. The API answers it as a problem (RFC 9457) of this status. */
export class HubError extends Error {
  readonly status: number;
  /** Last part of the problem's type. */
  readonly kind: string;
  readonly headers: Readonly<Record<string, string>>;
  /** What the problem says beside its words (RFC 9457 §3.2). */
  readonly members: Partial<Problem>;

  constructor(
    status: number,
    kind: string,
    detail: string,
    options: { headers?: Record<string, string>; members?: Partial<Problem>; cause?: unknown } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.kind = kind;
    this.headers = options.headers ?? {};
    this.members = options.members ?? {};
  }
}

export const notFound = (what: string): HubError => new HubError(404, "not-found", `${what}: there is none`);
