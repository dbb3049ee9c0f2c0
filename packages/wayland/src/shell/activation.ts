/**
 * xdg_activation_v1: a program that has the keyboard lets another one come to the top, by a token that it hands on. Who
 * has no token of the program in front stays where it is.
 */
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement } from "../protocol/protocol.ts";
import { type Surface, surfaceOf } from "../surface/surface.ts";

/** Tokens that were not used yet; of more the oldest is none any more. */
const TOKENS_MAX = 64;

interface ActivationOwner {
  /** Who has the keyboard. */
  focusedClient(): Client | null;
  /** The window of the surface comes to the top. */
  activate(surface: Surface): void;
}

export class Activation {
  readonly #owner: ActivationOwner;
  readonly #tokens = new Set<string>();
  #count = 0;

  constructor(owner: ActivationOwner) {
    this.#owner = owner;
  }

  bind(resource: Resource): void {
    implement(resource, "xdg_activation_v1", {
      destroy: () => {},
      get_activation_token: (id) => this.#addToken(id),
      activate: (token, surface) => {
        // Each counts once.
        if (this.#tokens.delete(token)) this.#owner.activate(surfaceOf(surface));
      },
    });
  }

  #addToken(resource: Resource): void {
    let isUsed = false;
    const use = (): void => {
      if (isUsed) resource.fail(enums.xdg_activation_token_v1.error.already_used, "the token was committed already");
    };
    implement(resource, "xdg_activation_token_v1", {
      set_serial: use,
      set_app_id: use,
      set_surface: use,
      commit: () => {
        use();
        isUsed = true;
        const token = `stratos-${++this.#count}`;
        if (this.#owner.focusedClient() === resource.client) this.#tokens.add(token);
        if (this.#tokens.size > TOKENS_MAX) this.#tokens.delete([...this.#tokens][0]!);
        events.xdg_activation_token_v1.done(resource, token);
      },
      destroy: () => {},
    });
  }
}
