/** `stratos hub role|grant|webhook`. */
import type { RoleView } from "@stratos/hub-api";
import { withHub, type HubOptions } from "../hub/hub-login.ts";
import { listOf, printJson, type Listing } from "../hub/hub-listing.ts";

interface GrantView {
  readonly principal: string;
  readonly role: string;
}
interface WebhookView {
  readonly id: number;
  readonly url: string;
  readonly events: readonly string[];
  readonly owner: string;
  readonly enabled: boolean;
}
interface DeliveryView {
  readonly id: number;
  readonly state: string;
  readonly attempt: number;
  readonly status: number | null;
  readonly message: string | null;
  readonly created: string;
}

export function listRoles(options: Listing): Promise<number> {
  return listOf<RoleView>("/roles", options, {
    ROLE: ({ name }) => name,
    INHERITS: ({ inherits }) => inherits.join(",") || "-",
    PERMISSIONS: ({ permissions }) => permissions.join(","),
  });
}

export function setRole(
  name: string,
  options: Listing & { readonly inherit: readonly string[]; readonly permit: readonly string[] },
): Promise<number> {
  return withHub(options, async (client) => {
    const body = { inherits: options.inherit, permissions: options.permit };
    const role = await client.call<RoleView>("PUT", `/roles/${encodeURIComponent(name)}`, body);
    if (options.json === true) printJson(role);
  });
}

export function removeRoles(names: readonly string[], options: HubOptions): Promise<number> {
  return withHub(options, async (client) => {
    for (const name of names) await client.call("DELETE", `/roles/${encodeURIComponent(name)}`);
  });
}

export function listGrants(options: Listing): Promise<number> {
  return listOf<GrantView>("/grants", options, { PRINCIPAL: ({ principal }) => principal, ROLE: ({ role }) => role });
}

export function changeGrants(
  principal: string,
  roles: readonly string[],
  isGiven: boolean,
  options: HubOptions,
): Promise<number> {
  return withHub(options, async (client) => {
    for (const role of roles)
      await client.call(
        isGiven ? "PUT" : "DELETE",
        `/grants/${encodeURIComponent(principal)}/${encodeURIComponent(role)}`,
      );
  });
}

export function listWebhooks(options: Listing): Promise<number> {
  return listOf<WebhookView>("/webhooks", options, {
    WEBHOOK: ({ id }) => String(id),
    URL: ({ url }) => url,
    OWNER: ({ owner }) => owner,
    EVENTS: ({ events }) => events.join(","),
  });
}

/** The secret alone on stdout, so that it can go into a file. */
export function addWebhook(url: string, events: readonly string[], options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const made = await client.call<WebhookView & { secret: string }>("POST", "/webhooks", { url, events });
    if (options.json === true) printJson(made);
    else process.stdout.write(`${made.secret}\n`);
  });
}

export function removeWebhook(id: number, options: HubOptions): Promise<number> {
  return withHub(options, (client) => client.call<void>("DELETE", `/webhooks/${id}`));
}

export function listDeliveries(id: number, options: Listing): Promise<number> {
  return listOf<DeliveryView>(`/webhooks/${id}/deliveries`, options, {
    DELIVERY: (one) => String(one.id),
    STATE: ({ state }) => state,
    ATTEMPTS: ({ attempt }) => String(attempt),
    STATUS: ({ status }) => (status === null ? "-" : String(status)),
    CREATED: ({ created }) => created,
    MESSAGE: ({ message }) => message ?? "",
  });
}

export function redeliver(id: number, options: HubOptions): Promise<number> {
  return withHub(options, (client) => client.call<void>("POST", `/deliveries/${id}/retry`));
}
