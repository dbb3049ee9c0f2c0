/** What the page of a desktop in a tab and its worker tell each other, beside what every tab's do. */
import type { Where } from "@stratos/console/tab-page";

export interface DesktopStart extends Where {
  readonly kind: "start";
  /** The worker's end of what carries requests and connections. */
  readonly link: MessagePort;
}

/** Of the page, over the link. Paths begin with `/v1`. */
export type Linked =
  | {
      readonly kind: "request";
      readonly id: number;
      readonly method: string;
      readonly path: string;
      /** Of the body, which null says is absent. */
      readonly type: string | null;
      readonly body: Uint8Array<ArrayBuffer> | null;
    }
  /** The port carries text, bytes, and `Closed` by either side. */
  | { readonly kind: "connect"; readonly path: string; readonly port: MessagePort };

export interface Answered {
  readonly id: number;
  readonly status: number;
  readonly type: string;
  readonly body: Uint8Array<ArrayBuffer>;
}

export interface Closed {
  /** As WebSockets have it: 1000, or 1005 of who was put out by another. */
  readonly closed: number;
}
