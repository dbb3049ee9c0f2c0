/** `stratos hub webhook`. */
import type { Command } from "commander";
import { CommandError, UsageError } from "../command-error.ts";
import { withHub, type HubOptions } from "../hub/hub-client.ts";
import { listOf, printJson, type Listing } from "../hub/hub-listing.ts";
import { noun, parseCount, row } from "./hub-options.ts";
import { jsonOption, type Finish } from "./row-options.ts";

export function webhookCommand(finish: Finish): Command {
  const webhook = noun("webhook", "have events told to other programs");
  const parse = parseCount(1);
  webhook.addCommand(
    row("ls", "list webhooks", "Lists webhooks, without their secrets.")
      .addOption(jsonOption())
      .action(async (options: Listing) => finish(await listWebhooks(options))),
  );
  webhook.addCommand(
    row(
      "add",
      "have events told to a URL",
      "Has events POSTed to a URL, and prints this once the secret that signs them (Stratos-Signature).",
    )
      .argument("<url>", "http or https")
      .argument("<event...>", "such as COMPLETED FAILED PUBLISHED; `hub event` shows their names")
      .addOption(jsonOption())
      .action(async (url: string, events: string[], options: Listing) =>
        finish(await addWebhook(url, events, options)),
      ),
  );
  webhook.addCommand(
    row("rm", "remove a webhook", "Removes a webhook and its deliveries.")
      .argument("<webhook>", "its number", parse)
      .action(async (id: number, options: HubOptions) => finish(await removeWebhook(id, options))),
  );
  webhook.addCommand(
    row("test", "tell a webhook of nothing", "Tells a webhook of an event TEST, now and once; status 1 when it fails.")
      .argument("<webhook>", "its number", parse)
      .addOption(jsonOption())
      .action(async (id: number, options: Listing) => finish(await testWebhook(id, options))),
  );
  webhook.addCommand(
    row("deliveries", "list what was delivered", "Lists the last hundred deliveries; DEAD ones are tried no more.")
      .argument("<webhook>", "its number", parse)
      .addOption(jsonOption())
      .action(async (id: number, options: Listing) => finish(await listDeliveries(id, options))),
  );
  webhook.addCommand(
    row(
      "retry",
      "deliver again",
      "Tries deliveries now, whether they wait, are DEAD, or were delivered before; with --dead all dead ones of a " +
        "webhook.",
    )
      .argument("[delivery...]", "their numbers", (text: string, before: readonly number[] = []) => [
        ...before,
        parse(text),
      ])
      .option("--dead <webhook>", "all dead ones of this webhook", parse)
      .action(async (ids: readonly number[], options: RetryOptions) => finish(await redeliver(ids, options))),
  );
  return webhook;
}

interface WebhookView {
  readonly id: number;
  readonly url: string;
  readonly events: readonly string[];
  readonly owner: string;
  readonly enabled: boolean;
  readonly waiting: number;
  readonly dead: number;
}
interface RetryOptions extends HubOptions {
  readonly dead?: number;
}
interface DeliveryView {
  readonly id: number;
  readonly state: string;
  readonly event: string;
  readonly task: number | null;
  readonly next: string | null;
  readonly attempt: number;
  readonly status: number | null;
  readonly message: string | null;
  readonly created: string;
}

function listWebhooks(options: Listing): Promise<number> {
  return listOf<WebhookView>("/webhooks", options, {
    WEBHOOK: ({ id }) => String(id),
    URL: ({ url }) => url,
    OWNER: ({ owner }) => owner,
    WAITING: ({ waiting }) => String(waiting),
    DEAD: ({ dead }) => String(dead),
    EVENTS: ({ events }) => events.join(","),
  });
}

/** The secret alone on stdout, so that it can go into a file. */
function addWebhook(url: string, events: readonly string[], options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const made = await client.call<WebhookView & { secret: string }>("POST", "/webhooks", { url, events });
    if (options.json === true) printJson(made);
    else {
      process.stderr.write(`webhook ${made.id}\n`);
      process.stdout.write(`${made.secret}\n`);
    }
  });
}

function testWebhook(id: number, options: Listing): Promise<number> {
  return withHub(options, async (client) => {
    const answer = await client.call<{ status: number | null; message: string | null }>("POST", `/webhooks/${id}/test`);
    if (options.json === true) printJson(answer);
    const { status, message } = answer;
    if (status !== null && status >= 200 && status < 300) return 0;
    throw new CommandError(`webhook ${id}`, status === null ? message! : `the receiver answers ${status}`);
  });
}

function removeWebhook(id: number, options: HubOptions): Promise<number> {
  return withHub(options, (client) => client.call<void>("DELETE", `/webhooks/${id}`));
}

function listDeliveries(id: number, options: Listing): Promise<number> {
  return listOf<DeliveryView>(`/webhooks/${id}/deliveries`, options, {
    DELIVERY: (one) => String(one.id),
    STATE: ({ state }) => state,
    EVENT: ({ event }) => event,
    TASK: ({ task }) => (task === null ? "-" : String(task)),
    ATTEMPTS: ({ attempt }) => String(attempt),
    STATUS: ({ status }) => (status === null ? "-" : String(status)),
    CREATED: ({ created }) => created,
    NEXT: ({ next }) => next ?? "-",
    MESSAGE: ({ message }) => message ?? "",
  });
}

function redeliver(ids: readonly number[], { dead, ...options }: RetryOptions): Promise<number> {
  if (ids.length === 0 && dead === undefined)
    throw new UsageError("hub webhook retry", "expected numbers of deliveries, or --dead WEBHOOK");
  return withHub(options, async (client) => {
    for (const id of ids) await client.call<void>("POST", `/deliveries/${id}/retry`);
    if (dead === undefined) return;
    const { count } = await client.call<{ count: number }>("POST", `/webhooks/${dead}/retry`);
    process.stdout.write(`${count} of webhook ${dead} tried again\n`);
  });
}
