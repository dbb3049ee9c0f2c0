/** What a route of the API is: OpenAPI, the check of requests and the tests of who may what derive from it. */
import type { Queryable } from "../database/database.ts";
import type { Principal } from "../access/access.ts";
import type { Circumstances } from "../access/policies.ts";
import type { HubService } from "../hub-service.ts";
import type { Precondition, TakesConditions } from "./preconditions.ts";

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface ApiRequest {
  readonly hub: HubService;
  readonly principal: Principal;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body: unknown;
  /** Body of a route that takes bytes. */
  readonly content: AsyncIterable<Uint8Array>;
  readonly headers: Headers;
  readonly signal: AbortSignal;
  readonly precondition: Precondition;
  /** The transaction of an Idempotency-Key; for routes that join it. */
  readonly inside: Queryable | undefined;
  /** @param task  that it is about @throws HubError 403; the decision is written down */
  require(permission: string, task?: Circumstances["task"]): Promise<void>;
  /** Asks without refusing. */
  may(permission: string): boolean;
  /**
   * Whether who asked would get in now as well; for answers that go on, and that wait. Nothing is written down.
   *
   * @param permission  where the route's own is scoped
   */
  mayStill(permission?: string): Promise<boolean>;
}

export interface ApiAnswer {
  readonly status?: number;
  readonly body?: unknown;
  /** Becomes the ETag. */
  readonly version?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface ApiRoute {
  readonly id: string;
  readonly method: "get" | "post" | "put" | "patch" | "delete";
  /** Below /v1. */
  readonly path: string;
  readonly summary: string;
  readonly tag: string;
  /** What it takes; where it is scoped, the handler asks for it with its scope. */
  readonly permission: string;
  readonly isScoped?: true;
  readonly query?: Readonly<Record<string, { readonly schema: JsonSchema; readonly description: string }>>;
  readonly body?: JsonSchema;
  /** No body at all is the same as `{}`. */
  readonly isBodyOptional?: true;
  readonly bodyBytesMax?: number;
  /** `bytes`: the body is content, and not JSON. */
  readonly takes?: "bytes";
  readonly answers?: "json" | "bytes" | "events" | "nothing";
  readonly answer?: JsonSchema;
  readonly status?: number;
  /** Problems that a client has something to do about: what each status says. */
  readonly problems?: Readonly<Record<number, string>>;
  /** POST that may be sent again and again, as GET. */
  readonly changesNothing?: true;
  /** With an Idempotency-Key all that it does is done `inside`, so that it cannot be done twice (idempotency.ts). */
  readonly joinsTransaction?: true;
  /** What of the answer is told this once, and kept nowhere. */
  readonly tellsOnce?: string;
  /** Where what it has made (201) is. */
  readonly location?: (made: { readonly id: number }) => string;
  readonly takesConditions?: TakesConditions;
  /** It works on, and is to go: its answers and OpenAPI say so. */
  readonly deprecated?: {
    /** Days, such as 2027-01-31. */
    readonly since: string;
    /** From when on it may be gone. */
    readonly sunset?: string;
    /** Path below /v1 of what replaces it. */
    readonly successor?: string;
  };
  readonly handle: (request: ApiRequest) => Promise<ApiAnswer | Response>;
}

/** A route that changes something and has nothing to say about it: 204. */
export function silentRoute(
  route: Omit<ApiRoute, "answers" | "status" | "handle">,
  change: (request: ApiRequest) => Promise<unknown>,
): ApiRoute {
  return {
    ...route,
    answers: "nothing",
    status: 204,
    handle: async (request) => {
      await change(request);
      return {};
    },
  };
}
