/**
 * xdg_activation_v1: a program that has the keyboard lets another one come to the top, by a token that it hands on. Who
 * has no token of the program in front stays where it is.
 */
import { flag, list, record, text, whole } from "@stratos/base/value-check";
import type { Client } from "../core/client.ts";
import type { Resource } from "../core/resource.ts";
import { enums, events, implement, stand } from "../protocol/protocol.ts";
import { a, savedClass } from "../saved/saved-class.ts";
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

  serve(resource: Resource): void {
    implement(resource, "xdg_activation_v1", {
      destroy: () => {},
      get_activation_token: (id) => stand(id, new ActivationToken(id, this)),
      activate: (token, surface) => {
        // Each counts once.
        if (this.#tokens.delete(token)) this.#owner.activate(surfaceOf(surface));
      },
    });
  }

  /** @returns a new one, which counts if the program has the keyboard */
  tokenFor(client: Client): string {
    const token = `stratos-${++this.#count}`;
    if (this.#owner.focusedClient() === client) this.#tokens.add(token);
    if (this.#tokens.size > TOKENS_MAX) this.#tokens.delete([...this.#tokens][0]!);
    return token;
  }

  save(): SavedActivation {
    return { tokens: [...this.#tokens], count: this.#count };
  }

  goOn({ tokens, count }: SavedActivation): void {
    for (const token of tokens) this.#tokens.add(token);
    this.#count = count;
  }
}

interface SavedActivation {
  readonly tokens: readonly string[];
  readonly count: number;
}

export const isSavedActivation = record({ tokens: list(text(64), TOKENS_MAX), count: whole(0, 2 ** 48) });

class ActivationToken {
  readonly resource: Resource;
  readonly owner: Activation;
  isUsed = false;

  constructor(resource: Resource, owner: Activation) {
    this.resource = resource;
    this.owner = owner;
  }

  serve(): void {
    const { resource } = this;
    const use = (): void => {
      if (this.isUsed)
        resource.fail(enums.xdg_activation_token_v1.error.already_used, "the token was committed already");
    };
    implement(resource, "xdg_activation_token_v1", {
      set_serial: use,
      set_app_id: use,
      set_surface: use,
      commit: () => {
        use();
        this.isUsed = true;
        events.xdg_activation_token_v1.done(resource, this.owner.tokenFor(resource.client));
      },
      destroy: () => {},
    });
  }

  static {
    savedClass("ActivationToken", this, {
      resource: a("Resource"),
      owner: (value) => value instanceof Activation,
      isUsed: flag,
    });
  }
}
