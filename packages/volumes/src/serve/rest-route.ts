/**
 * One operation of the REST service, as data: its handler is called with checked values, and the OpenAPI description is
 * made from the same.
 */
import type { Role } from "./access/role.ts";
import type { ServedVolume, ServedVolumes } from "./served-volumes.ts";

/** JSON Schema (2020-12), as far as we use it. */
export type Schema = { readonly [key: string]: unknown };

export interface RestRequest {
  readonly volumes: ServedVolumes;
  /** The volume of the path; only where the path names one. */
  readonly volume: ServedVolume;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body: Readonly<Record<string, unknown>>;
  /** The raw body, of operations that take bytes. */
  readonly content: AsyncIterable<Uint8Array>;
}

/** What a service tells of an operation, and checks requests by. */
export interface RestOperation {
  readonly method: "get" | "put" | "post" | "delete";
  /** `/volumes/{volume}/…`, below the service's root. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** That it needs, of services that tell who may. */
  readonly role?: string;
  readonly query?: Readonly<
    Record<string, { readonly schema: Schema; readonly required?: boolean; readonly description: string }>
  >;
  /** Of a JSON body. */
  readonly body?: Schema;
  /** The body is taken as bytes. */
  readonly takesBytes?: true;
  /** Of a JSON answer; "bytes" or "text" for others. */
  readonly answer: Schema | "bytes" | "text";
  readonly status?: 200 | 201 | 202 | 204;
}

export interface RestRoute extends RestOperation {
  readonly role: Role;
  /** It changes the volume: refused where all is read-only, and durable when it is answered. */
  readonly changes?: true;
  readonly handle: (request: RestRequest) => unknown;
}
